"""_protocol: requests and answers on one connection, in order."""

import asyncio

import pytest

from aiopyramid_core import await_, call_off_loop
from aiopyramid_gunicorn._http1.limits import Limits, Times


def echo(environ, start_response):
    """Answer with the path and the body."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode(), b"=", environ["wsgi.input"].read()]


@pytest.fixture
def gated():
    """An application that answers a path only when its gate is opened: ``gates[path].set()``."""

    class Gated:
        def __init__(self):
            self.gates = {}
            self.started = []

        def open(self, path):
            self.gates.setdefault(path, asyncio.Event()).set()

        def __call__(self, environ, start_response):
            path = environ["PATH_INFO"]
            self.started.append(path)
            if not path.startswith("/now"):
                await_(self.gates.setdefault(path, asyncio.Event()).wait())
            return echo(environ, start_response)

    return Gated()


def post(path="/", body=b"", *fields):
    """Return the bytes of a POST request with a body of known length."""
    lines = [f"POST {path} HTTP/1.1", "Host: test", f"Content-Length: {len(body)}", *fields]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode() + body


async def all_answers(client, count):
    return [(await client.answer()).body for _ in range(count)]


# --- Keep-alive -----------------------------------------------------------------------------------


async def test_a_connection_serves_one_request_after_the_other(serve):
    async with serve(echo) as site:
        client = await site.connect()
        for number in range(3):
            client.get(f"/{number}")
            answer = await client.answer()
            assert answer.text == f"/{number}="
            assert "connection" not in answer.headers
        assert len(site.server.connections) == 1


async def test_connection_close_closes_after_the_answer(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.get("/", "Connection: close")
        assert (await client.answer()).headers["connection"] == "close"
        assert await client.closed()


async def test_an_http_1_0_connection_is_closed_after_the_answer(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(b"GET /old HTTP/1.0\r\n\r\n")
        assert (await client.answer()).text == "/old="
        assert await client.closed()


async def test_an_http_1_0_connection_is_kept_on_demand(serve):
    async with serve(echo) as site:
        client = await site.connect()
        for _ in range(2):
            client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert (await client.answer()).headers["connection"] == "keep-alive"


async def test_a_request_may_arrive_byte_by_byte(serve):
    async with serve(echo) as site:
        client = await site.connect()
        for byte in post("/slow", b"abc"):
            client.send(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert (await client.answer()).text == "/slow=abc"


async def test_it_works_on_a_unix_socket(serve):
    async with serve(echo, unix=True) as site:
        assert (await site.get("/x")).text == "/x="


# --- Pipelining -----------------------------------------------------------------------------------


async def test_pipelined_requests_are_answered_in_order(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(b"".join(post(f"/{n}", b"%d" % n) for n in range(50)))
        assert await all_answers(client, 50) == [b"/%d=%d" % (n, n) for n in range(50)]


async def test_a_slow_answer_holds_up_the_ones_after_it(serve, gated):
    async with serve(gated) as site:
        client = await site.connect()
        client.send(post("/slow") + post("/now") + post("/now2"))
        await site.until(lambda: gated.started)
        assert gated.started == ["/slow"]
        gated.open("/slow")
        assert await all_answers(client, 3) == [b"/slow=", b"/now=", b"/now2="]


async def test_two_slow_answers_come_in_order_though_the_second_gate_opens_first(serve, gated):
    async with serve(gated) as site:
        client = await site.connect()
        client.send(post("/a") + post("/b"))
        gated.open("/b")
        await site.until(lambda: gated.started)
        gated.open("/a")
        assert await all_answers(client, 2) == [b"/a=", b"/b="]


async def test_a_request_that_arrives_in_pieces_after_a_slow_one_is_answered(serve, gated):
    async with serve(gated) as site:
        client = await site.connect()
        second = post("/now", b"body")
        client.send(post("/slow") + second[:30])
        await site.until(lambda: gated.started)
        gated.open("/slow")
        assert (await client.answer()).text == "/slow="
        client.send(second[30:])
        assert (await client.answer()).text == "/now=body"


async def test_a_view_in_a_thread_does_not_change_the_order(serve):
    def application(environ, start_response):
        return call_off_loop(echo, environ, start_response)

    async with serve(application) as site:
        client = await site.connect()
        client.send(b"".join(post(f"/{n}") for n in range(20)))
        assert await all_answers(client, 20) == [b"/%d=" % n for n in range(20)]


async def test_a_client_that_sends_ahead_is_not_read_while_it_has_to_wait(serve, gated):
    async with serve(gated) as site:
        client = await site.connect()
        client.send(post("/slow") + post("/now"))
        await site.until(lambda: gated.started)
        (connection,) = site.server.connections
        await site.until(lambda: not connection._transport.is_reading())
        client.send(post("/now"))
        gated.open("/slow")
        assert await all_answers(client, 3) == [b"/slow=", b"/now=", b"/now="]


async def test_requests_after_the_last_one_are_not_handled(serve, gated):
    async with serve(gated) as site:
        client = await site.connect()
        client.get("/now", "Connection: close")
        client.get("/now-never")
        assert (await client.answer()).text == "/now="
        assert b"HTTP/" not in await client.rest()
    assert gated.started == ["/now"]


async def test_what_comes_after_the_last_request_is_read_though_nobody_wants_it(serve, gated):
    # Unread, it would make the system reset the connection, and destroy the answer maybe.
    async with serve(gated) as site:
        client = await site.connect()
        client.send(post("/slow", b"", "Connection: close") + b"more")
        await site.until(lambda: gated.started)
        (connection,) = site.server.connections
        assert not connection._transport.is_reading()
        client.send(b"and more")
        gated.open("/slow")
        assert (await client.answer()).text == "/slow="
        assert await client.closed()
        await client.close()
        await site.until(lambda: not site.server.connections)


async def test_what_came_before_a_malformed_request_is_answered_first(serve, gated):
    async with serve(gated) as site:
        client = await site.connect()
        client.send(post("/slow") + b"garbage\r\n\r\n")
        await site.until(lambda: gated.started)
        gated.open("/slow")
        assert (await client.answer()).text == "/slow="
        assert (await client.answer()).status == 400
        assert await client.closed()


async def test_a_client_may_stop_sending_and_still_read_its_answers(serve, gated):
    async with serve(gated) as site:
        client = await site.connect()
        client.send(post("/slow") + post("/now"))
        client.writer.write_eof()
        await site.until(lambda: gated.started)
        gated.open("/slow")
        assert await all_answers(client, 2) == [b"/slow=", b"/now="]
        assert await client.closed()


# --- Upgrades that nobody accepts -----------------------------------------------------------------

UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP")


async def test_a_declined_upgrade_is_an_ordinary_request(serve):
    async with serve(echo) as site:
        client = await site.connect()
        for _ in range(2):
            client.get("/x", *UPGRADE)
            assert (await client.answer()).text == "/x="


async def test_what_is_pipelined_after_a_declined_upgrade_is_answered(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.get("/x", *UPGRADE)
        client.send(post("/y", b"abc") + post("/z"))
        assert await all_answers(client, 3) == [b"/x=", b"/y=abc", b"/z="]


async def test_what_comes_while_a_declined_upgrade_is_handled_is_answered_later(serve, gated):
    async with serve(gated) as site:
        client = await site.connect()
        client.get("/slow", *UPGRADE)
        client.send(b"POST /now HTT")
        await site.until(lambda: gated.started)
        gated.open("/slow")
        assert (await client.answer()).text == "/slow="
        client.send(b"P/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na")
        assert (await client.answer()).text == "/now=a"


@pytest.mark.parametrize("fields", [(), UPGRADE])
@pytest.mark.parametrize(
    ("begin", "rest", "answer"),
    [
        (b"GET /now HTT", b"P/1.1\r\nHost: a\r\n\r\n", "/now="),
        (b"POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na", b"b", "/now=ab"),
    ],
)
async def test_a_request_that_begins_during_an_answer_has_its_own_time(
    serve, gated, fields, begin, rest, answer
):
    times = Times(head_seconds=30, body_seconds=20, keep_alive_seconds=2)
    async with serve(gated, times=times) as site:
        client = await site.connect()
        client.send(post("/slow", b"", *fields) + begin)
        await site.until(lambda: gated.started)
        gated.open("/slow")
        assert (await client.answer()).text == "/slow="
        site.pass_time(10)
        await asyncio.sleep(0.05)
        client.send(rest)
        assert (await client.answer()).text == answer


async def test_a_declined_upgrade_keeps_its_body(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(post("/x", b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", *UPGRADE))
        client.send(post("/y"))
        assert (await client.answer()).text.startswith("/x=GET /smuggled")
        assert (await client.answer()).text == "/y="


async def test_a_tunnel_is_declined_and_the_connection_closed(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(b"CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n\x16\x03\x01")
        assert (await client.answer()).headers["connection"] == "close"
        await client.rest()


# --- Expect: 100-continue -------------------------------------------------------------------------

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def expecting(path="/", length=3, *fields):
    lines = [f"POST {path} HTTP/1.1", "Host: a", f"Content-Length: {length}"]
    lines += ["Expect: 100-continue", *fields]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


async def test_a_client_that_asks_is_told_to_continue_once(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(expecting("/x"))
        assert (await client.answer()).status == 100
        client.send(b"a")
        await asyncio.sleep(0)
        client.send(b"bc")
        assert (await client.answer()).text == "/x=abc"


async def test_a_client_that_never_asked_is_not_told(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(post("/x", b"abc"))
        assert (await client.answer()).status == 200


async def test_a_client_is_not_told_to_continue_before_an_earlier_answer(serve, gated):
    async with serve(gated) as site:
        client = await site.connect()
        client.send(post("/slow") + expecting("/now"))
        await site.until(lambda: gated.started)
        gated.open("/slow")
        assert [(await client.answer()).status for _ in range(2)] == [200, 100]
        client.send(b"abc")
        assert (await client.answer()).text == "/now=abc"


async def test_a_client_that_asks_while_an_earlier_request_is_handled_is_told_later(serve, gated):
    async with serve(gated) as site:
        client = await site.connect()
        client.send(post("/slow"))
        await site.until(lambda: gated.started)
        (connection,) = site.server.connections
        client.send(expecting("/now"))
        await site.until(lambda: connection.inbound.growing is not None)
        gated.open("/slow")
        assert [(await client.answer()).status for _ in range(2)] == [200, 100]
        client.send(b"abc")
        assert (await client.answer()).text == "/now=abc"


async def test_an_http_1_0_client_is_never_told_to_continue(serve):
    async with serve(echo) as site:
        client = await site.connect()
        head = expecting().replace(b"HTTP/1.1", b"HTTP/1.0")
        client.send(head + b"abc")
        assert (await client.answer()).status == 200


async def test_a_body_that_would_be_too_long_is_refused_and_not_asked_for(serve):
    async with serve(echo, limits=Limits(body_bytes=10)) as site:
        client = await site.connect()
        client.send(expecting(length=11))
        assert (await client.answer()).status == 413
        assert await client.closed()


async def test_any_other_expectation_fails(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.get("/", "Expect: miracles")
        assert (await client.answer()).status == 417
        assert await client.closed()
