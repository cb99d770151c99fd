"""request: a request in the form that gunicorn uses."""

from aiopyramid_gunicorn._http1.request import GunicornRequest


def test_gunicorn_hooks_get_the_parts_of_the_request(parse):
    head = parse(b"GET /a?b=c HTTP/1.1\r\nHost: t\r\n\r\n")
    environ = {
        "RAW_URI": "/a?b=c",
        "PATH_INFO": "/a",
        "QUERY_STRING": "b=c",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": "1",
        "wsgi.url_scheme": "http",
    }
    request = GunicornRequest.of(head, environ)
    assert (request.method, request.uri, request.path, request.query) == (
        "GET",
        "/a?b=c",
        "/a",
        "b=c",
    )
    assert request.peer_addr == ("192.0.2.7", 1)
