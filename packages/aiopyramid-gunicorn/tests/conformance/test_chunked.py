"""The chunked coding: sizes, extensions, line ends, trailers (RFC 9112, 7.1)."""

POST = b"POST /x HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: test\r\n\r\n"
END = b"\r\nabc\r\n0\r\n\r\n"
BODY = b"3\r\nabc\r\n0\r\n"

RIGHT = [
    ("a size may have capitals", "7.1", b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    ("a size may have small letters", "7.1", b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    ("a size may have leading zeros", "7.1", b"0003" + END, b"abc"),
    ("a size may have twenty digits if most are zeros", "7.1", b"0" * 19 + b"3" + END, b"abc"),
    ("the last size may have several zeros", "7.1", b"3\r\nabc\r\n000\r\n\r\n", b"abc"),
    ("chunks are put together", "7.1", b"1\r\na\r\n1\r\nb" + b"\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
    ("a chunk may contain line ends", "7.1", b"6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", b"\r\n0\r\n\r"),
    ("a body may be empty", "7.1", b"0\r\n\r\n", b""),
    ("an extension is ignored", "7.1.1", b"3;a" + END, b"abc"),
    ("an extension with a value is ignored", "7.1.1", b"3;a=b" + END, b"abc"),
    ("several extensions are ignored", "7.1.1", b"3;a=b;c;d=e" + END, b"abc"),
    ("an extension in quotes is ignored", "7.1.1", b'3;a="b;c\\"d"' + END, b"abc"),
    ("an extension in quotes may go beyond ASCII", "7.1.1", b'3;a="\xe9"' + END, b"abc"),
    ("an extension of the last chunk is ignored", "7.1.1", b"3\r\nabc\r\n0;a=b\r\n\r\n", b"abc"),
    ("a trailer is ignored", "7.1.2", BODY + b"X: 1\r\n\r\n", b"abc"),
    ("several trailers are ignored", "7.1.2", BODY + b"X: 1\r\nY: 2\r\n\r\n", b"abc"),
    ("an empty trailer is ignored", "7.1.2", BODY + b"X:\r\n\r\n", b"abc"),
]

WRONG = [
    ("a size with 0x is refused", "7.1", b"0x3" + END),
    ("a size with a sign is refused", "7.1", b"+3" + END),
    ("a size below zero is refused", "7.1", b"-3" + END),
    ("a size with an underscore is refused", "7.1", b"0_3" + END),
    ("a size with a letter beyond f is refused", "7.1", b"3g" + END),
    ("a size with a fraction is refused", "7.1", b"3.0" + END),
    ("an empty size is refused", "7.1", END),
    ("an extension without a size is refused", "7.1", b";a" + END),
    ("a space before a size is refused", "7.1", b" 3" + END),
    ("a space after a size is refused", "7.1", b"3 " + END),
    ("a tab after a size is refused", "7.1", b"3\t" + END),
    ("a NUL after a size is refused", "7.1", b"3\0" + END),
    ("a size of 2 to the 64th and three is refused", "7.1", b"10000000000000003" + END),
    ("a size of seventeen digits is refused", "7.1", b"f" * 17 + END),
    ("a size of a thousand digits is refused", "7.1", b"f" * 1000 + END),
    ("a size that ends with LF is refused", "7.1", b"3\nabc\r\n0\r\n\r\n"),
    ("a size that ends with CR is refused", "7.1", b"3\rabc\r\n0\r\n\r\n"),
    ("a size that ends with CR CR LF is refused", "7.1", b"3\r\r\nabc\r\n0\r\n\r\n"),
    ("a chunk that ends with LF is refused", "7.1", b"3\r\nabc\n0\r\n\r\n"),
    ("a chunk that ends with CR is refused", "7.1", b"3\r\nabc\r0\r\n\r\n"),
    ("a chunk that does not end is refused", "7.1", b"3\r\nabc0\r\n\r\n"),
    ("a chunk longer than its size is refused", "7.1", b"3\r\nabcd\r\n0\r\n\r\n"),
    ("a chunk shorter than its size is refused", "7.1", b"3\r\nab\r\n0\r\n\r\n"),
    ("a last chunk that ends with LF is refused", "7.1", b"3\r\nabc\r\n0\n\n"),
    ("a body that ends with LF is refused", "7.1", b"3\r\nabc\r\n0\r\n\n"),
    ("a body that ends with CR is refused", "7.1", b"3\r\nabc\r\n0\r\n\rX"),
    ("a body without its last line end is refused", "7.1", b"3\r\nabc\r\n0\r\n"),
    ("a body without its last chunk is refused", "7.1", b"3\r\nabc\r\n"),
    # The grammar allows bad whitespace around extensions. llhttp does not: no client sends it.
    ("a space before an extension is refused", "7.1.1", b"3 ;a" + END),
    ("a space before a value is refused", "7.1.1", b"3;a= b" + END),
    ("an extension with a space in its name is refused", "7.1.1", b"3;a b" + END),
    ("an extension with a NUL is refused", "7.1.1", b"3;a\0" + END),
    ("an extension with a bare CR is refused", "7.1.1", b"3;a\rb" + END),
    ("an extension that ends with LF is refused", "7.1.1", b"3;a\nabc\r\n0\r\n\r\n"),
    ("an extension beyond ASCII is refused", "7.1.1", b"3;\xe9" + END),
    ("an extension with open quotes is refused", "7.1.1", b'3;a="b' + END),
    ("an extension with a line end in its quotes is refused", "7.1.1", b'3;a="\nb"' + END),
    ("a semicolon without an extension is refused", "7.1.1", b"3;" + END),
    ("a trailer with a space before the colon is refused", "5.1", BODY + b"X : 1\r\n\r\n"),
    ("a trailer on two lines is refused", "5.2", BODY + b"X: 1\r\n 2\r\n\r\n"),
    ("a trailer that begins with whitespace is refused", "5.2", BODY + b" X: 1\r\n\r\n"),
    ("a trailer without a colon is refused", "7.1.2", BODY + b"X\r\n\r\n"),
    ("a trailer without a name is refused", "7.1.2", BODY + b": 1\r\n\r\n"),
    ("a trailer with a NUL is refused", "7.1.2", BODY + b"X: \0\r\n\r\n"),
    ("a trailer with a bare CR is refused", "2.2", BODY + b"X: a\rb\r\n\r\n"),
    ("a trailer with a bare LF is refused", "2.2", BODY + b"X: a\nY: b\r\n\r\n"),
    ("a trailer that ends with LF is refused", "2.2", BODY + b"X: a\r\n\n"),
]

FORBIDDEN = (
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Host: other",
    "Authorization: Basic YTpi",
    "TE: trailers",
    "Trailer: X",
    "Connection: close",
)


def cases(make):
    accepted, refused, seen, limits = make.accepted, make.refused, make.seen, make.limits
    few = limits(header_fields=5, header_field_bytes=50)
    return [
        *(
            accepted(name, f"9112 {section}", POST + data, seen("POST", "/x", body))
            for name, section, data, body in RIGHT
        ),
        *(refused(name, f"9112 {section}", POST + data + HIDDEN) for name, section, data in WRONG),
        *(
            refused(
                f"a trailer {field.split(':')[0]} is refused",
                "9110 6.5.1",
                POST + BODY + field.encode() + b"\r\n\r\n" + HIDDEN,
            )
            for field in FORBIDDEN
        ),
        accepted(
            "a trailer that is of no use does no harm",
            "9110 6.5.1",
            POST + BODY + b"Content-Type: text/html\r\nExpect: x\r\nContent-Range: 1\r\n\r\n",
            seen("POST", "/x", b"abc", environ={"CONTENT_TYPE": None, "HTTP_EXPECT": None}),
        ),
        accepted(
            "a trailer does not become a header field",
            "9110 6.5.1",
            POST + BODY + b"X-Forwarded-For: a\r\nCookie: b\r\n\r\n",
            seen(
                "POST",
                "/x",
                b"abc",
                environ={"HTTP_X_FORWARDED_FOR": None, "HTTP_COOKIE": None},
            ),
        ),
        accepted(
            "a trailer does not get into the next request",
            "9110 6.5.1",
            POST + BODY + b"X: 1\r\n\r\n" + HIDDEN,
            seen("POST", "/x", b"abc"),
            seen("GET", "/hidden", environ={"HTTP_X": None}),
        ),
        accepted(
            "what is after a chunked body is the next request",
            "9112 7.1",
            POST + BODY + b"\r\n" + POST + BODY + b"\r\n" + HIDDEN,
            seen("POST", "/x", b"abc"),
            seen("POST", "/x", b"abc"),
            seen("GET", "/hidden"),
        ),
        accepted(
            "a chunk may contain a request",
            "9112 7.1",
            POST + b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
            seen("POST", "/x", HIDDEN),
        ),
        refused(
            "too many trailers are refused",
            "6585 5",
            POST + BODY + b"X: 1\r\n" * 6 + b"\r\n" + HIDDEN,
            431,
            limits=few,
        ),
        refused(
            "a trailer too long is refused",
            "6585 5",
            POST + BODY + b"X: " + b"a" * 50 + b"\r\n\r\n" + HIDDEN,
            431,
            limits=few,
        ),
        refused(
            "an extension without end is refused",
            "9112 7.1.1",
            POST + b"3;" + b"a" * 2_000_000,
            431,
        ),
        accepted(
            "the largest chunk that can be announced is waited for",
            "9112 7.1",
            POST + b"f" * 16 + b"\r\n" + HIDDEN,
            half_closes=True,
        ),
    ]


async def test_chunked_bodies(case, way, conforms):
    await conforms(case, way)
