"""application: one call of an application, with a sink that keeps what it gets."""

import asyncio
import threading

import pytest

from aiopyramid_core import await_, call_off_loop, spawn_greenlet
from aiopyramid_core.exceptions import ApplicationError, ClientDisconnected
from aiopyramid_core.servers import Capabilities, WSGIResponse, run_application


class Kept:
    """A sink that keeps what it gets.

    Args:
        method: The request's method.
        takes_files: Whether it sends files in a way of its own.
        room: How many parts it takes before the client has gone.
    """

    def __init__(self, method="GET", *, takes_files=False, room=1000):
        self.capabilities = Capabilities(asyncio.get_running_loop(), None)
        self.response = WSGIResponse(method)
        self.takes_files = takes_files
        self.room = room
        self.got = []

    def send_whole(self, body):
        self.response.commit()
        self.got.append(("whole", self.response.take(body)))

    def send_file(self, body):
        if self.takes_files:
            self.got.append(("file", body))
        return self.takes_files

    def write(self, part):
        if not self.response.head_sent:
            self.response.commit()
        assert threading.current_thread() is threading.main_thread()
        if not self.room:
            raise ClientDisconnected("gone")
        self.room -= 1
        await_(asyncio.sleep(0))  # as if the client was slow
        self.got.append(self.response.take(part))

    def end(self):
        if not self.response.head_sent:
            self.response.commit()
        self.got.append("end")


@pytest.fixture
def send(run):
    """Run an application in a greenlet of the bridge; return its sink."""

    def send(application, **options):
        async def main():
            sink = Kept(**options)
            await spawn_greenlet(run_application, application, {}, sink)
            return sink

        return run(main)

    return send


def answering(make_body, *fields, status="200 OK"):
    """Return an application that makes its body by a call."""

    def application(environ, start_response):
        start_response(status, list(fields))
        return make_body()

    return application


class Body:
    """A body of any kind that counts how often it is closed."""

    def __init__(self, *parts):
        self.parts = list(parts)
        self.closed = 0

    def next_part(self):
        part = self.parts.pop(0) if self.parts else None
        if isinstance(part, BaseException):
            raise part
        return part


class Parts(Body):
    def __iter__(self):
        return self

    def __next__(self):
        part = self.next_part()
        if part is None:
            raise StopIteration
        return part

    def close(self):
        self.closed += 1


class AsyncParts(Body):
    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        part = self.next_part()
        if part is None:
            raise StopAsyncIteration
        return part

    async def aclose(self):
        await asyncio.sleep(0)
        self.closed += 1


KINDS = pytest.mark.parametrize("kind", [Parts, AsyncParts])

# --- Kinds of bodies ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_complete_body_is_sent_at_once(send, kind):
    assert send(answering(lambda: kind((b"a", b"", b"b")))).got == [("whole", b"ab")]


@KINDS
def test_a_body_in_parts_is_sent_part_by_part_without_empty_ones(send, kind):
    body = kind(b"a", b"", b"b")
    assert send(answering(lambda: body)).got == [b"a", b"b", "end"]
    assert body.closed == 1


@KINDS
def test_an_empty_body_in_parts_has_an_end(send, kind):
    sink = send(answering(kind))
    assert (sink.got, sink.response.head_sent) == (["end"], True)


def test_a_file_may_go_another_way(send):
    body = Parts(b"a")
    assert send(answering(lambda: body), takes_files=True).got == [("file", body)]


def test_a_file_goes_the_usual_way_after_the_head(send):
    def application(environ, start_response):
        start_response("200 OK", [])(b"first")
        return Parts(b"rest")

    assert send(application, takes_files=True).got == [b"first", b"rest", "end"]


@KINDS
@pytest.mark.parametrize("part", ["text", None, 5, bytearray(b"a")])
def test_a_part_that_is_not_bytes_is_refused(send, kind, part):
    body = kind(b"a")
    body.next_part = lambda: part if part is not None else 0
    with pytest.raises(ApplicationError, match="must yield bytes"):
        send(answering(lambda: body))
    assert body.closed == 1


