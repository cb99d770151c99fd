"""Upgrades: a connection leaves HTTP and is still the server's."""

import asyncio
import gc

import pytest

from aiopyramid_core import await_
from aiopyramid_core.contract import ON_DISCONNECT, UPGRADE
from aiopyramid_gunicorn._protocol import HTTPProtocol
from aiopyramid_gunicorn._state import State

ASKS = ("Connection: keep-alive, Upgrade", "Upgrade: shout")
SWITCHING = "101 Switching Protocols"


class Shout(asyncio.Protocol):
    """Sends back in capitals what it gets, and writes down what it is told."""

    def __init__(self):
        self.told = []
        self.transport = None

    def connection_made(self, transport):
        self.told.append("made")
        self.transport = transport

    def data_received(self, data):
        self.told.append(data)
        self.transport.write(data.upper())

    def eof_received(self):
        self.told.append("eof")

    def connection_lost(self, exc):
        self.told.append("lost")

    def pause_writing(self):
        self.told.append("pause")

    def resume_writing(self):
        self.told.append("resume")

    def server_stops(self):
        self.told.append("stops")
        self.transport.close()


class Application:
    """Upgrades every request to a protocol of its own; ``wait`` is called in between."""

    def __init__(self, status=SWITCHING, *, make=Shout, wait=lambda: None):
        self.status = status
        self.make = make
        self.wait = wait
        self.protocols = []
        self.environs = []

    def __call__(self, environ, start_response):
        self.protocols.append(self.make())
        self.environs.append(environ)
        environ[UPGRADE](self.protocols[-1])
        self.wait()
        start_response(self.status, [("Upgrade", "shout"), ("X-A", "1")])
        return []

    @property
    def told(self):
        (protocol,) = self.protocols
        return protocol.told


async def upgraded(site):
    """Return a client whose connection has left HTTP."""
    client = await site.connect()
    client.get("/", *ASKS)
    answer = await client.answer()
    assert (answer.status, answer.headers["upgrade"]) == (101, "shout")
    return client


async def test_the_protocol_gets_the_connection_after_the_101(serve):
    async with serve(Application()) as site:
        client = await upgraded(site)
        client.send(b"hello")
        assert await client.reader.readexactly(5) == b"HELLO"


async def test_the_101_names_the_protocol_and_has_no_framing(serve):
    async with serve(Application()) as site:
        client = await site.connect()
        client.get("/", *ASKS)
        headers = (await client.answer()).headers
        assert headers["connection"] == "upgrade"
        assert not {"content-length", "transfer-encoding"} & set(headers)


async def test_what_the_client_sent_early_reaches_the_protocol_first(serve):
    async with serve(app := Application()) as site:
        client = await site.connect()
        head = "".join(f"{line}\r\n" for line in ["GET / HTTP/1.1", "Host: a", *ASKS, ""])
        client.send(head.encode() + b"early")
        await client.answer()
        assert await client.reader.readexactly(5) == b"EARLY"
        assert app.told == ["made", b"early"]


async def test_what_comes_while_the_application_works_is_not_lost(serve):
    gate = asyncio.Event()
    async with serve(app := Application(wait=lambda: await_(gate.wait()))) as site:
        client = await site.connect()
        client.get("/", *ASKS)
        await site.until(lambda: app.protocols)
        client.send(b"early")
        gate.set()
        await client.answer()
        assert await client.reader.readexactly(5) == b"EARLY"


async def test_the_requests_before_it_are_answered_before_it(serve):
    def application(environ, start_response):
        if "HTTP_UPGRADE" in environ:
            return upgrading(environ, start_response)
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    upgrading = Application()
    async with serve(application) as site:
        client = await site.connect()
        client.get("/first")
        client.get("/second", *ASKS)
        assert (await client.answer()).text == "/first"
        assert (await client.answer()).status == 101


async def test_the_protocol_is_told_of_the_clients_end(serve):
    async with serve(app := Application()) as site:
        client = await upgraded(site)
        await client.close()
        await site.until(lambda: not site.server.connections)
        assert app.told == ["made", "eof", "lost"]


