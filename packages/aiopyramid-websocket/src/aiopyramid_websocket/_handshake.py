"""The opening handshake (RFC 6455, 4.2): a WSGI environ in, a protocol and header fields out.

Pure: no asyncio, no Pyramid. The server has parsed the request already, so the protocol object
begins in the state OPEN: it never sees the bytes of the request.
"""

import base64
import binascii
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol

from ._origins import is_allowed
from ._sans_io import make_protocol
from .settings import WebSocketSettings

__all__ = ("HandshakeRefused", "accept", "check_origin", "check_request", "choose_subprotocol")

_UPGRADE: Final = ("Upgrade", "websocket")
# Not every server adds it because of Upgrade, as gunicorn's worker does (RFC 9110, 7.8).
_CONNECTION: Final = ("Connection", "Upgrade")


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
    headers = Headers(
        [(name, environ[key]) for key, name in _OF_THE_HANDSHAKE.items() if key in environ]
    )
    response = protocol.accept(Request(environ.get("PATH_INFO", ""), headers))
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, str(protocol.handshake_exc))
    answer = [field for field in response.headers.raw_items() if field[0].startswith("Sec-")]
    return protocol, [_UPGRADE, _CONNECTION, *answer]


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
    "HTTP_SEC_WEBSOCKET_EXTENSIONS": "Sec-WebSocket-Extensions",
    "HTTP_SEC_WEBSOCKET_PROTOCOL": "Sec-WebSocket-Protocol",
}


def _names(value: str, token: str) -> bool:
    """Return whether a comma-separated list contains a token, ignoring case."""
    return token in (item.strip(" \t").lower() for item in value.split(","))


def _is_key(value: str) -> bool:
    try:
        return len(base64.b64decode(value.encode(), validate=True)) == 16
    except binascii.Error:
        return False
