"""Which routes can match a path? Pure: patterns and paths in, positions out.

Pyramid tries one route's pattern after another. With hundreds of routes that takes long, and here
it would be done a second time, before the request exists. But most patterns have fixed segments,
which are the same in each path that they match, and differ in them. Many patterns of an application
have their fixed segments in the same positions; among these, a path is found by a single look-up.
"""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from pyramid.urldispatch import old_route_re, route_re, star_at_end, update_pattern

__all__ = ("RouteIndex",)

_WITHIN_SEGMENT: Final = re.compile(r"(?:\\[dw]|\w-?|[+*?{},\[\]()|])*")
r"""Placeholder expressions that certainly match no slash, such as ``\d+`` and ``[a-z]{2}``."""

_VARIABLE: Final = "\0"
_REST: Final = "\1"
"""Marks for placeholders, within a segment and of any length. A pattern that contains such a
character itself is tried more often than necessary."""


class _Shape(NamedTuple):
    """The common shape of patterns that are looked up together.

    Attributes:
        fixed: The positions of the segments that are the same in all paths.
        size: The number of segments.
        is_open: Whether any number of segments may follow.
    """

    fixed: tuple[int, ...]
    size: int
    is_open: bool

    def admits(self, size: int) -> bool:
        """Return whether a path with this number of segments can match."""
        return size > self.size if self.is_open else size == self.size


_Table = tuple[Callable[[Sequence[str]], Any], dict[Any, list[int]]]
"""For the patterns of one shape: a function for the key of a path, and the positions by key."""


class RouteIndex:
    """Finds the routes whose patterns have the segments of a path.

    Args:
        patterns: The patterns of the routes, in their order.
    """

    __slots__ = ("_tables",)

    def __init__(self, patterns: Sequence[str]) -> None:
        tables: dict[_Shape, _Table] = {}
        for position, pattern in enumerate(patterns):
            shape, segments = _read(pattern)
            key_of, positions = tables.setdefault(shape, (itemgetter(*shape.fixed), {}))
            positions.setdefault(key_of(segments), []).append(position)
        # By the number of a path's segments; the last entry is for all longer paths.
        sizes = range(max((shape.size for shape in tables), default=0) + 2)
        self._tables: list[list[_Table]] = [
            [table for shape, table in tables.items() if shape.admits(size)] for size in sizes
        ]

    def candidates(self, path: str) -> list[int]:
        """Return the positions of routes that may match a path, in order; others cannot.

        Args:
            path: The path, decoded.
        """
        # In a regular expression, "$" also matches before a trailing line break.
        segments = path.rstrip("\n").split("/")
        size = len(segments)
        tables = self._tables
        found: list[int] = []
        for key_of, positions in tables[size] if size < len(tables) else tables[-1]:
            found += positions.get(key_of(segments), ())
        found.sort()
        return found


def _read(pattern: str) -> tuple[_Shape, list[str]]:
    """Return the shape of a pattern, and its segments."""
    beginning, rest, _ = _with_marks(pattern).partition(_REST)
    segments = beginning.rstrip("\n").split("/")
    if rest:
        segments.pop()  # it may be longer in a path
    fixed = [number for number, segment in enumerate(segments) if _VARIABLE not in segment]
    return _Shape(tuple(fixed), len(segments), bool(rest)), segments


def _with_marks(pattern: str) -> str:
    """Return a pattern with marks for its placeholders, which are found as Pyramid finds them."""
    if old_route_re.search(pattern) and not route_re.search(pattern):
        pattern = old_route_re.sub(update_pattern, pattern)
    if star_at_end.search(pattern):
        pattern = pattern.rpartition("*")[0] + _REST
    marked: str = route_re.sub(_mark, pattern)
    return "/" + marked.removeprefix("/")


def _mark(placeholder: re.Match[str]) -> str:
    expression = placeholder[0][1:-1].partition(":")[2]
    return _VARIABLE if _WITHIN_SEGMENT.fullmatch(expression) else _REST
