"""_exchange: a body is closed exactly once, whatever kind it is and however its response ends.

A table of kinds times ends. "Exactly once" is PEP 3333's word for ``close``; a body that is
produced on the loop has ``aclose`` in its place.
"""

import asyncio
import threading

import pytest

from aiopyramid_core.streaming import AsyncBody
from aiopyramid_gunicorn._http1.limits import Times

BLOCK = b"x" * 65536
WAIT = object()
"""A part before which a body waits until it is told to go on."""


class Script:
    """A body that does one thing for each part, and counts how often it was closed."""

    def __init__(self, *parts):
        self.parts = list(parts)
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.closed = 0

    def next_part(self):
        """Return the next part, ``WAIT`` among them, or None at the end; or raise."""
        part = self.parts.pop(0) if self.parts else None
        if part is WAIT:
            self.reached.set()
        if isinstance(part, Exception):
            raise part
        return part

    def next_in_thread(self):
        while (part := self.next_part()) is WAIT:
            assert self.go_on.wait(5)
        return part

    async def next_on_loop(self):
        while (part := self.next_part()) is WAIT:
            while not self.go_on.is_set():
                await asyncio.sleep(0.001)
        return part


# --- Kinds of bodies ------------------------------------------------------------------------------


class Iterator:
    def __init__(self, script):
        self.script = script

    def __iter__(self):
        return self

    def __next__(self):
        part = self.script.next_in_thread()
        if part is None:
            raise StopIteration
        return part

    def close(self):
        self.script.closed += 1


class WithGenerator(Iterator):
    """Its ``close`` is not the one of the generator that is iterated."""

    def __iter__(self):
        while (part := self.script.next_in_thread()) is not None:
            yield part


class List(list):
    """Looks like what is sent in one piece, but wants to be closed."""

    def __init__(self, script):
        super().__init__(part for part in script.parts if part is not WAIT)
        self.script = script

    def __iter__(self):
        return WithGenerator(self.script).__iter__()

    def close(self):
        self.script.closed += 1


class File:
    def __init__(self, script):
        self.script = script

    def read(self, size=-1):
        return self.script.next_in_thread() or b""

    def close(self):
        self.script.closed += 1


class OnLoop:
    def __init__(self, script):
        self.script = script

    def __aiter__(self):
        return self

    async def __anext__(self):
        part = await self.script.next_on_loop()
        if part is None:
            raise StopAsyncIteration
        return part

    async def aclose(self):
        self.script.closed += 1


class WithAsyncGenerator(OnLoop):
    """Its ``aclose`` is not the one of the generator that is iterated."""

    async def __aiter__(self):
        while (part := await self.script.next_on_loop()) is not None:
            yield part


KINDS = {
    "a list that can be closed": List,
    "an iterator": Iterator,
    "an iterable with a generator": WithGenerator,
    "a file": File,
    "an asynchronous iterator": OnLoop,
    "an asynchronous iterable with a generator": WithAsyncGenerator,
    "an asynchronous body of Pyramid": lambda script: AsyncBody(OnLoop(script)),
}


# --- Ends of responses ----------------------------------------------------------------------------


class End:
    """How a response ends: parts, head, and events in the meantime.

    Attributes:
        parts: The parts of the body.
        head: Arguments of ``start_response``; None if the application does not call it.
        method: The request's method.
        happens: A coroutine function that gets site, client and script while the body waits, or
            has filled the write buffer.
    """

    def __init__(self, *parts, status="200 OK", fields=(), starts=True, method="GET", happens=None):
        self.parts = parts
        self.head = (status, list(fields)) if starts else None
        self.method = method
        self.happens = happens


async def vanishes(site, client, script):
    client.vanish()


async def leaves(site, client, script):
    await client.close()


async def sends_no_more(site, client, script):
    client.writer.write_eof()


async def server_gives_up(site, client, script):
    (connection,) = site.server.connections
    connection.give_up()


async def server_drains(site, client, script):
    await site.server.drain(0)


async def reads_nothing(site, client, script):
    await site.until(lambda: [c for c in site.server.connections if c.flow.full])
    # More than once: the system's buffers take a little more at first, which counts as reading.
    await site.until(lambda: site.pass_time(61) or not site.server.connections)


async def vanishes_unread(site, client, script):
    await site.until(lambda: [c for c in site.server.connections if c.flow.full])
    client.vanish()


LENGTH_1 = [("Content-Length", "1")]
ENDS = {
    "it is complete": End(b"a", b"b"),
    "it is empty": End(),
    "it is an answer to HEAD": End(b"a", b"b", method="HEAD"),
    "it has a status without body": End(b"a", status="204 No Content"),
    "it is longer than it says": End(b"a", b"b", fields=LENGTH_1),
    "it is shorter than it says": End(fields=LENGTH_1),
    "its first part fails": End(LookupError("a bug")),
    "a later part fails": End(b"a", LookupError("a bug")),
    "a part is not bytes": End("text"),
    "nobody started the response": End(b"a", starts=False),
    "its head is malformed": End(b"a", fields=[("X", "a\r\nb")]),
    "the client vanishes before the first part": End(WAIT, b"a", happens=vanishes),
    "the client vanishes before a later part": End(b"a", WAIT, b"b", happens=vanishes),
    "the client leaves before a later part": End(b"a", WAIT, b"b", happens=leaves),
    "the client sends no more": End(b"a", WAIT, b"b", happens=sends_no_more),
    "the server gives up before the first part": End(WAIT, b"a", happens=server_gives_up),
    "the server gives up before a later part": End(b"a", WAIT, b"b", happens=server_gives_up),
    "the server drains": End(b"a", WAIT, b"b", happens=server_drains),
    "the client reads nothing": End(*[BLOCK] * 200, happens=reads_nothing),
    "the client vanishes without reading": End(*[BLOCK] * 200, happens=vanishes_unread),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_body_is_closed_exactly_once_when(serve, kind, end):
    script = Script(*end.parts)

    def application(environ, start_response):
        if end.head is not None:
            start_response(*end.head)
        if kind is File:
            return environ["wsgi.file_wrapper"](File(script))
        return kind(script)

    times = Times(head_seconds=30, body_seconds=30, keep_alive_seconds=30)
    async with serve(application, times=times, send_buffer_bytes=4096) as site:
        client = await site.connect(slow=end.happens in (reads_nothing, vanishes_unread))
        client.get(method=end.method)
        if end.happens is not None:
            if WAIT in end.parts:
                await site.until(script.reached.is_set)
            await end.happens(site, client, script)
            script.go_on.set()
        await site.until(lambda: site.server.handled)
        await site.until(lambda: script.closed)
        # A second time would come in a thread or in a callback.
        await asyncio.sleep(0.005)
    assert script.closed == 1


@pytest.mark.parametrize("kind", [Iterator, OnLoop], ids=["a body", "an asynchronous body"])
async def test_a_body_that_cannot_be_iterated_is_closed_exactly_once(serve, kind):
    class Broken(kind):
        def __iter__(self):
            raise LookupError("a bug")

        __aiter__ = __iter__

    if kind is Iterator:
        del Broken.__aiter__

    def application(environ, start_response):
        start_response("200 OK", [])
        return Broken(script)

    script = Script()
    async with serve(application) as site:
        assert (await site.get()).status == 500
        await site.until(lambda: site.server.handled)
        assert site.log.count("Traceback") == 1
    assert script.closed == 1
