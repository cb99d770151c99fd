"""The requests of a load, and their answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from . import HELLO

__all__ = ("BROWSER_FIELDS", "PLAIN", "HTTPRequest")

BROWSER_FIELDS: Final = {
    "Connection": "keep-alive",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/120 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br",
    "Cache-Control": "max-age=0",
    "Cookie": "a=b; session=0123456789abcdef",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-User": "?1",
    "Upgrade-Insecure-Requests": "1",
    "Referer": "http://localhost/",
}
"""The header fields that a browser sends in addition to Host."""


@dataclass(frozen=True)
class HTTPRequest:
    """A request, and the answer that a server must give.

    Attributes:
        path: The path to request.
        fields: The header fields, in addition to Host and Content-Length.
        body: The body of a POST; None for a GET.
        answer: The body of the response; anything but bytes is the content of a JSON document,
            in which servers may place spaces as they like.
    """

    path: str = "/"
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    answer: object = HELLO

    @property
    def method(self) -> str:
        """The method of the request."""
        return "GET" if self.body is None else "POST"

    def is_answered_by(self, body: bytes) -> bool:
        """Return whether the body of a response is the right one."""
        if isinstance(self.answer, bytes):
            return body == self.answer
        try:
            content: object = json.loads(body)
        except ValueError:
            return False
        return content == self.answer

    def head(self) -> bytes:
        """Return the head of the request, for a client without a library."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in self.fields.items()]
        if self.body is not None:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode()


PLAIN: Final = HTTPRequest()
"""The shortest request: a GET with the field Host, answered by ``HELLO``."""
