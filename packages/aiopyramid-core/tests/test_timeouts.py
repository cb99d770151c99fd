"""timeouts: the time limit for requests, under servers with a loop and servers with threads."""

import asyncio
import gc
import threading
import time
import weakref
from queue import Queue

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPServiceUnavailable
from pyramid.response import Response
from webob import Request

from aiopyramid_core import await_, call_in_thread, spawn, spawn_greenlet, synchronize
from aiopyramid_core._threads.of_process import request_threads
from aiopyramid_core.timeouts import RequestTimeout

LIMIT = 0.1  # seconds; nothing below depends on how much longer it really takes
PATIENCE_SECONDS = 20


@synchronize
async def wait_forever(log):
    try:
        log.append("began")
        await asyncio.get_running_loop().create_future()
    finally:
        log.append("cancelled")


@pytest.fixture
def build():
    """Build an application with a time limit, from a view or a function that configures it."""

    def build(view=None, configure=None, limit=LIMIT):
        config = Configurator(settings={"aiopyramid.request_timeout": str(limit)})
        config.include("aiopyramid_core")
        if view is not None:
            config.add_view(view)
        if configure is not None:
            configure(config)
        return config.make_wsgi_app()

    return build


@pytest.fixture(params=["loop", "threads"])
def answer(request, run, fetch):
    """Send a request as a server with a loop does, or from a thread as other servers do."""
    if request.param == "threads":
        return lambda app: Request.blank("/").get_response(app)
    return lambda app: run(fetch, app)


async def endless(request):
    await asyncio.get_running_loop().create_future()


# --- Out of time ----------------------------------------------------------------------------------


def test_a_coroutine_view_out_of_time_is_answered_with_503(build, answer):
    response = answer(build(endless))
    assert response.status_int == 503
    assert "The server took too long to answer this request." in response.text
    assert "The limit is 0.1 seconds." in response.text


def test_the_finally_clauses_of_a_coroutine_view_run_and_may_wait(build, answer):
    log = []

    async def view(request):
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            log.append("cleaned up")

    assert answer(build(view)).status_int == 503
    assert log == ["cleaned up"]


def test_what_a_synchronous_view_awaits_is_cancelled(build, answer):
    log = []

    def view(request):
        wait_forever(log)

    assert answer(build(view)).status_int == 503
    assert log == ["began", "cancelled"]


@pytest.mark.parametrize("context", [RequestTimeout, HTTPServiceUnavailable])
@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_an_exception_view_may_answer_in_its_place(build, answer, context, kind):
    def ordinary(error, request):
        return Response(f"later: {error.detail} {request.exception is error}", status=503)

    async def coroutine(error, request):
        await asyncio.sleep(0)  # the limit is past, and does not hold here
        return ordinary(error, request)

    view = coroutine if kind == "coroutine" else ordinary
    response = answer(
        build(endless, lambda config: config.add_exception_view(view, context=context))
    )
    assert (response.status_int, response.text) == (503, "later: The limit is 0.1 seconds. True")


def slow_tween_factory(handler, registry):
    def slow_tween(request):
        response = handler(request)
        await_(asyncio.sleep(6 * LIMIT))
        return response

    return slow_tween


def test_tweens_are_not_timed(build, answer):
    async def view(request):
        return Response("in time")

    def configure(config):
        config.add_view(view)
        config.add_tween(f"{__name__}.slow_tween_factory")

    # As long as that, because a busy machine may stop for a moment in the view, too.
    assert answer(build(configure=configure, limit=5 * LIMIT)).text == "in time"


def test_a_root_factory_is_timed(build, answer):
    def root_factory(request):
        await_(asyncio.sleep(60))

    app = build(configure=lambda config: config.set_root_factory(root_factory))
    assert answer(app).status_int == 503


def test_a_background_task_may_wait_in_threads_when_the_limit_of_its_request_is_past(build):
    outcome = Queue()

    @synchronize
    async def wait():
        await asyncio.sleep(LIMIT)
        return "waited"

    async def background():
        await asyncio.sleep(LIMIT * 1.5)
        try:
            outcome.put(await call_in_thread(None, wait))
        except Exception as error:
            outcome.put(error)

    def view(request):
        spawn(background())
        return Response("at once")

    assert Request.blank("/").get_response(build(view)).text == "at once"
    assert outcome.get(timeout=PATIENCE_SECONDS) == "waited"


# --- In time --------------------------------------------------------------------------------------


