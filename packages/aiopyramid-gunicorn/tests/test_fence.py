"""_fence: what one connection does, or the application on it, harms no other connection."""

import asyncio
import contextlib
import socket
import struct

import pytest

from aiopyramid_core import await_
from aiopyramid_core.contract import ON_DISCONNECT, UPGRADE
from aiopyramid_gunicorn import _listener
from aiopyramid_gunicorn._http1.limits import Times
from aiopyramid_gunicorn._state import State

QUICK = Times(head_seconds=1, body_seconds=1, keep_alive_seconds=10)


def hello(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


def states(site):
    return [connection.state for connection in site.server.connections]


class ResettingClients:
    """Clients that read their answer and reset, at the one moment when the worker is not done yet.

    In the place of the access log, which is told between the answer and the half-close.
    """

    def __init__(self, address, number):
        self._clients = {}
        for _ in range(number):
            client = socket.create_connection(address)
            client.sendall(b"GET / HT")
            self._clients[str(client.getsockname()[1])] = client

    def log(self, head, response, environ, seconds):
        client = self._clients.pop(environ["REMOTE_PORT"], None)
        if client is not None:
            client.setblocking(False)  # the loop, which is this thread's, has to write the answer
            with contextlib.suppress(BlockingIOError):  # old versions of uvloop write later
                assert client.recv(1 << 16).startswith(b"HTTP/1.1 408 ")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()


class BrokenConnection:
    """One on which nothing works, not even to break it off."""

    deadline = 0.0

    def fail(self, *args):
        raise LookupError("a bug")

    expire = retire = give_up = abort = fail

    def __str__(self):
        return "the broken connection"


# --- Looked after by the server -------------------------------------------------------------------


async def test_clients_that_reset_upon_their_answer_keep_nobody_from_getting_one(serve):
    async with serve(hello, times=QUICK) as site:
        resetting = ResettingClients(site.address, 20)
        honest = [await site.connect() for _ in range(20)]
        for client in honest:
            client.send(b"GET / HT")
        await site.until(lambda: states(site) == [State.RECEIVING] * 40)
        site.server.services.access_log = resetting
        site.pass_time(2)
        assert [(await client.answer()).status for client in honest] == [408] * 20
        assert "Traceback" not in site.log
        site.pass_time(10)
        await site.until(lambda: not site.server.connections)


async def test_a_connection_that_fails_is_named_in_the_log_and_the_others_are_looked_after(serve):
    async with serve(hello, times=QUICK) as site:
        broken = [BrokenConnection(), BrokenConnection()]
        client = await site.connect()
        client.send(b"GET / HT")
        await site.until(lambda: states(site) == [State.RECEIVING])
        site.server.connections.update(broken)
        site.pass_time(2)
        assert (await client.answer()).status == 408
        assert "the broken connection has failed, and is broken off" in site.log
        assert "LookupError: a bug" in site.log
        assert not site.server.connections.intersection(broken)


@pytest.mark.parametrize("seconds", [0, 0.1])
async def test_a_connection_that_fails_does_not_keep_the_others_from_their_end(serve, seconds):
    async with serve(hello) as site:
        broken = BrokenConnection()
        broken.deadline = float("inf")
        client = await site.connect()
        client.send(b"GET / HT")
        await site.until(lambda: states(site) == [State.RECEIVING])
        site.server.connections.add(broken)
        assert await site.server.drain(seconds) == 1
        assert await client.closed()
        assert not site.server.connections


# --- What the application has asked for -----------------------------------------------------------


@pytest.mark.parametrize("error", [LookupError, SystemExit])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_callback_that_fails_keeps_no_other_from_being_called(serve, error, when):
    def fail():
        raise error

    def ask(environ):
        for callback in (fail, called.set):
            environ[ON_DISCONNECT](callback)

    def application(environ, start_response):
        if when == "before":
            ask(environ)
        started.set()
        await_(go_on.wait())
        if when == "after":
            ask(environ)
        await_(called.wait())
        return hello(environ, start_response)

    started, go_on, called = asyncio.Event(), asyncio.Event(), asyncio.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get()
        await started.wait()
        (connection,) = site.server.connections
        client.vanish()
        await site.until(lambda: connection.capabilities.client_is_gone)
        go_on.set()
        await site.until(lambda: not site.server.connections)
        assert "The on_disconnect callback" in site.log
        assert error.__name__ in site.log


class FailsToBegin(asyncio.Protocol):
    def connection_made(self, transport):
        raise LookupError("a bug")


class FailsToStop(asyncio.Protocol):
    def server_stops(self):
        raise LookupError("a bug")


def switching_to(successor):
    def application(environ, start_response):
        if environ[UPGRADE] is None:
            return hello(environ, start_response)
        environ[UPGRADE](successor())
        start_response("101 Switching Protocols", [("Upgrade", "test")])
        return []

    return application


UPGRADING = ("Connection: upgrade", "Upgrade: test")


async def test_a_protocol_that_fails_to_begin_ends_its_connection(serve):
    async with serve(switching_to(FailsToBegin)) as site:
        client = await site.connect()
        client.get("/", *UPGRADING)
        assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        assert await client.closed()
        await site.until(lambda: not site.server.connections)
        assert "(another protocol owns the transport) has failed, and is broken off" in site.log


async def test_a_protocol_that_fails_to_stop_does_not_keep_the_server_from_stopping(serve):
    async with serve(switching_to(FailsToStop)) as site:
        clients = [await site.connect() for _ in range(3)]
        for client in clients:
            client.get("/", *UPGRADING)
            await client.reader.readuntil(b"\r\n\r\n")
        await site.server.drain(5)
        assert not site.server.connections
        assert site.log.count("(FailsToStop) has failed, and is broken off") == 3


# --- The listener ---------------------------------------------------------------------------------


class FailingSocket:
    """A listening socket of which the system has something to say that nobody expects."""

    def __init__(self, sock, error):
        self._sock = sock
        self.errors = [error]

    def accept(self):
        if self.errors:
            raise self.errors.pop()
        return self._sock.accept()

    def __getattr__(self, name):
        return getattr(self._sock, name)


async def test_a_listener_survives_whatever_the_system_answers(serve, monkeypatch):
    monkeypatch.setattr(_listener, "_PAUSE_SECONDS", 0.05)
    async with serve(hello) as site:
        (listener,) = site.server._listeners
        listener._sock = FailingSocket(listener._sock, OSError(71, "Protocol error"))
        assert (await site.get()).text == "hello"
        assert "Cannot accept connections for now: [Errno 71] Protocol error" in site.log


async def test_a_connection_that_cannot_be_begun_is_logged_and_closed(serve):
    async with serve(hello) as site:
        (listener,) = site.server._listeners
        make_protocol, listener._make_protocol = listener._make_protocol, lambda: 1 / 0
        assert await (await site.connect()).closed()
        listener._make_protocol = make_protocol
        assert (await site.get()).text == "hello"
        assert "ZeroDivisionError" in site.log
