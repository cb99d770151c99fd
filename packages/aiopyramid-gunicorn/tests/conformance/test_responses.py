"""Responses: their framing, and applications that misbehave."""

TEXT = ("Content-Type", "text/plain")
HEAD = b"HEAD /case HTTP/1.1\r\nHost: test\r\n\r\n"
CONNECT = b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: test\r\n\r\n"


def answering(status, *fields, body=(), stream=False):
    """Return an application with this response."""

    def application(environ, start_response):
        start_response(status, list(fields))
        return iter(body) if stream else list(body)

    return application


def writing(*parts, fields=(TEXT,)):
    """Return an application that uses the write() callable."""

    def application(environ, start_response):
        write = start_response("200 OK", list(fields))
        for part in parts:
            write(part)
        return []

    return application


def hinting(*fields, late=False):
    """Return an application that gives hints before its answer."""

    def application(environ, start_response):
        hint = environ["wsgi.early_hints"]
        write = start_response("200 OK", [TEXT])
        if late:
            write(b"ab")
        hint(fields)
        return [] if late else [b"ab"]

    return application


def raising(*, after=()):
    """Return an application that fails, maybe in the middle of its body."""

    def application(environ, start_response):
        start_response("200 OK", [TEXT])
        if not after:
            raise LookupError("a bug of the application")

        def body():
            yield from after
            raise LookupError("a bug of the application")

        return body()

    return application


