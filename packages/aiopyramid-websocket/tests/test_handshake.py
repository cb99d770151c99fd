"""handshake: a WSGI environ in, a protocol and header fields out. Served: served/."""

from http import HTTPStatus

import pytest

from aiopyramid_websocket._handshake import (
    HandshakeRefused,
    accept,
    check_origin,
    check_request,
    choose_subprotocol,
)
from aiopyramid_websocket.settings import WebSocketSettings

SETTINGS = WebSocketSettings()


@pytest.fixture
def environ():
    """Make the environ of an opening handshake; the arguments replace entries of it."""

    def environ(**entries):
        made = {
            "REQUEST_METHOD": "GET",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": "test",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "HTTP_HOST": "test",
            "HTTP_UPGRADE": "websocket",
            "HTTP_CONNECTION": "keep-alive, Upgrade",
            "HTTP_SEC_WEBSOCKET_VERSION": "13",
            "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        return made | entries

    return environ


def test_a_correct_request_passes(environ):
    check_request(environ())


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ({"REQUEST_METHOD": "POST"}, HTTPStatus.METHOD_NOT_ALLOWED),
        ({"SERVER_PROTOCOL": "HTTP/1.0"}, HTTPStatus.UPGRADE_REQUIRED),
        ({"HTTP_UPGRADE": "h2c"}, HTTPStatus.UPGRADE_REQUIRED),
        ({"HTTP_CONNECTION": "close"}, HTTPStatus.UPGRADE_REQUIRED),
        ({"HTTP_SEC_WEBSOCKET_VERSION": "8"}, HTTPStatus.UPGRADE_REQUIRED),
        ({"HTTP_SEC_WEBSOCKET_KEY": "no base64"}, HTTPStatus.BAD_REQUEST),
        ({"HTTP_SEC_WEBSOCKET_KEY": "c2hvcnQ="}, HTTPStatus.BAD_REQUEST),
        ({"CONTENT_LENGTH": "1"}, HTTPStatus.BAD_REQUEST),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, HTTPStatus.BAD_REQUEST),
    ],
)
def test_any_other_request_is_refused(environ, entries, status):
    with pytest.raises(HandshakeRefused) as refused:
        check_request(environ(**entries))
    assert refused.value.status is status


@pytest.mark.parametrize("origin", [None, "http://test"])
def test_a_page_of_the_site_may_open_it(environ, origin):
    entries = {} if origin is None else {"HTTP_ORIGIN": origin}
    check_origin(environ(**entries), SETTINGS)


def test_a_page_of_another_site_may_not(environ):
    with pytest.raises(HandshakeRefused, match="neither this site's"):
        check_origin(environ(HTTP_ORIGIN="http://elsewhere"), SETTINGS)


def test_the_answer_proves_that_the_key_was_read(environ):
    _, headers = accept(environ(), SETTINGS)
    # The example of RFC 6455, 1.3.
    assert ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") in headers


def test_an_offer_that_is_malformed_is_refused(environ):
    with pytest.raises(HandshakeRefused) as refused:
        accept(environ(HTTP_SEC_WEBSOCKET_EXTENSIONS="="), SETTINGS)
    assert refused.value.status is HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(None, None), ("", None), ("c", None), ("b, a", "a"), (" \tb\t,c", "b")],
)
def test_a_subprotocol_is_chosen_in_our_order(environ, offered, chosen):
    entries = {} if offered is None else {"HTTP_SEC_WEBSOCKET_PROTOCOL": offered}
    settings = WebSocketSettings(subprotocols=("a", "b"))
    assert choose_subprotocol(environ(**entries), settings) == chosen
