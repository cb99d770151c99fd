"""The head of a request: its request line and its field lines."""

from dataclasses import dataclass, field

__all__ = ("RequestHead",)


@dataclass(slots=True)
class RequestHead:
    """The request line and field lines of one request (RFC 9112, 2.1), decoded as Latin-1.

    Attributes:
        method: For example ``"GET"``.
        target: The request target (RFC 9112, 3.2), still percent-encoded.
        version: ``(1, 0)`` or ``(1, 1)``.
        lines: The field lines in order, ``"name:value"``, with whatever whitespace is around the
            value. Parsed no further, because most of them are read only once, for the environ.
        keep_alive: Whether the client allows the connection to be reused (RFC 9112, 9.3).
        upgrade: Whether the client asks to leave HTTP after this request: an ``Upgrade`` that
            ``Connection`` names, or ``CONNECT``.
    """

    method: str = ""
    target: str = ""
    version: tuple[int, int] = (1, 1)
    lines: list[str] = field(default_factory=list)
    keep_alive: bool = True
    upgrade: bool = False

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The name and value of each field in order, without surrounding whitespace."""
        pairs = (line.partition(":") for line in self.lines)
        return [(name, value.strip(" \t")) for name, _, value in pairs]
