"""_places: the innermost line of the application's own code."""

import asyncio
import sys

from aiopyramid_core import spawn_greenlet
from aiopyramid_debugtoolbar import _places
from aiopyramid_debugtoolbar._places import callers, find_place


def place_here():
    return find_place(callers(sys._getframe()))


def test_the_innermost_line_of_the_application_is_found():
    place = place_here()
    assert place.filename == __file__
    assert place.function == "place_here"


def test_code_of_the_standard_library_is_not_the_applications():
    async def main():
        loop = asyncio.get_running_loop()
        found = loop.create_future()
        loop.call_soon(lambda: found.set_result(sys._getframe(1)))
        return await found

    frame = asyncio.run(main())
    assert frame.f_code.co_name == "_run"  # asyncio's
    place = find_place([frame, sys._getframe()])
    assert place.filename == __file__
    assert place.awaited == "Handle._run"


def test_an_installed_application_is_better_than_none(monkeypatch):
    monkeypatch.setattr(_places, "_kinds", {__file__: "library"})
    place = find_place([sys._getframe()])
    assert place.function == "test_an_installed_application_is_better_than_none"


def test_framework_code_alone_has_no_place():
    frames = []

    def note():
        frames.append(sys._getframe(1))

    asyncio.run(spawn_greenlet(note))
    assert frames[0].f_globals["__name__"].startswith("aiopyramid_core.")
    assert find_place(frames) is None
