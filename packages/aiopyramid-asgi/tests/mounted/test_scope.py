"""scope: from a request of Pyramid to an ASGI scope."""

import pytest
from pyramid.request import Request

from aiopyramid_asgi._environ import SCOPE
from aiopyramid_asgi._mounted.scope import http_scope, websocket_scope


@pytest.fixture
def request_of():
    def request_of(path="/api/x", **environ):
        return Request.blank(path, environ=environ)

    return request_of


def test_the_path_contains_the_root(request_of):
    scope = http_scope(request_of("/api/x", SCRIPT_NAME="/site"), "/x")
    assert (scope["path"], scope["root_path"]) == ("/site/api/x", "/site/api")
    scope = http_scope(request_of("/api"), "")
    assert (scope["path"], scope["root_path"]) == ("/api", "/api")


def test_the_raw_path_is_that_of_the_client_if_it_is_the_same_path(request_of):
    scope = http_scope(request_of("/api/a/b", RAW_URI="/api/a%2Fb?c"), "/a/b")
    assert scope["raw_path"] == b"/api/a%2Fb"
    scope = http_scope(request_of("/api/%C3%BC;a", RAW_URI="/elsewhere"), "/ü;a")
    assert (scope["path"], scope["raw_path"]) == ("/api/ü;a", b"/api/%C3%BC;a")


def test_header_fields_come_from_the_environ(request_of):
    request = request_of(HTTP_X_FIELD="ü", CONTENT_TYPE="text/plain", CONTENT_LENGTH="")
    fields = http_scope(request, "/x")["headers"]
    assert sorted(fields) == [
        (b"content-type", b"text/plain"),
        (b"host", b"localhost:80"),
        (b"x-field", b"\xfc"),
    ]


def test_header_fields_of_an_asgi_server_are_passed_on(request_of):
    fields = [(b"x-field", b"1"), (b"x-field", b"2")]
    server = {"headers": fields, "raw_path": b"/api/%78", "extensions": {"tls": {}, "other": {}}}
    scope = http_scope(request_of("/api/x", **{SCOPE: server}), "/x")
    assert scope["headers"] == fields
    assert scope["raw_path"] == b"/api/%78"
    assert scope["extensions"] == {"tls": {}}


def test_addresses_may_be_unknown(request_of):
    scope = http_scope(request_of(REMOTE_ADDR=""), "/x")
    assert (scope["client"], scope["server"]) == (None, ("localhost", 80))
    request = request_of(REMOTE_ADDR="192.0.2.7", REMOTE_PORT="1234")
    assert http_scope(request, "/x")["client"] == ("192.0.2.7", 1234)


def test_a_websocket_lists_the_subprotocols(request_of):
    request = request_of(HTTP_SEC_WEBSOCKET_PROTOCOL="one, two", **{"wsgi.url_scheme": "https"})
    scope = websocket_scope(request, "/x")
    assert (scope["scheme"], scope["subprotocols"]) == ("wss", ["one", "two"])
    assert "websocket.http.response" in scope["extensions"]
    assert scope["aiopyramid.request"] is request