INJECTIONS = {
    "a value with a line end": ("X", "a\r\nSet-Cookie: evil=1"),
    "a value with a whole response": ("X", "a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "a value with a bare LF": ("X", "a\nY: b"),
    "a value with a bare CR": ("X", "a\rY: b"),
    "a value with a folded line": ("X", "a\r\n b"),
    "a value with a NUL": ("X", "a\0b"),
    "a value beyond Latin-1": ("X", "\u560a\u560d"),
    "a name with a line end": ("X\r\nY", "a"),
    "a name with a colon": ("X: a\r\nY", "b"),
    "a name with a space": ("X Y", "a"),
    "an empty name": ("", "a"),
}

HOP_BY_HOP = {
    "Connection": "keep-alive, X",
    "Keep-Alive": "timeout=5",
    "Transfer-Encoding": "chunked",
    "TE": "trailers",
    "Upgrade": "h2c",
    "Proxy-Authenticate": "Basic",
    "Proxy-Authorization": "Basic YTpi",
}


def cases(make):
    responded, seen = make.responded, make.seen
    ab = (b"a", b"b")

    def broken(name, rfc, application, **more):
        return responded(name, rfc, application, (500,), closes=True, fails=True, **more)

    def cut(name, rfc, application, body, **more):
        """The connection is closed in the middle of the body."""
        return responded(name, rfc, application, bodies=(body,), closes=True, fails=True, **more)

    return [
        # --- Framing ---
        responded(
            "a body that is known has its length",
            "9110 8.6",
            answering("200 OK", TEXT, body=ab),
            bodies=(b"ab",),
            validates=False,  # with the validator in between, it comes in parts
            fields={"Content-Length": "2", "Transfer-Encoding": None},
        ),
        responded(
            "a body of unknown length is chunked",
            "9112 7.1",
            answering("200 OK", TEXT, body=ab, stream=True),
            bodies=(b"ab",),
            fields={"Content-Length": None, "Transfer-Encoding": "chunked"},
        ),
        responded(
            "an empty part is not the last chunk",
            "9112 7.1",
            answering("200 OK", TEXT, body=(b"a", b"", b"b"), stream=True),
            bodies=(b"ab",),
        ),
        responded(
            "an empty body has the length 0",
            "9110 8.6",
            answering("200 OK", TEXT),
            bodies=(b"",),
            fields={"Content-Length": "0"},
        ),
        responded(
            "the application's length stands",
            "9110 8.6",
            answering("200 OK", TEXT, ("Content-Length", "2"), body=ab, stream=True),
            bodies=(b"ab",),
            fields={"Content-Length": "2", "Transfer-Encoding": None},
        ),
        responded(
            "what is written comes before the body",
            "9112 7.1",
            writing(*ab),
            bodies=(b"ab",),
        ),
        responded(
            "an answer has a date",
            "9110 6.6.1",
            answering("200 OK", TEXT, ("Date", "Thu, 01 Jan 1970 00:00:00 GMT")),
            fields={"Date": "Thu, 01 Jan 1970 00:00:00 GMT"},
        ),
        *(
            responded(
                f"{status} has no body{told}",
                rfc,
                answering(status, body=ab, stream=stream),
                (int(status[:3]),),
                bodies=(b"",),
                fields={"Content-Length": None, "Transfer-Encoding": None},
            )
            for status, rfc in {
                "204 No Content": "9110 15.3.5",
                "304 Not Modified": "9110 15.4.5",
            }.items()
            for stream, told in ((False, ""), (True, ", even in parts"))
        ),
        responded(
            "204 has no length",
            "9110 8.6",
            answering("204 No Content", ("Content-Length", "2"), body=ab),
            (204,),
            bodies=(b"",),
            fields={"Content-Length": None},
        ),
        responded(
            "304 may have the length of what it does not send",
            "9110 8.6",
            answering("304 Not Modified", ("Content-Length", "2")),
            (304,),
            bodies=(b"",),
            fields={"Content-Length": "2"},
        ),
        *(
            responded(
                f"HEAD gets no body{told}",
                "9110 9.3.2",
                answering("200 OK", TEXT, *fields, body=ab, stream=stream),
                send=HEAD,
                seen=(seen("HEAD", "/case"),),
                bodies=(b"",),
                validates=False,  # the validator forbids what is tested here
                fields={"Content-Length": "2"} if fields else {},
            )
            for stream, fields, told in (
                (False, (), ""),
                (True, (), ", even in parts"),
                (False, (("Content-Length", "2"),), " but its length"),
                (True, (("Content-Length", "2"),), " in parts but its length"),
            )
        ),
        # --- Hints ---
        responded(
            "hints come before the answer",
            "8297 2",
            hinting(("Link", "</a.css>; rel=preload")),
            (103, 200),
            bodies=(b"ab",),
            fields={"Link": "</a.css>; rel=preload", "Date": None},
            validates=False,
        ),
        responded(
            "hints may be given more than once, and in bytes",
            "8297 2",
            lambda environ, start_response: (
                environ["wsgi.early_hints"]([(b"Link", b"</a>")]),
                hinting(("Link", "</b>"))(environ, start_response),
            )[1],
            (103, 103, 200),
            fields={"Link": "</a>"},
            validates=False,
        ),
        responded(
            "hints have neither a length nor hop-by-hop fields",
            "9110 15.2",
            hinting(("Content-Length", "2"), ("Transfer-Encoding", "chunked"), ("Link", "</a>")),
            (103, 200),
            bodies=(b"ab",),
            fields={"Content-Length": None, "Transfer-Encoding": None, "Link": "</a>"},
            validates=False,
        ),
        responded(
            "hints that come late are dropped",
            "9110 15.2",
            hinting(("Link", "</a>"), late=True),
            bodies=(b"ab",),
            fields={"Link": None},
            validates=False,
        ),
        responded(
            "HTTP/1.0 gets no hints",
            "9110 15.2",
            hinting(("Link", "</a>")),
            send=b"GET /case HTTP/1.0\r\n\r\n",
            bodies=(b"ab",),
            closes=True,
            validates=False,
        ),
        *(
            broken(f"{what} is refused in hints", "9110 5.5", hinting(field))
            for what, field in INJECTIONS.items()
        ),
        # --- Bodies that are not as long as they say ---
        responded(
            "a body longer than its length is cut",
            "9112 6.3",
            answering("200 OK", TEXT, ("Content-Length", "1"), body=ab),
            bodies=(b"a",),
        ),
        responded(
            "a body in parts longer than its length is cut",
            "9112 6.3",
            answering("200 OK", TEXT, ("Content-Length", "1"), body=(b"abc", b"d"), stream=True),
            bodies=(b"a",),
        ),
        responded(
            "what is written beyond the length is cut",
            "9112 6.3",
            writing(b"abc", b"d", fields=(TEXT, ("Content-Length", "1"))),
            bodies=(b"a",),
        ),
        responded(
            "a whole response after the length is cut",
            "9112 6.3",
            answering(
                "200 OK", TEXT, ("Content-Length", "1"), body=(b"a", b"HTTP/1.1 200 OK\r\n\r\n")
            ),
            bodies=(b"a",),
        ),
        cut(
            "a body in parts shorter than its length closes the connection",
            "9112 8",
            answering("200 OK", TEXT, ("Content-Length", "3"), body=ab, stream=True),
            b"ab",
        ),
        cut(
            "what is written shorter than its length closes the connection",
            "9112 8",
            writing(*ab, fields=(TEXT, ("Content-Length", "3"))),
            b"ab",
        ),
        cut(  # and does so after the head: a client that gets nothing at all may try again
            "a whole body shorter than its length closes the connection",
            "9112 8",
            answering("200 OK", TEXT, ("Content-Length", "3"), body=ab),
            b"ab",
        ),
        cut(
            "an error in the middle of chunks leaves them without end",
            "9112 8",
            raising(after=ab),
            b"ab",
        ),
        cut(
            "a request after a broken answer is not handled",
            "9112 8",
            raising(after=ab),
            b"ab",
            send=b"GET /case HTTP/1.1\r\nHost: test\r\n\r\n" + HIDDEN,
        ),
        broken("an error before the body is answered with 500", "9110 15.6.1", raising()),
        # --- What an application may not say ---
        *(
            broken(f"{what} is refused", "9110 5.5", answering("200 OK", TEXT, field))
            for what, field in INJECTIONS.items()
        ),
        broken("a reason with a line end is refused", "9112 4", answering("200 O\r\nX: K", TEXT)),
        broken("a status without a reason's space is refused", "9112 4", answering("200", TEXT)),
        broken("a status that is not a number is refused", "9112 4", answering("OK 200", TEXT)),
        broken(
            "two lengths are refused",
            "9110 8.6",
            answering("200 OK", TEXT, ("Content-Length", "1"), ("content-length", "2"), body=ab),
        ),
        broken(
            "a length that is not a number is refused",
            "9110 8.6",
            answering("200 OK", TEXT, ("Content-Length", "2, 2"), body=ab),
        ),
        *(
            broken(  # the client would take the answer to its next request for the final one
                f"{status} is not a final answer",
                "9110 15.2",
                answering(status, TEXT),
            )
            for status in ("100 Continue", "101 Switching Protocols", "103 Early Hints")
        ),
        *(
            responded(
                f"{name} is not passed on",
                "9110 7.6.1",
                answering("200 OK", TEXT, (name, value), body=ab, stream=True),
                bodies=(b"ab",),
                validates=False,
                fields={name: "chunked" if name == "Transfer-Encoding" else None},
            )
            for name, value in HOP_BY_HOP.items()
        ),
        responded(
            "Transfer-Encoding beside a length is not passed on",
            "9112 6.1",
            answering(
                "200 OK", TEXT, ("Content-Length", "2"), ("Transfer-Encoding", "chunked"), body=ab
            ),
            bodies=(b"ab",),
            validates=False,
            fields={"Content-Length": "2", "Transfer-Encoding": None},
        ),
        responded(
            "the application may close the connection",
            "9112 9.6",
            answering("200 OK", TEXT, ("Connection", "close"), body=ab),
            bodies=(b"ab",),
            closes=True,
            validates=False,
            fields={"Connection": "close"},
        ),
        responded(
            "a tunnel has neither length nor coding",
            "9110 9.3.6",
            answering("200 OK", body=ab),
            send=CONNECT,
            seen=(seen("CONNECT", ""),),
            closes=True,
            validates=False,
            fields={"Content-Length": None, "Transfer-Encoding": None},
        ),
    ]


async def test_responses(case, way, conforms):
    await conforms(case, way)
