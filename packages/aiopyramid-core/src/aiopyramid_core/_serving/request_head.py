"""Checks of a request's head that every HTTP/1 server needs: pure functions (RFC 9110, RFC 9112).

They concern what an application relies on: the host, from which it makes URLs, and the end of the
body.
"""

import re
from functools import lru_cache
from typing import Final

from ..exceptions import BadRequest, CodingNotSupported

__all__ = ("check_coding", "check_host", "is_host")

# RFC 3986, 3.2.2 and 3.2.3: an address in brackets or a name, and a port.
_HOST: Final = re.compile(
    r"(?:\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]"
    r"|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)"
    r"(?::[0-9]*)?"
)


def check_host(host: str | None, *, is_http_1_1: bool) -> None:
    """Check the ``Host`` of a request (RFC 9112, 3.2).

    Args:
        host: The field's value, or None if there is no such field.
        is_http_1_1: Whether the request is one of HTTP/1.1, which requires the field.

    Raises:
        BadRequest: It is missing or malformed.
    """
    if host is None:
        if is_http_1_1:
            raise BadRequest("an HTTP/1.1 request needs a Host field (RFC 9112, 3.2)")
    elif not is_host(host):
        raise BadRequest(f"the Host {host!r} is malformed (RFC 9112, 3.2)")


@lru_cache(maxsize=256)  # a site has few names
def is_host(value: str) -> bool:
    """Return whether a value is a host, with or without a port (RFC 3986, 3.2.2).

    Args:
        value: The value, of a ``Host`` field for example.
    """
    return _HOST.fullmatch(value) is not None


def check_coding(coding: str, *, is_http_1_0: bool) -> None:
    """Check the ``Transfer-Encoding`` of a request, of which servers only undo ``chunked``.

    Args:
        coding: The field's value.
        is_http_1_0: Whether the request is one of HTTP/1.0, which has no such field.

    Raises:
        BadRequest: It does not show where the body ends.
        CodingNotSupported: The transfer coding is valid and not supported.
    """
    if is_http_1_0:
        raise BadRequest("an HTTP/1.0 request cannot have Transfer-Encoding (RFC 9112, 6.1)")
    coding = coding.lower()
    if coding == "chunked":
        return
    others, _, last = coding.rpartition(",")
    if last.strip(" \t") != "chunked" or "chunked" in others:
        raise BadRequest("the Transfer-Encoding does not show where the body ends (RFC 9112, 6.3)")
    raise CodingNotSupported("the only supported Transfer-Encoding is chunked")
