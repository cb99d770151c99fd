"""What came of a drive: how much was right, of how much, how long it took; and its clients."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any, Final

import httpx

__all__ = ("Figure", "http_client", "in_parallel")

_CLIENT_SECONDS: Final = 60.0
"""How long a client waits for an answer: longer than gunicorn for a silent worker."""

_SLOWER: Final = 2
_SLOWER_SECONDS: Final = 3.0
"""So much slower is worse. Less may be the machine, which has something else to do."""

_REMARKS: Final = 3
_REMARK_LENGTH: Final = 300
"""The number of different errors in a report, and the length of each."""


@dataclass(frozen=True)
class Figure:
    """The result of a drive.

    Attributes:
        right: How much of it went right.
        of: How much of it there was.
        seconds: How long it took.
        remarks: The failures, one line each.
    """

    right: int
    of: int
    seconds: float
    remarks: tuple[str, ...] = ()

    @property
    def is_perfect(self) -> bool:
        """Whether all of it went right."""
        return self.right == self.of > 0

    def __str__(self) -> str:
        return f"{self.right} of {self.of} in {self.seconds:.1f} s"

    def is_worse_than(self, other: "Figure") -> bool:
        """Whether less went right than elsewhere, or it took far longer."""
        return (
            self.of - self.right > other.of - other.right
            or self.of < other.of
            or self.seconds > _SLOWER * other.seconds + _SLOWER_SECONDS
        )


def http_client(site: str, **options: Any) -> httpx.Client:
    """Return a client of a site.

    Args:
        site: Its address.
        **options: More of httpx's.
    """
    # For a client that verifies certificates httpx reads all that the machine trusts, which is
    # more work than whatever is asked here of a site without TLS.
    return httpx.Client(base_url=site, timeout=_CLIENT_SECONDS, verify=False, **options)


def in_parallel(client: Callable[[int], None], clients: int) -> Figure:
    """Run clients at once, each in a thread; a client is right if it raises nothing.

    Args:
        client: Called with the client's number.
        clients: How many there are.
    """
    start = Barrier(clients)
    errors: list[Exception | None] = [None] * clients

    def run(number: int) -> None:
        start.wait()
        try:
            client(number)
        except Exception as error:
            errors[number] = error

    started = time.monotonic()
    with ThreadPoolExecutor(clients) as threads:
        for _ in threads.map(run, range(clients)):
            pass
    seconds = time.monotonic() - started
    return Figure(errors.count(None), clients, seconds, _told(errors))


def _told(errors: list[Exception | None]) -> tuple[str, ...]:
    """Return what the errors say, each once, whatever number the client has."""
    texts: dict[str, list[str]] = {}
    for error in filter(None, errors):
        text = " ".join(f"{type(error).__name__}: {error}".split())[:_REMARK_LENGTH]
        texts.setdefault(re.sub(r"\d+", "#", text), []).append(text)
    often = sorted(texts.values(), key=len, reverse=True)
    return tuple(f"{len(alike)} times, such as: {alike[0]}" for alike in often[:_REMARKS])
