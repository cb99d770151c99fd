"""The quick way for most requests: one that arrives in one piece, alone, and is not in chunks.

The native parser only validates the head, without a callback for each part. In a valid head, each
line end separates two fields, so it can be split there. With this, a browser's head and its environ
took 11.5 us instead of 19.5. The result must be the same as that of ``parser``; the tests compare
them.

A request that asks to leave HTTP, as that of a WebSocket does, is also read if it has no body.
"""

from typing import Final

import httptools

from .head import RequestHead

__all__ = ("MAY_HAVE_BODY", "WholeRequestReader", "names_body")

_VERSIONS: Final = {"HTTP/1.1": (1, 1), "HTTP/1.0": (1, 0)}

MAY_HAVE_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
"""Requests with other methods rarely have a body: what follows their head is usually a pipelined
request.
"""


class WholeRequestReader:
    """Reads requests that arrive in one piece.

    Args:
        most_bytes: The size up to which a head cannot exceed any limit on bytes.
        most_fields: The limit on header fields.
        most_line_bytes: The limit on the request line.
    """

    __slots__ = (
        "_body_bytes",
        "_httptools",
        "_is_complete",
        "_most_bytes",
        "_most_fields",
        "_most_line_bytes",
    )

    def __init__(self, most_bytes: int, most_fields: int, most_line_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._most_fields = most_fields
        self._most_line_bytes = most_line_bytes
        self._is_complete = False
        self._body_bytes = 0
        self._httptools: httptools.HttpRequestParser | None = None

    def read(self, data: bytes) -> tuple[RequestHead, bytes] | None:
        """Return the head and the body of the request that the data consists of.

        Args:
            data: The bytes that have arrived where a request begins.

        Returns:
            None if the data is anything else: then nothing has been read, and the caller starts
            again with a parser that can tell what it is.
        """
        end = data.find(b"\r\n\r\n")
        if not 0 <= end <= self._most_bytes:
            return None
        request_line, *lines = data[:end].decode("latin1").split("\r\n")
        method, _, rest = request_line.partition(" ")
        target, _, version = rest.rpartition(" ")
        if (
            version not in _VERSIONS
            or " " in target  # the native parser skips further spaces before it,
            or not method[:1].isalpha()  # and a line end before the method
            or len(lines) > self._most_fields
            or len(request_line) > self._most_line_bytes
        ):
            return None
        rest_bytes = len(data) - (end + 4)
        # Without a field that names the length, the rest is not a body, or not all of one.
        if rest_bytes and (method not in MAY_HAVE_BODY or b"%d" % rest_bytes not in data[:end]):
            return None
        if self._httptools is None:
            self._httptools = httptools.HttpRequestParser(self)
        self._is_complete = False
        self._body_bytes = 0
        upgrade = False
        try:
            self._httptools.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._httptools = None  # it cannot be used after that
            # It stops after the head, even if a body follows.
            upgrade = method != "CONNECT" and not names_body(data[:end])
            self._is_complete = self._is_complete and upgrade
        except httptools.HttpParserError:
            self._is_complete = False
        # The rest is longer than the body if there are chunks in it, or further requests.
        if not self._is_complete or self._body_bytes != rest_bytes:
            self._httptools = None
            return None
        head = RequestHead(method, target, _VERSIONS[version], lines, upgrade=upgrade)
        return head, data[end + 4 :]

    def close(self) -> None:
        """Break the reference cycle with the native parser."""
        self._httptools = None

    def on_body(self, data: bytes) -> None:
        """Count a part of the body."""
        self._body_bytes += len(data)

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        assert self._httptools is not None
        # A last request is left to the other parser, which then refuses whatever follows.
        self._is_complete = self._httptools.should_keep_alive()


def names_body(head: bytes) -> bool:
    """Return whether a head may announce a body.

    Args:
        head: The bytes of the head.
    """
    head = head.lower()
    return b"content-length" in head or b"transfer-encoding" in head
