"""Which routes can match a path? Pure: patterns and paths in, positions out.

Pyramid tries one route's pattern after the other. With hundreds of routes that takes long, and here
it is done once more, before the request exists. Most patterns begin with characters that a path
must begin with, too; by those they are looked up.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ("RouteIndex",)

_FIRST_PLACEHOLDER: Final = re.compile(r"\{|\*\w*$|:[_a-zA-Z]\w*")
"""Where the literal beginning of a pattern ends, at the latest; see pyramid.urldispatch.

A brace or colon that is no placeholder after all only makes the beginning shorter than it could be.
"""


class RouteIndex:
    """Finds the routes of which a path has the literal beginning.

    Args:
        patterns: The patterns of the routes, in their order.
    """

    __slots__ = ("_positions", "_sizes")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._positions: dict[str, list[int]] = {}
        for position, pattern in enumerate(patterns):
            self._positions.setdefault(_literal_beginning(pattern), []).append(position)
        self._sizes = sorted({len(beginning) for beginning in self._positions})

    def candidates(self, path: str) -> Iterator[int]:
        """Return the positions of routes that may match a path, in order; others cannot.

        Args:
            path: The path, decoded.
        """
        found = []
        size = len(path)
        for beginning in self._sizes:
            if beginning > size:
                break
            positions = self._positions.get(path[:beginning])
            if positions is not None:
                found.append(positions)
        if len(found) == 1:
            return iter(found[0])
        return iter(sorted([position for positions in found for position in positions]))


def _literal_beginning(pattern: str) -> str:
    if not pattern.startswith("/"):
        pattern = "/" + pattern
    placeholder = _FIRST_PLACEHOLDER.search(pattern)
    return pattern if placeholder is None else pattern[: placeholder.start()]
