"""The response of a WSGI application as ASGI servers take it: pure functions."""

from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from aiopyramid_core.servers import FileWrapper, WSGIResponse

from ._types import Message, Scope

__all__ = ("SEND_PATH", "fields_of", "head_of", "path_to_send")

SEND_PATH: Final = "http.response.pathsend"
"""The extension with which a server sends files itself; the message has the same name."""

_NOT_MODIFIED: Final = HTTPStatus.NOT_MODIFIED.value

_HTTP_1: Final = ("1.0", "1.1")
"""The versions whose responses may have a Connection field."""


def head_of(response: WSGIResponse, scope: Scope) -> Message:
    """Return the message that begins a response.

    Args:
        response: The response, committed.
        scope: The request.
    """
    fields = fields_of(response)
    if response.code == _NOT_MODIFIED:
        # Optional there, and uvicorn would wait for the body that it announces.
        fields = [field for field in fields if field[0] != b"content-length"]
    if (response.asks_to_close or response.given) and scope.get("http_version", "1.1") in _HTTP_1:
        if "upgrade" in response.given:
            fields.append((b"connection", b"upgrade"))  # RFC 9110, 7.8: Upgrade needs it
        if response.asks_to_close:
            fields.append((b"connection", b"close"))
    return {"type": "http.response.start", "status": response.code, "headers": fields}


def fields_of(response: WSGIResponse) -> list[tuple[bytes, bytes]]:
    """Return the header fields of a response.

    Args:
        response: The response, committed.
    """
    return [(_lower(name), value.encode("latin-1")) for name, value in response.headers]


@lru_cache(maxsize=256)  # applications use the same few names over and over
def _lower(name: str) -> bytes:
    return name.lower().encode("latin-1")


def path_to_send(body: Any, response: WSGIResponse, scope: Scope) -> tuple[str, int] | None:
    """Return the path of a body that the server can send itself, and its size in bytes.

    That is a large file all of which is wanted: the extension knows no parts of files.

    Args:
        body: The body that the application has returned.
        response: The response, started.
        scope: The request.
    """
    span = body.span() if type(body) is FileWrapper else None
    if span is None or span.offset or SEND_PATH not in (scope.get("extensions") or ()):
        return None
    if not response.needs_body or response.length not in (None, span.size_bytes):
        return None
    path = span.path()
    return None if path is None else (path, span.size_bytes)
