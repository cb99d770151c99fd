"""The sockets that listen: a worker accepts clients from when it has started to when it stops.

uWSGI's plugin has the event loop watch them before it runs the loop, and so before the application
has started. Until then a client is served sooner, or at all, by another worker.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from . import _api

__all__ = ("Listening",)


class Listening:
    """Whether this worker accepts clients, to begin with not.

    Args:
        loop: The event loop, before uWSGI's plugin has got it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._kept: list[tuple[int, Callable[..., object], tuple[Any, ...]]] = []
        self._add_reader = loop.add_reader
        # There is no other way to come between the plugin and the loop.
        setattr(loop, "add_reader", self._keep)  # noqa: B010 - a method is no attribute to mypy

    def _keep(self, descriptor: Any, callback: Callable[..., object], *args: Any) -> None:
        if descriptor in _api.listening_sockets():
            self._kept.append((descriptor, callback, args))
        else:
            self._add_reader(descriptor, callback, *args)

    def plugin_has_begun(self) -> None:
        """The plugin runs the loop, and has said which sockets it wants to be watched."""
        setattr(self._loop, "add_reader", self._add_reader)  # noqa: B010

    def begin(self) -> None:
        """Accept clients."""
        for descriptor, callback, args in self._kept:
            self._loop.add_reader(descriptor, callback, *args)

    def end(self) -> None:
        """Accept nobody any more, or never."""
        for descriptor, _, _ in self._kept:
            self._loop.remove_reader(descriptor)
        self._kept.clear()
