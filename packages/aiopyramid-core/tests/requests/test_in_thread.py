"""in_thread: bodies are iterated where they were made."""

import asyncio
import gc
import threading
from contextvars import ContextVar

import pytest
from webob import Request

from aiopyramid_core import await_, spawn_greenlet
from aiopyramid_core._bodies import END_OF_BODY, SynchronousBody
from aiopyramid_core._requests.in_thread import BodyInThread
from aiopyramid_core._threads.of_process import request_threads
from aiopyramid_core.servers import in_threads

PATIENCE_SECONDS = 20
colour: ContextVar[str] = ContextVar("colour", default="none")


def start_response(status, headers, exc_info=None):
    return lambda data: None


def environ(**more):
    return {**Request.blank("/").environ, **more}


async def called(application, **more):
    """Return the body that a server gets when it calls an application in a greenlet."""
    return await spawn_greenlet(in_threads(application), environ(**more), start_response)


def parts_of(body):
    """Iterate a body as the servers of this project do."""
    parts = SynchronousBody(body)
    found = []
    while (part := parts.next()) is not END_OF_BODY:
        found.append(part)
    return parts, found


def generator_application(threads, closed):
    """An application whose body notes in which threads it runs."""

    def wsgi(environ, start_response):
        threads.append(threading.get_ident())
        start_response("200 OK", [])
        colour.set("red")

        def body():
            try:
                for _ in range(3):
                    threads.append(threading.get_ident())
                    yield colour.get().encode()
            finally:
                threads.append(threading.get_ident())
                closed.set()

        return body()

    return wsgi


def test_a_generator_runs_in_the_thread_and_in_the_context_of_its_request(run, until, is_idle):
    threads, closed = [], threading.Event()

    async def main():
        body = await called(generator_application(threads, closed))
        parts, found = await spawn_greenlet(parts_of, body)
        await parts.close()
        await until(is_idle)
        return found

    assert run(main) == [b"red"] * 3
    assert len(set(threads)) == 1
    assert threading.get_ident() not in threads


def test_code_that_handles_an_error_sees_the_context_in_which_it_was_raised(run):
    def failing(environ, start_response):
        colour.set("red")
        raise RuntimeError("of the application")

    def server():
        with pytest.raises(RuntimeError, match="of the application"):
            in_threads(failing)(environ(), start_response)
        return colour.get()

    async def main():
        return await spawn_greenlet(server)

    assert run(main) == "red"


def test_it_is_closed_there_when_the_client_wants_no_more(run, until, is_idle):
    threads, closed = [], threading.Event()

    async def main():
        body = await called(generator_application(threads, closed))
        parts = SynchronousBody(body)
        first = await spawn_greenlet(parts.next)
        await parts.close()
        await until(is_idle)
        return first

    assert run(main) == b"red"
    assert closed.is_set()
    assert len(set(threads)) == 1


def test_synchronous_code_in_a_greenlet_iterates_it_like_any_other(run, until, is_idle):
    threads, closed = [], threading.Event()

    def iterate(body):
        found = list(body)
        body.close()
        body.close()  # as some middleware does
        return found

    async def main():
        body = await called(generator_application(threads, closed))
        found = await spawn_greenlet(iterate, body)
        await until(is_idle)
        return found

    assert run(main) == [b"red"] * 3


def test_a_thread_whose_body_nobody_closes_is_free_again(run, until, is_idle):
    threads, closed = [], threading.Event()

    async def main():
        body = await called(generator_application(threads, closed))
        await spawn_greenlet(next, body)
        del body
        gc.collect()
        await until(is_idle)

    run(main)
    assert closed.is_set()


def test_between_two_parts_the_thread_does_not_count_as_busy(run, monkeypatch, until):
    monkeypatch.setattr(request_threads(), "limit", 1)
    threads, closed = [], threading.Event()

    async def main():
        slow = await called(generator_application(threads, closed))
        await until(lambda: request_threads().counts.waiting == 1)
        others = [await called(lambda environ, start_response: [b"quick"]) for _ in range(3)]
        await spawn_greenlet(slow.close)
        return others

    assert run(main) == [[b"quick"]] * 3


