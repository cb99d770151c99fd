"""_server: listen, watch over the connections, drain."""

import asyncio
import contextlib
import socket
import ssl
import threading

import pytest

from aiopyramid_core import await_, call_off_loop
from aiopyramid_gunicorn._state import State


def hello(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


class Slow:
    """An application that waits to be told to go on."""

    def __init__(self):
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            self.started.set()
            await_(self.go_on.wait())
        return hello(environ, start_response)


async def test_connections_are_known_until_they_are_gone(serve):
    async with serve(hello) as site:
        client = await site.connect()
        await site.until(lambda: len(site.server.connections) == 1)
        client.vanish()
        await site.until(lambda: not site.server.connections)


async def test_answered_requests_are_counted(serve):
    async with serve(hello) as site:
        for _ in range(3):
            await site.get()
        await site.until(lambda: site.server.handled == 3)


async def test_it_listens_on_several_sockets(serve):
    async with serve(hello) as site:
        second = socket.socket()
        second.bind(("127.0.0.1", 0))
        second.listen(100)
        second.setblocking(False)
        site.server.listen([second])
        reader, writer = await asyncio.open_connection(*second.getsockname())
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.read()).endswith(b"hello")
        writer.close()
        await writer.wait_closed()


async def test_many_connections_are_served_at_once(serve):
    application = Slow()
    async with serve(application) as site:
        clients = [await site.connect() for _ in range(100)]
        for client in clients:
            client.get("/slow")
        await site.until(lambda: len(site.server.connections) == 100)
        await application.started.wait()
        application.go_on.set()
        assert {(await client.answer()).text for client in clients} == {"hello"}


async def test_all_connections_that_there_may_be_are_accepted_though_they_come_together(serve):
    with contextlib.ExitStack() as stack:
        async with serve(hello) as site:
            site.server._most_connections = 100
            for _ in range(100):
                stack.enter_context(socket.create_connection(site.address))
                await asyncio.sleep(0)  # one in each turn of the loop
            await site.until(lambda: len(site.server.connections) == 100)


# --- Drain ----------------------------------------------------------------------------------------


async def test_without_connections_a_drain_ends_at_once(serve):
    async with serve(hello) as site:
        assert await site.server.drain(60) == 0


async def test_a_server_that_drains_accepts_nobody(serve):
    async with serve(hello) as site:
        await site.server.drain(60)
        with pytest.raises(ConnectionError):
            await site.connect()


async def test_a_drain_closes_idle_connections(serve):
    async with serve(hello) as site:
        client = await site.connect()
        client.get()
        await client.answer()
        assert await site.server.drain(60) == 0
        assert await client.closed()


async def test_a_drain_without_a_wait_breaks_off_nothing_where_nothing_is_asked(serve):
    async with serve(hello) as site:
        client = await site.connect()
        client.get()
        await client.answer()
        assert await site.server.drain(0) == 0
        assert await client.closed()


async def test_a_drain_without_a_wait_breaks_off_a_request_that_has_begun(serve):
    async with serve(hello) as site:
        client = await site.connect()
        client.send(b"GET / HTTP/1.1\r\n")
        await site.until(lambda: [c for c in site.server.connections if c.state is State.RECEIVING])
        assert await site.server.drain(0) == 1
        assert await client.closed()


async def test_a_drain_lets_a_request_end_and_closes_its_connection(serve):
    application = Slow()
    async with serve(application) as site:
        client = await site.connect()
        client.get("/slow")
        await application.started.wait()
        drain = asyncio.create_task(site.server.drain(60))
        await asyncio.sleep(0)
        application.go_on.set()
        answer = await client.answer()
        assert (answer.text, answer.headers["connection"]) == ("hello", "close")
        assert await drain == 0
        assert await client.closed()


async def test_a_drain_lets_a_request_arrive_that_has_begun(serve):
    async with serve(hello) as site:
        client = await site.connect()
        client.send(b"GET / HTTP/1.1\r\n")
        await site.until(lambda: [c for c in site.server.connections if c.state is State.RECEIVING])
        drain = asyncio.create_task(site.server.drain(60))
        await asyncio.sleep(0)
        client.send(b"Host: a\r\n\r\n")
        assert (await client.answer()).headers["connection"] == "close"
        assert await drain == 0