async def test_the_protocol_is_told_to_pause_and_to_resume(serve):
    async with serve(app := Application(), send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        client.get("/", *ASKS)
        await client.answer()
        app.protocols[0].transport.write(b"x" * 1_000_000)
        await site.until(lambda: "pause" in app.told)
        await client.reader.readexactly(1_000_000)
        await site.until(lambda: "resume" in app.told)


async def test_an_upgraded_connection_counts_until_it_is_lost(serve):
    async with serve(Application()) as site:
        client = await upgraded(site)
        assert len(site.server.connections) == 1
        await client.close()
        await site.until(lambda: not site.server.connections)


async def test_time_does_not_end_an_upgraded_connection(serve):
    async with serve(Application()) as site:
        client = await upgraded(site)
        site.pass_time(1_000_000)
        client.send(b"still")
        assert await client.reader.readexactly(5) == b"STILL"


async def test_the_http_connection_is_not_kept(serve):
    def connections():
        gc.collect()
        return {x for x in gc.get_objects() if type(x) is HTTPProtocol}

    of_other_tests = connections()
    async with serve(app := Application()) as site:
        await upgraded(site)
        await site.until(lambda: connections() <= of_other_tests)
        assert not {ON_DISCONNECT, UPGRADE} & set(app.environs[0])


# --- Upgrades that come to nothing ----------------------------------------------------------------


async def test_a_protocol_whose_response_was_another_is_told_that_it_is_lost(serve):
    async with serve(app := Application("200 OK")) as site:
        client = await site.connect()
        client.get("/", *ASKS)
        answer = await client.answer()
        assert (answer.status, app.told) == (200, ["lost"])
        assert not {"upgrade", "connection"} & set(answer.headers)
        client.get("/", *ASKS)
        assert (await client.answer()).status == 200


async def test_a_protocol_whose_client_has_gone_is_told_that_it_is_lost(serve):
    gate = asyncio.Event()
    async with serve(app := Application(wait=lambda: await_(gate.wait()))) as site:
        client = await site.connect()
        client.get("/", *ASKS)
        await site.until(lambda: app.protocols)
        (http,) = site.server.connections
        http.abort()
        await site.until(lambda: http.state is State.CLOSED)
        gate.set()
        await site.until(lambda: app.told == ["lost"])


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ((), b""),
        (("Upgrade: shout",), b""),
        (("Connection: Upgrade",), b""),
        ((*ASKS, "Content-Length: 1"), b"x"),
        ((*ASKS, "Transfer-Encoding: chunked"), b"0\r\n\r\n"),
    ],
)
async def test_a_request_that_does_not_ask_for_it_or_has_a_body_is_not_upgraded(
    serve, fields, body
):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [str(environ[UPGRADE]).encode()]

    async with serve(application) as site:
        client = await site.connect()
        client.get("/", *fields)
        client.send(body)
        assert (await client.answer()).body == b"None"


async def test_switching_without_a_protocol_is_an_error(serve):
    def application(environ, start_response):
        start_response(SWITCHING, [("Upgrade", "shout")])
        return []

    async with serve(application) as site:
        assert (await site.get("/", *ASKS)).status == 500
        assert "without a protocol to switch to" in site.log


# --- When the server stops ------------------------------------------------------------------------


async def test_the_protocol_is_told_at_once_that_the_server_stops(serve):
    async with serve(app := Application()) as site:
        client = await upgraded(site)
        assert await site.server.drain(5) == 0
        assert app.told == ["made", "stops", "lost"]
        assert await client.closed()


async def test_a_protocol_that_does_not_stop_is_broken_off(serve):
    class Stubborn(Shout):
        def server_stops(self):
            self.told.append("stops")

    async with serve(app := Application(make=Stubborn)) as site:
        await upgraded(site)
        assert await site.server.drain(0) == 1
        assert app.told == ["made", "stops", "lost"]
        assert not site.server.connections


@pytest.mark.parametrize("answers", [True, False])
async def test_a_protocol_that_says_goodbye_is_broken_off_only_if_its_client_does_not_answer(
    serve, answers
):
    class Polite(Shout):
        def server_stops(self):
            self.transport.write(b"goodbye")

        def data_received(self, data):
            self.told.append(data)
            self.transport.close()

    async with serve(app := Application(make=Polite)) as site:
        client = await upgraded(site)
        drain = asyncio.create_task(site.server.drain(0))
        assert await client.reader.readexactly(7) == b"goodbye"
        if answers:
            client.send(b"bye")
        assert await drain == (0 if answers else 1)
        assert app.told == (["made", b"bye", "lost"] if answers else ["made", "lost"])


async def test_an_upgrade_during_a_drain_is_told_that_the_server_stops(serve):
    gate = asyncio.Event()
    async with serve(app := Application(wait=lambda: await_(gate.wait()))) as site:
        client = await site.connect()
        client.get("/", *ASKS)
        await site.until(lambda: app.protocols)
        drain = asyncio.create_task(site.server.drain(5))
        await site.until(lambda: site.server.draining)
        gate.set()
        assert (await client.answer()).headers["connection"] == "upgrade"
        assert await drain == 0
        assert app.told == ["made", "stops", "lost"]
