"""The application that every library watches: many requests at the same time, each with a name.

A request works in spans with its name, some of which are open while it waits for other requests. So
a library that takes one request for another puts a span into a trace of another name.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from socket import AF_INET, SOCK_STREAM
from typing import Any, Final

from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_core import synchronize

PATIENCE_SECONDS: Final = 30.0

Span = Callable[[str, str], AbstractContextManager[Any]]
"""Makes a span, of a place and a name, in what the library takes for the current trace."""

addresses: list[str] = []
"""Where this process has tried to connect to, or what it has looked up, apart from itself."""


def _note_addresses(event: str, args: tuple[Any, ...]) -> None:
    # To connect a datagram socket sends nothing: it is how to learn one's own address.
    if event == "socket.connect" and args[0].family == AF_INET and args[0].type == SOCK_STREAM:
        host, port = args[1]
        if host != "127.0.0.1":
            addresses.append(f"{host}:{port}")
    if event == "socket.getaddrinfo" and args[0] not in ("127.0.0.1", "localhost", None):
        addresses.append(repr(args[0]))


sys.addaudithook(_note_addresses)


class Meeting:
    """Where requests wait until all are there, be it on the event loop or in threads."""

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._lock = threading.Lock()
        self._all_there = threading.Event()
        self._all_there_on_loop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, registry: Any) -> None:
        self._loop = asyncio.get_running_loop()

    def wait(self) -> None:
        self._arrive()
        assert self._all_there.wait(PATIENCE_SECONDS)

    async def wait_on_loop(self) -> None:
        self._arrive()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._all_there_on_loop.wait()

    def _arrive(self) -> None:
        with self._lock:
            self._missing -= 1
            if self._missing == 0:
                self._all_there.set()
                assert self._loop is not None
                self._loop.call_soon_threadsafe(self._all_there_on_loop.set)


class Views:
    """The views; see above."""

    def __init__(self, span: Span, meeting: Meeting) -> None:
        self._span = span
        self._meeting = meeting
        self._help = synchronize(self._help_on_loop)

    def synchronous(self, request: Any) -> Response:
        name = request.matchdict["name"]
        with self._span("view", name):
            self._meeting.wait()
            with self._span("after", name):
                self._help(name)
        return _answer(request, name)

    async def coroutine(self, request: Any) -> Response:
        name = request.matchdict["name"]
        with self._span("view", name):
            await self._meeting.wait_on_loop()
            with self._span("after", name):
                self._help(name)  # type: ignore[unused-coroutine]
                await asyncio.gather(self._pause("task", name), self._pause("task", name))
        return _answer(request, name)

    async def alone(self, request: Any) -> Response:
        with self._span("view", "alone"):
            await asyncio.sleep(0)
        return Response("alone")

    async def _help_on_loop(self, name: str) -> None:
        await self._pause("helper", name)

    async def _pause(self, place: str, name: str) -> None:
        with self._span(place, name):
            for _ in range(3):
                await asyncio.sleep(0)


def _answer(request: Any, name: str) -> Response:
    if "fail" in request.params:
        raise RuntimeError(name)
    return Response(name)


def configure(config: Configurator, span: Span, recorded: Callable[[], dict[str, Any]]) -> None:
    """Make the application.

    Args:
        config: Where.
        span: See above.
        recorded: Returns what the library has recorded, in a form that JSON knows.
    """
    config.include("aiopyramid_core")
    meeting = Meeting(int(os.environ["PARTIES"]))
    config.add_startup(meeting.start)
    views = Views(span, meeting)
    for route in ("synchronous", "coroutine", "alone"):
        config.add_route(route, f"/{route}/{{name}}")
        config.add_view(getattr(views, route), route_name=route)
    # A coroutine view in a request that has a thread, since the route's other view is synchronous.
    config.add_route("either", "/either/{name}")
    config.add_view(views.coroutine, route_name="either", request_method="GET")
    config.add_view(views.synchronous, route_name="either", request_method="POST")

    async def report(request: Any) -> dict[str, Any]:
        return recorded() | {"addresses": addresses}

    config.add_route("report", "/report")
    config.add_view(report, route_name="report", renderer="json")
