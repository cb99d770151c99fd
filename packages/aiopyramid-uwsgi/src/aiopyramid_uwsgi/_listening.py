"""The listening sockets: a worker accepts clients only after it has started and until it stops.

uWSGI's plugin has the event loop watch them before it runs the loop, and so before the application
has started. Until then another worker serves a client sooner, and if the start fails only another
worker can.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from . import _api

__all__ = ("Listening",)


class Listening:
    """Controls whether this worker accepts clients; at first it does not.

    Args:
        loop: The event loop, before uWSGI's plugin gets it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._kept: list[tuple[int, Callable[..., object], tuple[Any, ...]]] = []
        self._add_reader = loop.add_reader
        # There is no other way to intercept the plugin's calls to the loop.
        setattr(loop, "add_reader", self._keep)  # noqa: B010 - mypy: cannot assign to a method

    def _keep(self, descriptor: Any, callback: Callable[..., object], *args: Any) -> None:
        if descriptor in _api.listening_sockets():
            self._kept.append((descriptor, callback, args))
        else:
            self._add_reader(descriptor, callback, *args)

    def plugin_has_begun(self) -> None:
        """Stop intercepting: the plugin runs the loop, and has added its sockets."""
        setattr(self._loop, "add_reader", self._add_reader)  # noqa: B010

    def begin(self) -> None:
        """Accept clients."""
        for descriptor, callback, args in self._kept:
            self._loop.add_reader(descriptor, callback, *args)

    def end(self) -> None:
        """Stop accepting clients, or never begin to."""
        for descriptor, _, _ in self._kept:
            self._loop.remove_reader(descriptor)
        self._kept.clear()
