"""The first line of a request: method, target, version."""

HOST = b"\r\nHost: test\r\n\r\n"
LIMIT = 100
REST = len("GET / HTTP/1.1")


def declines(environ, start_response):
    """Answer to CONNECT as an origin server does."""
    start_response("405 Method Not Allowed", [("Content-Type", "text/plain"), ("Allow", "GET")])
    return [b""]


def cases(make):
    accepted, refused, seen = make.accepted, make.refused, make.seen
    limits = make.limits(request_line_bytes=LIMIT)

    methods = [
        accepted(
            f"{method} is a method",
            "9110 9",
            method.encode() + b" /x HTTP/1.1" + HOST,
            seen(method, "/x"),
        )
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH")
    ]
    methods += [
        accepted(
            f"{method} is a method of WebDAV or a later RFC",
            "9110 16.1",
            method.encode() + b" /x HTTP/1.1" + HOST,
            seen(method, "/x"),
            validates=False,  # to wsgiref.validate these are unknown
        )
        for method in ("PROPFIND", "MKCOL", "REPORT", "QUERY")
    ]
    malformed = [
        ("a method is case-sensitive: there is no get", "9110 9.1", b"get / HTTP/1.1"),
        # 501 is only a SHOULD, and llhttp tells a method that nobody knows from no method at all
        # as little as it tells it from a TLS handshake.
        ("a method that nobody knows is refused", "9110 9.1", b"BREW / HTTP/1.1"),
        ("a method is a token", "9110 9.1", b"G(T / HTTP/1.1"),
        ("a tab does not separate method and target", "9112 3", b"GET\t/ HTTP/1.1"),
        ("a space before the method is refused", "9112 2.2", b" GET / HTTP/1.1"),
        ("a space after the version is refused", "9112 3", b"GET / HTTP/1.1 "),
        ("a target without spaces around it is refused", "9112 3", b"GET/HTTP/1.1"),
        ("an empty target is refused", "9112 3.2", b"GET  HTTP/1.1"),
        ("a space in the target is refused", "9112 3.2", b"GET /a b HTTP/1.1"),
        ("a tab in the target is refused", "9112 3.2", b"GET /a\tb HTTP/1.1"),
        ("a NUL in the target is refused", "9112 3.2", b"GET /\0 HTTP/1.1"),
        ("a control character in the target is refused", "9112 3.2", b"GET /\x01 HTTP/1.1"),
        ("a DEL in the target is refused", "9112 3.2", b"GET /\x7f HTTP/1.1"),
        ("a path beyond ASCII is refused", "9112 3.2", "GET /é HTTP/1.1".encode()),
        ("a query beyond ASCII is refused", "9112 3.2", "GET /?é HTTP/1.1".encode()),
        ("a bare CR in the target is refused", "9112 2.2", b"GET /a\rb HTTP/1.1"),
        ("a bare LF in the target is refused", "9112 2.2", b"GET /a\nb HTTP/1.1"),
        ("a fragment is not part of a target", "9112 3.2", b"GET /a#b HTTP/1.1"),
        ("a fragment after a query is refused", "9112 3.2", b"GET /a?b#c?d HTTP/1.1"),
        ("a relative path is refused", "9112 3.2.1", b"GET a HTTP/1.1"),
        ("a query alone is refused", "9112 3.2.1", b"GET ?a HTTP/1.1"),
        ("an authority is a target of CONNECT only", "9112 3.2.3", b"GET test:80 HTTP/1.1"),
        ("an asterisk is a target of OPTIONS only", "9112 3.2.4", b"GET * HTTP/1.1"),
        ("an asterisk has no query", "9112 3.2.4", b"OPTIONS *?a HTTP/1.1"),
        ("an asterisk has no path after it", "9112 3.2.4", b"OPTIONS */a HTTP/1.1"),
        ("an absolute URI needs an authority", "9110 4.2.1", b"GET http:///a HTTP/1.1"),
        ("an absolute URI needs two slashes", "9110 4.2.1", b"GET http:/a HTTP/1.1"),
        ("an absolute URI needs a closed bracket", "9112 3.2.2", b"GET http://[::1/ HTTP/1.1"),
        ("an absolute URI needs digits in its port", "9112 3.2.2", b"GET http://t:x/ HTTP/1.1"),
        ("an absolute URI has no user", "9110 4.2.4", b"GET http://u:p@test/ HTTP/1.1"),
        ("an absolute URI has no empty user", "9110 4.2.4", b"GET http://@test/ HTTP/1.1"),
        ("an absolute URI has no fragment", "9112 3.2.2", b"GET http://test/a#b HTTP/1.1"),
        ("CONNECT needs a port", "9110 9.3.6", b"CONNECT test HTTP/1.1"),
        ("CONNECT needs a port that is not empty", "9110 9.3.6", b"CONNECT test: HTTP/1.1"),
        ("CONNECT needs a port that is a number", "9110 9.3.6", b"CONNECT test:x HTTP/1.1"),
        ("CONNECT to a path is refused", "9112 3.2.3", b"CONNECT /a HTTP/1.1"),
        ("CONNECT to a URI is refused", "9112 3.2.3", b"CONNECT http://test/ HTTP/1.1"),
        ("CONNECT to an asterisk is refused", "9112 3.2.3", b"CONNECT * HTTP/1.1"),
        ("the name of HTTP is case-sensitive", "9112 2.3", b"GET / http/1.1"),
        ("a version has one digit before the dot", "9112 2.3", b"GET / HTTP/01.1"),
        ("a version has one digit after the dot", "9112 2.3", b"GET / HTTP/1.10"),
        ("a version has a dot", "9112 2.3", b"GET / HTTP/1"),
        ("a NUL after the version is refused", "9112 3", b"GET / HTTP/1.1\0"),
        # To take it for 1.1 is only a SHOULD, and there is no such version.
        ("HTTP/1.2 is refused", "9110 2.5", b"GET / HTTP/1.2"),
        ("an answer is not a request", "9112 2.1", b"HTTP/1.1 200 OK"),
    ]
    return [
        *methods,
        *(refused(name, rfc, line + HOST) for name, rfc, line in malformed),
        refused(
            "HTTP/2 without its preface is refused", "9110 15.6.6", b"GET / HTTP/2.0" + HOST, 505
        ),
        refused("HTTP/0.9 with a version is refused", "9110 15.6.6", b"GET / HTTP/0.9" + HOST, 505),
        refused("HTTP/0.9 without a version is refused", "9110 15.6.6", b"GET /\r\n\r\n", 505),
        refused(
            "the preface of HTTP/2 is refused", "9113 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        ),
        refused(
            "a TLS handshake is refused", "9112 2.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"
        ),
        refused(
            "a line that ends with LF only is refused", "9112 2.2", b"GET / HTTP/1.1\nHost: a\n\n"
        ),
        refused(
            "a line that ends with CR only is refused", "9112 2.2", b"GET / HTTP/1.1\rHost: a\r\r"
        ),
        refused(
            "a line that ends with CR CR LF is refused", "9112 2.2", b"GET / HTTP/1.1\r" + HOST
        ),
        accepted(
            "one empty line before a request is ignored",
            "9112 2.2",
            b"\r\nGET /x HTTP/1.1" + HOST,
            seen("GET", "/x"),
        ),
        refused("a NUL before a request is refused", "9112 2.2", b"\0GET / HTTP/1.1" + HOST),
        accepted(  # a MAY, of which llhttp makes use
            "words of the first line may have more space between them",
            "9112 3",
            b"GET  /x  HTTP/1.1" + HOST,
            seen("GET", "/x"),
        ),
        accepted(
            "the target is split at the first question mark",
            "9112 3.2.1",
            b"GET /a/b?c=d?e&%20 HTTP/1.1" + HOST,
            seen("GET", "/a/b", environ={"QUERY_STRING": "c=d?e&%20", "SCRIPT_NAME": ""}),
        ),
        accepted(
            "the path is decoded once, the query never",
            "3986 2.4",
            b"GET /%2525%2F%c3%a9 HTTP/1.1" + HOST,
            seen("GET", "/%25/\xc3\xa9", environ={"RAW_URI": "/%2525%2F%c3%a9"}),
        ),
        accepted(
            "a path may begin with two slashes and is not an authority",
            "9112 3.2.1",
            b"GET //other/x HTTP/1.1" + HOST,
            seen("GET", "//other/x", environ={"HTTP_HOST": "test"}),
        ),
        accepted(
            "dots in a path are the application's business",
            "9112 3.2.1",
            b"GET /../a/./b HTTP/1.1" + HOST,
            seen("GET", "/../a/./b"),
        ),
        accepted(
            "the authority of an absolute URI replaces Host",
            "9112 3.2.2",
            b"GET http://other:8080/x?y HTTP/1.1" + HOST,
            seen("GET", "/x", environ={"HTTP_HOST": "other:8080", "QUERY_STRING": "y"}),
        ),
        accepted(
            "an absolute URI without a path means the root",
            "9112 3.2.1",
            b"GET http://other HTTP/1.1" + HOST,
            seen("GET", "/", environ={"HTTP_HOST": "other"}),
        ),
        accepted(
            "an absolute URI with a query and no path means the root",
            "9112 3.2.1",
            b"GET http://other?y HTTP/1.1" + HOST,
            seen("GET", "/", environ={"HTTP_HOST": "other", "QUERY_STRING": "y"}),
        ),
        accepted(
            "the scheme of an absolute URI is case-insensitive",
            "9110 4.2.3",
            b"GET HTTP://other/x HTTP/1.1" + HOST,
            seen("GET", "/x", environ={"HTTP_HOST": "other"}),
        ),
        accepted(
            "an absolute URI may name an IPv6 address",
            "9112 3.2.2",
            b"GET http://[::1]:80/x HTTP/1.1" + HOST,
            seen("GET", "/x", environ={"HTTP_HOST": "[::1]:80"}),
        ),
        refused(
            "an absolute URI does not do without Host",
            "9112 3.2",
            b"GET http://test/ HTTP/1.1\r\n\r\n",
        ),
        accepted(  # RFC 3875, 4.1.5: a PATH_INFO is empty or begins with a slash
            "OPTIONS of the whole server has no path",
            "9112 3.2.4",
            b"OPTIONS * HTTP/1.1" + HOST,
            seen("OPTIONS", "", environ={"RAW_URI": "*", "QUERY_STRING": ""}),
        ),
        accepted(
            "an application may decline a tunnel, which has no path",
            "9110 9.3.6",
            b"CONNECT other:443 HTTP/1.1" + HOST + b"\x16\x03\x01",
            seen("CONNECT", "", environ={"RAW_URI": "other:443"}),
            answers=(405,),
            application=declines,
            closes=True,
            validates=False,
        ),
        accepted(
            "a line as long as the limit passes",
            "9110 15.5.15",
            b"GET /" + b"a" * (LIMIT - REST) + b" HTTP/1.1" + HOST,
            seen("GET", "/" + "a" * (LIMIT - REST)),
            limits=limits,
        ),
        refused(
            "a longer line is too long",
            "9110 15.5.15",
            b"GET /" + b"a" * (LIMIT - REST + 1) + b" HTTP/1.1" + HOST,
            414,
            limits=limits,
        ),
        refused("a target without end is too long", "9112 3", b"GET /" + b"a" * 70_000, 414),
        refused("a method without end is none", "9112 3", b"A" * 70_000),
    ]


async def test_the_request_line(case, way, conforms):
    await conforms(case, way)
