"""handshake: a WSGI environ in, a protocol and header fields out. Served: served/."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiopyramid_websocket._handshake import (
    HandshakeRefused,
    _any_answer,
    _usual_answer,
    accept,
    check_origin,
    check_request,
    choose_subprotocol,
)
from aiopyramid_websocket._sans_io import make_protocol
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


# --- The answer that is found without the layer below ---------------------------------------------

CHROME = "permessage-deflate; client_max_window_bits"

PIECES = st.sampled_from(
    [
        *("websocket", "WebSocket", "upgrade", "Upgrade", "keep-alive", "h2c", "x", "/1", "\xe9"),
        *(",", ", ", ",,", ";", "; ", "=", " ", "\t", '"', "\\", "10", "16", "0", "-1"),
        *(CHROME, "permessage-deflate", "server_max_window_bits", "server_no_context_takeover"),
    ]
)
ANYTHING = st.lists(PIECES, max_size=4).map("".join)


def mostly(*usual):
    return st.one_of(st.sampled_from(usual), ANYTHING)


HANDSHAKES = st.fixed_dictionaries(
    {
        "HTTP_UPGRADE": mostly("websocket", "WebSocket"),
        "HTTP_CONNECTION": mostly("Upgrade", "upgrade", "keep-alive, Upgrade"),
        "HTTP_SEC_WEBSOCKET_VERSION": mostly("13"),
        "HTTP_SEC_WEBSOCKET_KEY": st.one_of(
            st.sampled_from(["dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", "dGhlIHNhbXBsZSBub25jZQ"]),
            st.text("Aa+/=\n ", max_size=30),
        ),
    },
    optional={
        "HTTP_SEC_WEBSOCKET_EXTENSIONS": mostly("", CHROME, f"x, {CHROME}"),
        "HTTP_SEC_WEBSOCKET_PROTOCOL": mostly("", "a", "b, a"),
    },
)
SETTINGS_OF_VIEWS = st.builds(
    WebSocketSettings,
    compression=st.sampled_from(["deflate", None]),
    subprotocols=st.sampled_from([(), ("a", "b")]),
)


def state_of(protocol):
    """Return everything that differs between two connections whose clients differ."""
    kept = ("state", "origin", "subprotocol", "handshake_exc", "available_extensions", "side")
    extensions = [repr(extension) for extension in protocol.extensions]
    return [getattr(protocol, name) for name in kept], extensions


@given(environ=HANDSHAKES, settings=SETTINGS_OF_VIEWS)
def test_the_answer_to_a_usual_request_is_that_of_the_layer_below(environ, settings):
    quick, slow = make_protocol(settings), make_protocol(settings)

    answer = _usual_answer(environ, quick)

    if answer is not None:
        assert answer == _any_answer(environ, slow)
        assert state_of(quick) == state_of(slow)


@pytest.mark.parametrize("offer", [None, CHROME, "x-unknown"])
@pytest.mark.parametrize("compression", ["deflate", None])
def test_browsers_are_answered_without_the_layer_below(environ, offer, compression):
    entries = {} if offer is None else {"HTTP_SEC_WEBSOCKET_EXTENSIONS": offer}
    protocol = make_protocol(WebSocketSettings(compression=compression))

    answer = _usual_answer(environ(**entries), protocol)

    assert answer is not None
    assert len(answer) == (2 if offer == CHROME and compression else 1)


@pytest.mark.parametrize(
    "entries",
    [
        {"HTTP_UPGRADE": "websocket, h2c"},
        {"HTTP_CONNECTION": "close"},
        {"HTTP_SEC_WEBSOCKET_VERSION": "8"},
        {"HTTP_SEC_WEBSOCKET_KEY": "c2hvcnQ="},
    ],
)
def test_a_request_that_was_not_checked_is_refused_all_the_same(environ, entries):
    with pytest.raises(HandshakeRefused):
        accept(environ(**entries), SETTINGS)