async def test_a_drain_ends_with_a_response_whose_head_was_sent_before(serve):
    def application(environ, start_response):
        start_response("200 OK", [])
        return parts()

    def parts():
        yield b"first"
        assert go_on.wait(5)
        yield b"second"

    go_on = threading.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get()
        await client.reader.readuntil(b"first")
        drain = asyncio.create_task(site.server.drain(60))
        await asyncio.sleep(0)
        go_on.set()
        await client.reader.readuntil(b"second\r\n0\r\n\r\n")
        # This response has promised keep-alive, so that the client may send another request.
        client.get()
        await client.reader.readuntil(b"Connection: close\r\n")
        await client.reader.readuntil(b"second\r\n0\r\n\r\n")
        assert await asyncio.wait_for(drain, 5) == 0
        assert await client.closed()


async def test_a_drain_does_not_wait_long_for_a_client_that_was_promised_keep_alive(serve):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "5")])(b"first")
        await_(go_on.wait())
        return []

    go_on = asyncio.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get()
        await client.answer()
        drain = asyncio.create_task(site.server.drain(60))
        await asyncio.sleep(0)
        go_on.set()
        await site.until(lambda: site.server.handled)
        site.pass_time(1)
        assert site.server.connections
        site.pass_time(2)
        assert await drain == 0
        assert await client.closed()


async def test_a_drain_answers_what_was_pipelined_or_closes_but_ends(serve):
    application = Slow()
    async with serve(application) as site:
        client = await site.connect()
        client.get("/slow")
        client.get("/behind")
        await application.started.wait()
        drain = asyncio.create_task(site.server.drain(60))
        await asyncio.sleep(0)
        application.go_on.set()
        assert (await client.answer()).headers["connection"] == "close"
        assert await drain == 0


async def test_a_request_that_outlasts_the_wait_is_cancelled(serve):
    application = Slow()
    async with serve(application) as site:
        client = await site.connect()
        client.get("/slow")
        await application.started.wait()
        assert await site.server.drain(0) == 1
        assert (await client.answer()).status == 503
        assert not site.server.connections


async def test_a_request_given_up_before_the_application_began_is_dropped(serve):
    started = []

    def application(environ, start_response):
        started.append(environ)
        return hello(environ, start_response)

    async with serve(application) as site:
        client = await site.connect()
        await site.until(lambda: site.server.connections)
        (connection,) = site.server.connections
        connection.data_received(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        connection.give_up()
        assert await client.reader.read() == b""
        await site.until(lambda: not site.server.connections)
        assert not started


async def test_a_cancelled_request_runs_its_finally_clauses(serve):
    def application(environ, start_response):
        try:
            started.set()
            await_(asyncio.Event().wait())
        finally:
            await_(asyncio.sleep(0.01))
            ended.append(1)

    started, ended = asyncio.Event(), []
    async with serve(application) as site:
        client = await site.connect()
        client.get()
        await started.wait()
        await site.server.drain(0)
        assert ended == [1]


async def test_a_view_that_blocks_in_a_thread_does_not_hold_up_a_drain(serve):
    def application(environ, start_response):
        call_off_loop(block)

    def block():
        started.set()
        go_on.wait(10)

    started, go_on = threading.Event(), threading.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get()
        await site.until(started.is_set)
        assert await site.server.drain(0) == 1
        assert (await client.answer()).status == 503
        go_on.set()


async def test_a_client_that_reads_nothing_does_not_hold_up_a_drain(serve):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"x" * 1_000_000]

    async with serve(application, send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        client.get()
        await site.until(lambda: [c for c in site.server.connections if c.flow.full])
        assert await site.server.drain(0) == 1
        assert not site.server.connections


async def test_clients_that_never_shake_hands_do_not_prolong_a_drain(serve):
    application = Slow()
    async with serve(application) as site:
        silent = []
        for _ in range(3):
            listening = socket.create_server(("127.0.0.1", 0))
            listening.setblocking(False)
            site.server.listen([listening], ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
            silent.append(socket.create_connection(listening.getsockname()))
        await site.until(lambda: _pending(site) == 3)
        client = await site.connect()
        client.get("/slow")
        await application.started.wait()
        started = asyncio.get_running_loop().time()
        assert await site.server.drain(1) == 1
        assert asyncio.get_running_loop().time() - started < 3
        for sock in silent:
            sock.close()


def _pending(site):
    return sum(len(listener.welcomes) for listener in site.server._listeners)


async def test_a_request_that_never_arrives_does_not_hold_up_a_drain(serve):
    async with serve(hello) as site:
        client = await site.connect()
        client.send(b"GET / HT")
        await site.until(lambda: [c for c in site.server.connections if c.state is State.RECEIVING])
        assert await site.server.drain(0) == 1
        assert not site.server.connections
