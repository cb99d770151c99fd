"""The opening handshake (RFC 6455, 4.2): a WSGI environ in, a protocol and header fields out.

Pure: no asyncio, no Pyramid. The server has parsed the request already, so the protocol object
begins in the state OPEN: it never sees the bytes of the request.
"""

import binascii
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.utils import accept_key

from ._origins import is_allowed
from ._sans_io import make_protocol
from .settings import WebSocketSettings

__all__ = ("HandshakeRefused", "accept", "check_origin", "check_request", "choose_subprotocol")

_UPGRADE: Final = ("Upgrade", "websocket")
# Not every server adds it because of Upgrade, as gunicorn's worker does (RFC 9110, 7.8).
_CONNECTION: Final = ("Connection", "Upgrade")

# As browsers and the usual libraries write them. Capitals make no difference.
_USUAL_UPGRADES: Final = ("websocket", "WebSocket")
_USUAL_CONNECTIONS: Final = ("Upgrade", "upgrade", "keep-alive, Upgrade")

_EXTENSIONS: Final = "Sec-WebSocket-Extensions"
_EXTENSIONS_KEY: Final = "HTTP_SEC_WEBSOCKET_EXTENSIONS"


class HandshakeRefused(Exception):
    """The request is not answered with 101.

    Attributes:
        status: The status of the response.
        detail: A sentence for the developer of the client.
        headers: Header fields of the response.
    """

    def __init__(self, status: HTTPStatus, detail: str, *headers: tuple[str, str]) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def check_request(environ: Mapping[str, Any]) -> None:
    """Check that a request is an opening handshake (RFC 6455, 4.2.1).

    Raises:
        HandshakeRefused: It is not.
    """
    if environ["REQUEST_METHOD"] != "GET":
        raise HandshakeRefused(
            HTTPStatus.METHOD_NOT_ALLOWED, "a WebSocket must be opened with GET", ("Allow", "GET")
        )
    # RFC 9110, 7.8: an Upgrade in an HTTP/1.0 request is ignored.
    if not (
        environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
        and _names(environ.get("HTTP_UPGRADE", ""), "websocket")
        and _names(environ.get("HTTP_CONNECTION", ""), "upgrade")
    ):
        raise HandshakeRefused(
            HTTPStatus.UPGRADE_REQUIRED,
            "this is a WebSocket: use a WebSocket client, and proxies that pass on 'Upgrade'",
            _UPGRADE,
            _CONNECTION,
        )
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
        raise HandshakeRefused(
            HTTPStatus.UPGRADE_REQUIRED,
            "unsupported Sec-WebSocket-Version: only version 13 is supported",
            _UPGRADE,
            _CONNECTION,
            ("Sec-WebSocket-Version", "13"),
        )
    if not _is_key(environ.get("HTTP_SEC_WEBSOCKET_KEY", "")):
        raise HandshakeRefused(
            HTTPStatus.BAD_REQUEST, "invalid Sec-WebSocket-Key: it must be 16 bytes in base64"
        )
    if environ.get("CONTENT_LENGTH") not in (None, "", "0") or (
        "HTTP_TRANSFER_ENCODING" in environ
    ):
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "an opening handshake must not have a body")


def check_origin(environ: Mapping[str, Any], settings: WebSocketSettings) -> None:
    """Check that the page that opens the WebSocket may do so.

    Raises:
        HandshakeRefused: It may not; the message is for the log and the client.
    """
    origin = environ.get("HTTP_ORIGIN")
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    own = f"{environ['wsgi.url_scheme']}://{host}"
    if not is_allowed(origin, own, settings.origins):
        raise HandshakeRefused(
            HTTPStatus.FORBIDDEN,
            f"the origin {origin!r} is neither this site's, {own!r}, nor one of"
            " aiopyramid.websocket.origins",
        )


def accept(
    environ: Mapping[str, Any], settings: WebSocketSettings
) -> tuple[ServerProtocol, list[tuple[str, str]]]:
    """Negotiate (RFC 6455, 4.2.2) with a client whose request was checked.

    Returns:
        The protocol, ready for the client's first frame, and the header fields of the 101.

    Raises:
        HandshakeRefused: The client's offer is malformed.
    """
    protocol = make_protocol(settings)
    fields = _usual_answer(environ, protocol)
    if fields is None:
        fields = _any_answer(environ, protocol)
    return protocol, [_UPGRADE, _CONNECTION, *fields]


def _usual_answer(
    environ: Mapping[str, Any], protocol: ServerProtocol
) -> list[tuple[str, str]] | None:
    """Negotiate with a client that has written its request as most do; None if it has not.

    The layer below parses each field in many steps, which took an eighth of the time in which a
    WebSocket is opened. ``tests/test_handshake.py`` checks that it gives the same answer.
    """
    key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "")
    if (
        environ.get("HTTP_UPGRADE") not in _USUAL_UPGRADES
        or environ.get("HTTP_CONNECTION") not in _USUAL_CONNECTIONS
        or environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13"
        or "HTTP_SEC_WEBSOCKET_PROTOCOL" in environ
        or not _is_key(key)
    ):
        return None
    fields = [("Sec-WebSocket-Accept", accept_key(key))]
    if protocol.available_extensions and _EXTENSIONS_KEY in environ:
        offer = Headers([(_EXTENSIONS, environ[_EXTENSIONS_KEY])])
        try:
            agreed, protocol.extensions = protocol.process_extensions(offer)
        except Exception:
            return None  # the error is told in the answer
        if agreed is not None:
            fields.append((_EXTENSIONS, agreed))
    return fields


def _any_answer(environ: Mapping[str, Any], protocol: ServerProtocol) -> list[tuple[str, str]]:
    """Negotiate with any client.

    Raises:
        HandshakeRefused: The client's offer is malformed.
    """
    headers = Headers(
        [(name, environ[key]) for key, name in _OF_THE_HANDSHAKE.items() if key in environ]
    )
    response = protocol.accept(Request(environ.get("PATH_INFO", ""), headers))
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, str(protocol.handshake_exc))
    return [field for field in response.headers.raw_items() if field[0].startswith("Sec-")]


def choose_subprotocol(environ: Mapping[str, Any], settings: WebSocketSettings) -> str | None:
    """Return the first subprotocol of ours that the client offers, or None (RFC 6455, 4.2.2)."""
    offered = environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", "").split(",")
    names = {name.strip(" \t") for name in offered}
    return next((name for name in settings.subprotocols if name in names), None)


_OF_THE_HANDSHAKE: Final = {
    "HTTP_UPGRADE": "Upgrade",
    "HTTP_CONNECTION": "Connection",
    "HTTP_SEC_WEBSOCKET_KEY": "Sec-WebSocket-Key",
    "HTTP_SEC_WEBSOCKET_VERSION": "Sec-WebSocket-Version",
    _EXTENSIONS_KEY: _EXTENSIONS,
    "HTTP_SEC_WEBSOCKET_PROTOCOL": "Sec-WebSocket-Protocol",
}


def _names(value: str, token: str) -> bool:
    """Return whether a comma-separated list contains a token, ignoring case."""
    value = value.lower()
    return value == token or token in [item.strip(" \t") for item in value.split(",")]


def _is_key(value: str) -> bool:
    try:
        return len(binascii.a2b_base64(value.encode(), strict_mode=True)) == 16
    except binascii.Error:
        return False
