"""Places in the code of the application: which line of it waits, calls a thread or makes a task."""

import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Final

from aiopyramid_core.watchdog import is_framework

__all__ = ("Place", "callers", "find_place")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code.

    Attributes:
        filename: The path of its file.
        line: Its number, from 1.
        function: The qualified name of its function.
        awaited: The qualified name of the function that the line has called or awaits; empty if it
            awaits a future directly.
    """

    filename: str
    line: int
    function: str
    awaited: str = ""


def callers(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and its callers, the innermost first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def find_place(frames: Iterable[FrameType]) -> Place | None:
    """Return the innermost line of the application.

    That is a line of a file outside of the standard library and of the folders of installed
    packages. Without such a line, because the application is installed like its libraries, it is
    one of any package except Pyramid and this project.

    Args:
        frames: The frames, the innermost first.
    """
    of_library: Place | None = None
    called = ""
    for frame in frames:
        code = frame.f_code
        kind = _kinds.get(code.co_filename) or _learn(frame)
        if kind != _OTHER and (kind == _APPLICATION or of_library is None):
            place = Place(code.co_filename, frame.f_lineno or 0, code.co_qualname, called)
            if kind == _APPLICATION:
                return place
            of_library = place
        called = code.co_qualname
    return of_library


_APPLICATION, _LIBRARY, _OTHER = "application", "library", "other"

_kinds: Final[dict[str, str]] = {}
"""The kind of each file that was seen; there are only so many files."""

_PATHS: Final = sysconfig.get_paths()
_LIBRARIES: Final = tuple({_PATHS["purelib"], _PATHS["platlib"]})
_STANDARD: Final = tuple({_PATHS["stdlib"], _PATHS["platstdlib"]})


def _learn(frame: FrameType) -> str:
    filename = frame.f_code.co_filename
    if filename.startswith("<") or is_framework(frame):
        kind = _OTHER
    elif filename.startswith(_LIBRARIES):
        kind = _LIBRARY
    else:
        kind = _OTHER if filename.startswith(_STANDARD) else _APPLICATION
    _kinds[filename] = kind
    return kind
