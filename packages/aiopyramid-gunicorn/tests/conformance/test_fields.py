"""Header fields: syntax, line ends, names with underscores, how many and how long."""


def request(*fields, line=b"GET /x HTTP/1.1\r\nHost: test"):
    return b"".join(part + b"\r\n" for part in (line, *fields)) + b"\r\n"


HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: test\r\n\r\n"

MALFORMED = [
    ("a space before the colon is refused", "9112 5.1", b"X : 1"),
    ("a tab before the colon is refused", "9112 5.1", b"X\t: 1"),
    ("a line without a colon is refused", "9112 5", b"X"),
    ("a field without a name is refused", "9110 5.1", b": 1"),
    ("a space in a name is refused", "9110 5.1", b"X Y: 1"),
    ("a parenthesis in a name is refused", "9110 5.6.2", b"X(: 1"),
    ("a slash in a name is refused", "9110 5.6.2", b"X/Y: 1"),
    ("a quoted name is refused", "9110 5.6.2", b'"X": 1'),
    ("a NUL in a name is refused", "9110 5.6.2", b"X\0: 1"),
    ("a name beyond ASCII is refused", "9110 5.6.2", b"X\xe9: 1"),
    ("a vertical tab in a name is refused", "9110 5.6.2", b"X\x0b: 1"),
    ("a NUL in a value is refused", "9110 5.5", b"X: a\0b"),
    ("a control character in a value is refused", "9110 5.5", b"X: a\x01b"),
    ("a vertical tab in a value is refused", "9110 5.5", b"X: a\x0bb"),
    ("a form feed in a value is refused", "9110 5.5", b"X: a\x0cb"),
    ("an escape in a value is refused", "9110 5.5", b"X: a\x1bb"),
    ("a DEL in a value is refused", "9110 5.5", b"X: a\x7fb"),
    ("a bare CR in a value is refused", "9112 2.2", b"X: a\rY: b"),
    ("a bare CR before a value is refused", "9112 2.2", b"X:\ra"),
    ("a bare CR at the end of a value is refused", "9112 2.2", b"X: a\r"),
    ("a bare LF in a value is refused", "9112 2.2", b"X: a\nY: b"),
    ("a bare LF before a value is refused", "9112 2.2", b"X:\nY: b"),
    ("a value on two lines is refused", "9112 5.2", b"X: a\r\n b"),
    ("a value on two lines with a tab is refused", "9112 5.2", b"X: a\r\n\tb"),
    ("a value that begins on the second line is refused", "9112 5.2", b"X:\r\n b"),
    ("a line of whitespace is refused", "9112 5.2", b"X: a\r\n "),
    ("whitespace before a name is refused", "9112 5.2", b" X: a"),
]


