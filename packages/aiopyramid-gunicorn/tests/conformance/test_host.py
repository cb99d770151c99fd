"""Host: exactly one, and a valid one (RFC 9112, 3.2: anything else MUST be answered with 400)."""


def request(*fields, line=b"GET /x HTTP/1.1"):
    return b"".join(part + b"\r\n" for part in (line, *fields)) + b"\r\n"


VALID = {
    "a name": b"example.com",
    "a name with a port": b"example.com:8080",
    "a name with an empty port": b"example.com:",
    "a name in capitals": b"EXAMPLE.com",
    "a name that ends with a dot": b"example.com.",
    "a name with an underscore": b"a_b.example",
    "a name with an encoded character": b"%41.example",
    "a name with the sub-delimiters of URIs": b"a!$&'()*+,;=~b",
    "an IPv4 address": b"192.0.2.1:80",
    "an IPv6 address": b"[2001:db8::1]",
    "an IPv6 address with a port": b"[2001:db8::1]:80",
    "nothing": b"",
}

INVALID = {
    "with a space": b"a b",
    "with a tab": b"a\tb",
    "with a slash": b"a/b",
    "with a backslash": b"a\\b",
    "with a query": b"a?b",
    "with a fragment": b"a#b",
    "with a user": b"user@a",
    "that is a URI": b"http://a",
    "with a port that is not a number": b"a:x",
    "with a signed port": b"a:+80",
    "with two ports": b"a:80:80",
    "with an open bracket": b"[::1",
    "with brackets around a name": b"[a/b]",
    "with something after the brackets": b"[::1]a",
    "with an IPv6 address without brackets": b"2001:db8::1",
    "with angle brackets": b"<a>",
    "with quotes": b'"a"',
    "with a broken percent-encoding": b"a%zz",
    "beyond ASCII": b"\xe9",
}


def cases(make):
    accepted, refused, seen = make.accepted, make.refused, make.seen
    return [
        *(
            accepted(
                f"a Host may be {what}",
                "9110 7.2",
                request(b"Host: " + value),
                seen("GET", "/x", environ={"HTTP_HOST": value.decode()}),
            )
            for what, value in VALID.items()
        ),
        *(
            refused(f"a Host {what} is refused", "9112 3.2", request(b"Host: " + value))
            for what, value in INVALID.items()
        ),
        refused("HTTP/1.1 does not do without Host", "9112 3.2", request()),
        refused("two Hosts are refused", "9112 3.2", request(b"Host: a", b"Host: b")),
        refused("the same Host twice is refused", "9112 3.2", request(b"Host: a", b"Host: a")),
        refused("two Hosts in two cases are refused", "9112 3.2", request(b"Host: a", b"hOST: b")),
        refused(
            "two Hosts are refused though the second is empty",
            "9112 3.2",
            request(b"Host: a", b"Host:"),
        ),
        refused(
            "two Hosts of an HTTP/1.0 request are refused",
            "9112 3.2",
            request(b"Host: a", b"Host: b", line=b"GET / HTTP/1.0"),
        ),
        refused(
            "an invalid Host of an HTTP/1.0 request is refused",
            "9112 3.2",
            request(b"Host: a/b", line=b"GET / HTTP/1.0"),
        ),
        refused(
            "an invalid Host is refused though a URI replaces it",
            "9112 3.2",
            request(b"Host: a b", line=b"GET http://test/ HTTP/1.1"),
        ),
        refused(
            "an invalid authority of a URI is refused",
            "9112 3.2.2",
            request(b"Host: a", line=b"GET http://t:80:80/ HTTP/1.1"),
        ),
        accepted(
            "Host may come last",
            "9110 5.3",
            request(b"X: 1", b"Host: a"),
            seen("GET", "/x", environ={"HTTP_HOST": "a"}),
        ),
        accepted(
            "whitespace around Host does not count",
            "9112 5.1",
            request(b"Host: \t a \t "),
            seen("GET", "/x", environ={"HTTP_HOST": "a"}),
        ),
        accepted(
            "an X-Forwarded-Host does not replace Host",
            "9110 7.2",
            request(b"Host: a", b"X-Forwarded-Host: b", b"X-Host: c"),
            seen("GET", "/x", environ={"HTTP_HOST": "a"}),
        ),
    ]


async def test_host(case, way, conforms):
    await conforms(case, way)