def test_a_request_in_time_does_not_notice(build, answer):
    async def view(request):
        await asyncio.sleep(0.01)
        return Response("in time")

    assert answer(build(view, limit=PATIENCE_SECONDS)).text == "in time"


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_a_time_out_error_of_the_applications_own_stays_what_it_is(build, answer, kind):
    def ordinary(request):
        raise TimeoutError("the database is slow")

    async def coroutine(request):
        await asyncio.sleep(0)
        ordinary(request)

    def configure(config):
        config.add_view(coroutine if kind == "coroutine" else ordinary)
        config.add_exception_view(lambda error, request: Response(str(error)), TimeoutError)

    app = build(configure=configure, limit=PATIENCE_SECONDS)
    assert answer(app).text == "the database is slow"


def test_so_does_one_of_a_synchronous_view_that_has_blocked_for_too_long(build):
    # Under a server with threads only awaits are timed, and this view awaits nothing.
    def view(request):
        time.sleep(LIMIT * 1.5)
        raise TimeoutError("the database is slow")

    def configure(config):
        config.add_view(view)
        config.add_exception_view(lambda error, request: Response(str(error)), TimeoutError)

    response = Request.blank("/").get_response(build(configure=configure))
    assert response.text == "the database is slow"


def test_a_shorter_limit_of_the_applications_own_is_handled_by_it(build, answer):
    async def view(request):
        try:
            async with asyncio.timeout(0.01):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return Response("its own")

    assert answer(build(view, limit=PATIENCE_SECONDS)).text == "its own"


def test_a_longer_limit_of_the_applications_own_does_not_hold_ours_up(build, answer):
    log = []

    async def view(request):
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            log.append("its own")

    assert answer(build(view)).status_int == 503
    assert log == []


def test_a_limit_of_the_applications_own_in_a_tween_holds_as_well(build, run, fetch):
    async def main():
        app = build(endless, limit=PATIENCE_SECONDS)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await fetch(app)

    run(main)


def test_each_request_has_a_limit_of_its_own(build, run, fetch):
    async def main():
        async def view(request):
            if request.path == "/slow":
                await endless(request)
            await asyncio.sleep(0)
            return Response("in time")

        def configure(config):
            config.add_view(view)
            config.add_view(view, name="slow")

        # As long as that, because a busy machine may stop for a moment in a quick request, too.
        app = build(configure=configure, limit=1)
        slow = asyncio.create_task(fetch(app, "/slow"))
        quick = []
        while not slow.done():
            quick.append((await fetch(app)).status_int)
            await asyncio.sleep(LIMIT)
        return slow.result().status_int, set(quick)

    assert run(main) == (503, {200})


def test_in_the_same_thread_the_next_request_has_all_of_its_time(build):
    async def view(request):
        if request.path == "/slow":
            await endless(request)
        await asyncio.sleep(0.01)
        return Response("in time")

    def configure(config):
        config.add_view(view)
        config.add_view(view, name="slow")

    app = build(configure=configure)
    assert Request.blank("/slow").get_response(app).status_int == 503
    assert Request.blank("/").get_response(app).text == "in time"


# --- Threads --------------------------------------------------------------------------------------


def test_a_synchronous_view_is_answered_in_time_and_its_thread_goes_on(build, run, fetch):
    release, ended = threading.Event(), threading.Event()

    def view(request):
        release.wait(PATIENCE_SECONDS)
        ended.set()
        return Response("too late")

    async def main():
        try:
            status = (await fetch(build(view))).status_int
            return status, ended.is_set()
        finally:
            release.set()

    assert run(main) == (503, False)
    assert ended.wait(PATIENCE_SECONDS)


def test_under_a_server_with_threads_a_view_that_only_blocks_is_not_timed(build):
    def view(request):
        time.sleep(LIMIT * 1.5)
        return Response("late, but answered")

    assert Request.blank("/").get_response(build(view)).text == "late, but answered"


# --- Nothing leaks --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_nothing_is_left_of_a_request_out_of_time(build, run, kind, no_warnings):
    requests = []

    def ordinary(request):
        requests.append(weakref.ref(request))
        wait_forever([])

    async def coroutine(request):
        requests.append(weakref.ref(request))
        await endless(request)

    def status_of(app):
        return Request.blank("/").get_response(app).status_int

    async def main():
        app = build(coroutine if kind == "coroutine" else ordinary)
        for _ in range(3):
            assert await asyncio.create_task(spawn_greenlet(status_of, app)) == 503
        # The thread, and what it has awaited, end a little later.
        while len(asyncio.all_tasks()) > 1 or request_threads().counts.running:
            await asyncio.sleep(0.001)

    run(main)
    gc.collect()
    assert [request() for request in requests] == [None] * 3