def cases(make):
    accepted, refused, seen, limits = make.accepted, make.refused, make.seen, make.limits

    def passes(name, rfc, *fields, settings=None, **environ):
        return accepted(
            name,
            rfc,
            request(*fields),
            seen("GET", "/x", environ=environ),
            settings=settings or {},
        )

    few = limits(header_fields=5)
    short = limits(header_field_bytes=50)
    return [
        *(refused(name, rfc, request(field) + HIDDEN) for name, rfc, field in MALFORMED),
        refused(
            "whitespace before the first field is refused",
            "9112 2.2",
            b"GET / HTTP/1.1\r\n X: 1\r\nHost: test\r\n\r\n" + HIDDEN,
        ),
        refused(
            "a head that ends with LF only is refused",
            "9112 2.2",
            b"GET / HTTP/1.1\r\nHost: test\r\n\n" + HIDDEN,
        ),
        refused(
            "a head that ends with CR and something else is refused",
            "9112 2.2",
            b"GET / HTTP/1.1\r\nHost: test\r\n\rX: a\r\n\r\n" + HIDDEN,
        ),
        refused(
            "a field that ends with LF only is refused",
            "9112 2.2",
            b"GET / HTTP/1.1\r\nHost: test\nX: a\r\n\r\n" + HIDDEN,
        ),
        passes("a value needs no whitespace before it", "9112 5", b"X:1", HTTP_X="1"),
        passes("whitespace around a value is not part of it", "9112 5.1", b"X: \t1 \t", HTTP_X="1"),
        passes(
            "whitespace inside a value is part of it", "9110 5.5", b"X: a \t b", HTTP_X="a \t b"
        ),
        passes("a value may be empty", "9110 5.5", b"X:", HTTP_X=""),
        passes("a value of whitespace is empty", "9110 5.5", b"X: \t ", HTTP_X=""),
        passes(
            "a value may have bytes beyond ASCII", "9110 5.5", b"X: \xe9\xff", HTTP_X="\xe9\xff"
        ),
        passes("a value may have colons", "9110 5.5", b"X: a: b", HTTP_X="a: b"),
        passes("names are case-insensitive", "9110 5.1", b"aCCept: a", HTTP_ACCEPT="a"),
        passes(
            "a name may have all characters of a token",
            "9110 5.6.2",
            b"!#$%&'*+-.^`|~09Az: 1",
            **{"HTTP_!#$%&'*+_.^`|~09AZ": "1"},
        ),
        passes("a repeated field is a list, in order", "9110 5.3", b"X: 2", b"x: 1", HTTP_X="2,1"),
        passes(
            "two lines of Cookie are joined by a semicolon",
            "9113 8.2.3",
            b"Cookie: a=1",
            b"Cookie: b=2",
            HTTP_COOKIE="a=1; b=2",
        ),
        refused(
            "two lines of Content-Type are refused",
            "9110 5.3",
            request(b"Content-Type: text/plain", b"Content-Type: text/html"),
        ),
        passes(
            "Content-Type has a name of its own",
            "3875 4.1.3",
            b"Content-Type: text/plain",
            CONTENT_TYPE="text/plain",
            HTTP_CONTENT_TYPE=None,
        ),
        # gunicorn's header_map; RFC 3875 gives X-Y and X_Y the same key.
        passes("a name with an underscore is dropped", "3875 4.1.18", b"X_Y: 1", HTTP_X_Y=None),
        passes(
            "a name with an underscore does not add to the one with a hyphen",
            "3875 4.1.18",
            b"X-Forwarded-For: 192.0.2.1",
            b"X_Forwarded-For: 192.0.2.9",
            b"X_Forwarded_For: 192.0.2.9",
            HTTP_X_FORWARDED_FOR="192.0.2.1",
        ),
        passes(
            "with header_map=dangerous a name with an underscore passes",
            "3875 4.1.18",
            b"X_Y: 1",
            settings={"header_map": "dangerous"},
            HTTP_X_Y="1",
        ),
        refused(
            "with header_map=refuse a name with an underscore is refused",
            "3875 4.1.18",
            request(b"X_Y: 1") + HIDDEN,
            settings={"header_map": "refuse"},
        ),
        refused(
            "a Host with an underscore instead of a letter is not a Host",
            "9112 3.2",
            request(b"_HOST: a", line=b"GET / HTTP/1.1"),
        ),
        accepted(
            "as many fields as the limit pass",
            "9110 5.4",
            request(*[b"X: 1"] * 4),
            seen("GET", "/x", environ={"HTTP_X": "1,1,1,1"}),
            limits=few,
        ),
        refused(
            "more fields are too many",
            "6585 5",
            request(*[b"X: 1"] * 5) + HIDDEN,
            431,
            limits=few,
        ),
        refused(
            "more fields are too many though they are dropped",
            "6585 5",
            request(*[b"X_Y: 1"] * 5) + HIDDEN,
            431,
            limits=few,
        ),
        refused(
            "a value too long is refused", "6585 5", request(b"X: " + b"a" * 50), 431, limits=short
        ),
        refused(
            "a name too long is refused", "6585 5", request(b"X" * 50 + b": a"), 431, limits=short
        ),
        refused(
            "a value without end is too long", "6585 5", request(b"X: " + b"a" * 2_000_000), 431
        ),
        refused("a name without end is too long", "6585 5", request()[:-2] + b"X" * 2_000_000, 431),
    ]


async def test_header_fields(case, way, conforms):
    await conforms(case, way)
