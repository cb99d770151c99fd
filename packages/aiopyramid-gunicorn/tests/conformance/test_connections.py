"""Connections: persistence, pipelining, HTTP/1.0, Expect, Upgrade."""

import asyncio
import functools

from aiopyramid_core import await_, call_off_loop

CONTINUE = b"Expect: 100-continue"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: test\r\n\r\n"


def request(*fields, line=b"GET /x HTTP/1.1\r\nHost: test", body=b""):
    return b"".join(part + b"\r\n" for part in (line, *fields)) + b"\r\n" + body


get = functools.partial(request)
old = functools.partial(request, line=b"GET /x HTTP/1.0")
post = functools.partial(request, line=b"POST /x HTTP/1.1\r\nHost: test")


def off_loop(environ, start_response):
    """Answer from a thread, so that several requests wait for their turn."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [call_off_loop(lambda: environ["PATH_INFO"].encode())]


def in_parts(environ, start_response):
    """Answer with a body whose length nobody knows beforehand."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return iter([b"ab", b"cd"])


def of_known_length(environ, start_response):
    """Answer with a body that says how long it is."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return iter([b"ab"])


def cases(make):
    accepted, refused, seen = make.accepted, make.refused, make.seen
    x = seen("GET", "/x")

    def last(name, rfc, data, **more):
        """The connection is closed after the first answer; what is after it is not handled."""
        return accepted(name, rfc, data + HIDDEN, x, closes=True, **more)

    numbered = [b"GET /%d HTTP/1.1\r\nHost: test\r\n\r\n" % number for number in range(20)]
    in_order = [seen("GET", f"/{number}") for number in range(20)]
    return [
        # --- Persistence ---
        accepted(
            "an HTTP/1.1 connection stays open", "9112 9.3", get(), x, fields={"Connection": None}
        ),
        accepted("keep-alive is not needed", "9112 9.3", get(b"Connection: keep-alive"), x),
        accepted(
            "an unknown option does not close", "9110 7.6.1", get(b"Connection: closed, x"), x
        ),
        accepted("close in quotes does not close", "9110 7.6.1", get(b'Connection: "close"'), x),
        accepted(
            "Keep-Alive alone says nothing", "9112 9.3", get(b"Keep-Alive: timeout=0, max=0"), x
        ),
        last("close closes", "9112 9.6", get(b"Connection: close"), fields={"Connection": "close"}),
        last("close is case-insensitive", "9110 7.6.1", get(b"Connection: CLOSE")),
        last("close may come first of several options", "9110 7.6.1", get(b"Connection: close, x")),
        last("close may come last of several options", "9110 7.6.1", get(b"Connection: x ,close")),
        last(
            "close is stronger than keep-alive", "9112 9.3", get(b"Connection: keep-alive, close")
        ),
        last(
            "close is stronger than keep-alive on another line",
            "9112 9.3",
            get(b"Connection: close", b"Connection: keep-alive"),
        ),
        accepted(
            "close is obeyed after a body",
            "9112 9.6",
            post(b"Connection: close", b"Content-Length: 3", body=b"abc") + HIDDEN,
            seen("POST", "/x", b"abc"),
            closes=True,
        ),
        # --- HTTP/1.0 ---
        last("an HTTP/1.0 connection is closed", "9112 9.3", old(), fields={"Connection": "close"}),
        last("an HTTP/1.0 connection is closed if told so", "9112 9.3", old(b"Connection: close")),
        accepted(
            "an HTTP/1.0 connection stays open if told so",
            "9112 9.3",
            old(b"Connection: keep-alive"),
            seen("GET", "/x", environ={"SERVER_PROTOCOL": "HTTP/1.0"}),
            validates=False,  # after the validator the length is unknown
            fields={"Connection": "keep-alive"},
        ),
        last("HTTP/1.0 needs no Host", "9112 3.2", old()),
        accepted(
            "HTTP/1.0 gets no chunks",
            "9112 6.1",
            old(b"Connection: keep-alive"),
            x,
            application=in_parts,
            bodies=(b"abcd",),
            closes=True,
            fields={"Transfer-Encoding": None, "Connection": "close"},
        ),
        accepted(
            "HTTP/1.0 keeps its connection if the length is known",
            "9112 9.3",
            old(b"Connection: keep-alive"),
            x,
            application=of_known_length,
            bodies=(b"ab",),
            fields={"Content-Length": "2", "Connection": "keep-alive"},
        ),
        accepted(
            "an HTTP/1.0 request has a body by its length",
            "9112 6.3",
            request(b"Content-Length: 3", line=b"POST /x HTTP/1.0", body=b"abc"),
            seen("POST", "/x", b"abc"),
            closes=True,
        ),
        accepted(
            "an HTTP/1.0 request without a length has no body",
            "9112 6.3",
            request(line=b"POST /x HTTP/1.0", body=b"abc"),
            seen("POST", "/x"),
            closes=True,
        ),
        accepted(
            "an answer to HTTP/1.0 says HTTP/1.1",
            "9110 2.5",
            old(),
            x,
            closes=True,
        ),
        # --- Pipelining ---
        accepted(
            "pipelined requests are answered in order", "9112 9.3.2", b"".join(numbered), *in_order
        ),
        accepted(
            "pipelined requests that take their time are answered in order",
            "9112 9.3.2",
            b"".join(numbered),
            *in_order,
            application=off_loop,
            bodies=tuple(b"/%d" % number for number in range(20)),
        ),
        accepted(
            "pipelined requests with bodies are answered in order",
            "9112 9.3.2",
            b"".join(
                post(b"Content-Length: 1", body=b"%d" % n)
                + post(b"Transfer-Encoding: chunked", body=b"1\r\n%d\r\n0\r\n\r\n" % n)
                for n in range(5)
            ),
            *(seen("POST", "/x", b"%d" % n) for n in range(5) for _ in range(2)),
        ),
        accepted(
            "HEAD among pipelined requests has no body",
            "9110 9.3.2",
            get() + request(line=b"HEAD /x HTTP/1.1\r\nHost: test") + get(),
            x,
            seen("HEAD", "/x"),
            x,
        ),
        accepted(
            "an empty line between pipelined requests is ignored",
            "9112 2.2",
            post(b"Content-Length: 3", body=b"abc\r\n") + HIDDEN,
            seen("POST", "/x", b"abc"),
            seen("GET", "/hidden"),
        ),
        accepted(
            "what came before a malformed request is answered",
            "9112 9.3.2",
            get() + get() + b"G(T / HTTP/1.1\r\n\r\n" + HIDDEN,
            x,
            x,
            answers=(200, 200, 400),
            closes=True,
        ),
        accepted(
            "what came before a request without Host is answered",
            "9112 9.3.2",
            get() + request(line=b"GET / HTTP/1.1") + HIDDEN,
            x,
            answers=(200, 400),
            closes=True,
        ),
        accepted(
            "a field of one request does not reach the next",
            "9110 3.3",
            get(b"X: 1", b"Cookie: a=b", b"Authorization: c") + HIDDEN,
            seen("GET", "/x", environ={"HTTP_X": "1"}),
            seen(
                "GET",
                "/hidden",
                environ={"HTTP_X": None, "HTTP_COOKIE": None, "HTTP_AUTHORIZATION": None},
            ),
        ),
        accepted(
            "a client that has sent its last byte gets its answers",
            "9112 9.6",
            get() + get(),
            x,
            x,
            half_closes=True,
        ),
        accepted("a client may say nothing at all", "9112 9.6", b"", half_closes=True),
        # --- Expect ---
        accepted(
            "a client that waits is told to continue",
            "9110 10.1.1",
            (post(CONTINUE, b"Content-Length: 3"), b"abc"),
            seen("POST", "/x", b"abc"),
            answers=(100, 200),
        ),
        accepted(
            "a client that waits with chunks is told to continue",
            "9110 10.1.1",
            (post(CONTINUE, b"Transfer-Encoding: chunked"), b"3\r\nabc\r\n0\r\n\r\n"),
            seen("POST", "/x", b"abc"),
            answers=(100, 200),
        ),
        accepted(
            "the expectation is case-insensitive",
            "9110 10.1.1",
            (post(b"expect: 100-Continue", b"Content-Length: 3"), b"abc"),
            seen("POST", "/x", b"abc"),
            answers=(100, 200),
        ),
        accepted(
            "an answer comes before the next client is told to continue",
            "9110 10.1.1",
            (get() + post(CONTINUE, b"Content-Length: 3"), b"", b"abc"),
            x,
            seen("POST", "/x", b"abc"),
            answers=(200, 100, 200),
            application=of_empty_body,
            bodies=(b"", b""),
        ),
        accepted("a client without a body is not told", "9110 10.1.1", get(CONTINUE), x),
        accepted(
            "a client with a body of length 0 is not told",
            "9110 10.1.1",
            post(CONTINUE, b"Content-Length: 0"),
            seen("POST", "/x"),
        ),
        accepted(
            "an HTTP/1.0 client is not told",
            "9110 10.1.1",
            request(CONTINUE, b"Content-Length: 3", line=b"POST /x HTTP/1.0", body=b"abc"),
            seen("POST", "/x", b"abc"),
            closes=True,
        ),
        refused(
            "a client that waits is refused if its length is",
            "9110 10.1.1",
            post(CONTINUE, b"Content-Length: 11") + HIDDEN,
            413,
            limits=make.limits(body_bytes=10),
        ),
        refused("another expectation fails", "9110 10.1.1", post(b"Expect: x") + HIDDEN, 417),
        refused("one more expectation fails", "9110 10.1.1", post(CONTINUE + b", x") + HIDDEN, 417),
        # --- Upgrade ---
        accepted(
            "an upgrade may be ignored",
            "9110 7.8",
            get(b"Connection: Upgrade", b"Upgrade: h2c") + HIDDEN,
            seen("GET", "/x", environ={"HTTP_UPGRADE": "h2c"}),
            seen("GET", "/hidden"),
        ),
        accepted(
            "an upgrade that Connection does not name is ignored",
            "9110 7.8",
            get(b"Upgrade: h2c") + HIDDEN,
            x,
            seen("GET", "/hidden"),
        ),
        last(
            "an upgrade does not undo close",
            "9110 7.8",
            get(b"Connection: close, upgrade", b"Upgrade: x"),
        ),
        accepted(
            "an upgrade of a body does not undo close",
            "9110 7.8",
            post(b"Connection: close, upgrade", b"Upgrade: x", b"Content-Length: 3", body=b"abc")
            + HIDDEN,
            seen("POST", "/x", b"abc"),
            closes=True,
        ),
        accepted(
            "an upgrade does not keep an HTTP/1.0 connection",
            "9110 7.8",
            old(b"Connection: upgrade", b"Upgrade: x") + HIDDEN,
            x,
            closes=True,
        ),
    ]


def of_empty_body(environ, start_response):
    """Answer with a head only, so that the test sees where it ends."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b""]


async def test_connections(case, way, conforms):
    await conforms(case, way)


async def test_answers_survive_what_the_client_sends_after_its_last_request(serve):
    # RFC 9112, 9.6: to close a socket with unread bytes resets the connection, and the reset may
    # destroy what the client has not read yet. That is why servers close in stages.
    def application(environ, start_response):
        if not gate.is_set():  # the second one is answered at once
            await_(gate.wait())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ab"]

    gate = asyncio.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.send(get() + get(b"Connection: close"))
        await site.until(lambda: [c for c in site.server.connections if c.inbound.is_ahead])
        client.send(HIDDEN)  # not read while there is so much to do
        gate.set()
        assert [(await client.answer()).body for _ in range(2)] == [b"ab", b"ab"]
        assert await client.closed()