def test_what_a_body_raises_reaches_the_server(run, until, is_idle):
    def wsgi(environ, start_response):
        start_response("200 OK", [])
        yield b"part"
        raise LookupError("broken")

    async def main():
        body = await called(wsgi)
        parts = SynchronousBody(body)
        first = await spawn_greenlet(parts.next)
        with pytest.raises(LookupError, match="broken"):
            await spawn_greenlet(parts.next)
        await parts.close()
        await until(is_idle)
        return first

    assert run(main) == b"part"


class Wrapper:
    def __init__(self, file):
        self.file = file


async def asynchronous():
    yield b"part"


@pytest.mark.parametrize(
    "body", [[b"part"], (b"part",), Wrapper(None), asynchronous()], ids=lambda body: str(type(body))
)
def test_a_body_in_which_no_code_of_the_application_runs_is_passed_on(run, body, until, is_idle):
    async def main():
        returned = await called(
            lambda environ, start_response: body, **{"wsgi.file_wrapper": Wrapper}
        )
        await until(is_idle)
        return returned

    assert run(main) is body


def test_a_cancelled_request_lets_its_thread_go_on_to_the_end(run, until):
    begun, release, ended = (threading.Event() for _ in range(3))
    started = []

    def wsgi(environ, start_response):
        begun.set()
        release.wait(PATIENCE_SECONDS)
        write = start_response("200 OK", [])
        write(b"nobody reads this")
        ended.set()
        return []

    def server_start_response(*args):
        started.append(args)

    async def main():
        task = asyncio.create_task(
            spawn_greenlet(in_threads(wsgi), environ(), server_start_response)
        )
        await until(begun.is_set)
        task.cancel()
        await asyncio.wait([task])
        release.set()
        await until(ended.is_set)
        return task.cancelled()

    assert run(main) is True
    assert started == []  # the server may have begun with another request


def test_the_body_is_one_of_ours(run):
    threads, closed = [], threading.Event()

    async def main():
        body = await called(generator_application(threads, closed))
        await spawn_greenlet(body.close)
        return type(body)

    assert run(main) is BodyInThread


def test_a_body_whose_client_has_gone_may_wait_while_it_is_closed(run, until, is_idle):
    begun, go_on = threading.Event(), threading.Event()
    closed = []

    async def release():
        await asyncio.sleep(0)
        closed.append("released")

    def wsgi(environ, start_response):
        def body():
            try:
                begun.set()
                go_on.wait(PATIENCE_SECONDS)
                yield b"part"
            finally:
                await_(release())

        start_response("200 OK", [])
        return body()

    def serve():
        parts = SynchronousBody(in_threads(wsgi)(environ(), start_response))
        try:
            parts.next()
        finally:
            await_(parts.close())

    async def main():
        task = asyncio.create_task(spawn_greenlet(serve))
        await until(begun.is_set)
        task.cancel()
        asyncio.get_running_loop().call_later(0.01, go_on.set)
        await asyncio.wait([task])
        await until(is_idle)

    run(main)
    assert closed == ["released"]


# --- On behalf of a request that has a thread already ---------------------------------------------


def test_a_body_of_another_application_is_iterated_in_the_thread_that_waits_for_it(
    run, until, is_idle
):
    threads, closed = [], threading.Event()
    inner = in_threads(generator_application(threads, closed))

    async def ask_inner():
        return Request.blank("/").get_response(inner)

    def outer(environ, start_response):
        threads.append(threading.get_ident())
        response = await_(ask_inner())  # what it returns has a body that nobody has read yet
        start_response("200 OK", [])
        return [response.body]

    async def main():
        async with asyncio.timeout(PATIENCE_SECONDS):
            body = await called(outer)
            await until(is_idle)
        return body

    assert run(main) == [b"redredred"]
    assert closed.is_set()
    assert len(set(threads)) == 1