# --- start_response and write ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [[b"a"], [], Parts(b"a"), Parts()], ids=["list", "no part", "parts", "no parts"]
)
def test_a_response_that_was_not_started_is_refused(send, body):
    with pytest.raises(ApplicationError, match=r"without calling start_response\(\)"):
        send(lambda environ, start_response: body)


def test_a_generator_may_start_the_response_when_it_is_iterated(send):
    def application(environ, start_response):
        start_response("404 Later", [])
        yield b""
        yield b"late"

    sink = send(application)
    assert (sink.response.status, sink.got) == ("404 Later", [b"late", "end"])


@pytest.mark.parametrize("call", [lambda f: f(), call_off_loop], ids=["greenlet", "thread"])
def test_written_data_comes_before_the_body(send, call):
    def application(environ, start_response):
        return call(lambda: view(start_response))

    def view(start_response):
        write = start_response("200 OK", [])
        write(b"one")
        write(b"two")
        return [b"three"]

    assert send(application).got == [b"one", b"two", b"three", "end"]


def test_an_upgrade_needs_a_protocol(run):
    async def main():
        sink = Kept()
        protocol = asyncio.Protocol()

        def application(environ, start_response):
            sink.capabilities.upgrade(protocol)
            start_response("101 Switching Protocols", [("Upgrade", "x")])
            return []

        await spawn_greenlet(run_application, application, {}, sink)
        return sink.response.code

    assert run(main) == 101


# --- Lengths --------------------------------------------------------------------------------------


@KINDS
def test_no_more_parts_are_asked_for_than_the_length_needs(send, kind):
    body = kind(b"ab", b"cd", b"never")
    sink = send(answering(lambda: body, ("Content-Length", "3")))
    assert (sink.got, body.parts, body.closed) == ([b"ab", b"c", "end"], [b"never"], 1)


@KINDS
def test_a_body_that_ends_early_is_an_error_and_has_no_end(send, kind):
    body = kind(b"ab")
    with pytest.raises(ApplicationError, match="after 2 of 3 bytes"):
        send(answering(lambda: body, ("Content-Length", "3")))
    assert body.closed == 1


def test_a_complete_body_that_is_too_short_is_an_error(send):
    with pytest.raises(ApplicationError, match="after 2 of 3 bytes"):
        send(answering(lambda: [b"ab"], ("Content-Length", "3")))


@KINDS
def test_a_response_to_head_asks_for_one_part(send, kind):
    body = kind(b"a", b"b")
    sink = send(answering(lambda: body), method="HEAD")
    assert (sink.got, body.parts, body.closed) == ([b"", "end"], [b"b"], 1)


# --- Ends -----------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("error", [LookupError, SystemExit, asyncio.CancelledError])
def test_a_body_that_fails_is_closed_and_its_error_raised(send, kind, error):
    body = kind(b"a", error("on purpose"))
    with pytest.raises(error):
        send(answering(lambda: body))
    assert body.closed == 1


@KINDS
def test_a_body_is_closed_when_the_client_has_gone(send, kind):
    body = kind(b"a", b"b", b"c")
    with pytest.raises(ClientDisconnected):
        send(answering(lambda: body), room=1)
    assert (body.parts, body.closed) == ([b"c"], 1)


def test_an_asynchronous_body_is_cancelled_when_the_client_disconnects(run):
    ended = []

    async def parts():
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def main():
        sink = Kept()
        call = asyncio.create_task(spawn_greenlet(run_application, answering(parts), {}, sink))
        while not sink.got:
            await asyncio.sleep(0)
        sink.capabilities.tell_disconnect()
        with pytest.raises(asyncio.CancelledError):
            await call

    run(main)
    assert ended == [True]


def test_parts_that_are_there_at_once_let_other_tasks_have_a_turn(run, monkeypatch):
    monkeypatch.setattr(Kept, "write", lambda sink, part: sink.response.take(part))
    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def parts():
        counting = asyncio.create_task(count())
        for _ in range(10_000):
            yield b"x"
        counting.cancel()

    async def main():
        monkeypatch.setattr(Kept, "end", lambda sink: None)
        await spawn_greenlet(run_application, answering(parts), {}, Kept())

    run(main)
    assert turns > 50
