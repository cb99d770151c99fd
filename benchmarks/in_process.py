"""The path of a request through the worker, without a socket: what ``instructions.py`` counts.

A transport that keeps nothing takes the answers; requests are handed to the protocol as the event
loop hands them over. Each case runs in two child processes, a short and a long one: the difference
is what the additional requests have cost, without the start of the process. The program prints,
as a line of JSON each, the case, how many requests a child has answered, and its process id.
"""

import asyncio
import gc
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import api
import api_applications
import application
import uvloop
import websocket_applications
from _common import HELLO
from _common.http_request import BROWSER_FIELDS, PLAIN, HTTPRequest
from _common.websocket_client import frame, handshake
from gunicorn.config import Config
from gunicorn.glogging import Logger
from pyramid.request import Request

from aiopyramid_core.servers import RequestExecutor, adopt_loop
from aiopyramid_gunicorn import AsyncGunicornWorker
from aiopyramid_gunicorn._protocol import HTTPProtocol

CONNECTIONS: Final = 16
"""Requests that arrive in one iteration of the loop."""

ROUNDS: Final = (5, 20)
"""How many requests a connection makes in the short process and in the long one."""


@dataclass(frozen=True)
class Case:
    """A request to an application.

    Attributes:
        application: The application.
        request: The bytes that arrive.
        end: The last bytes of the answer.
        handshake: The bytes that open a WebSocket before that; none for HTTP.
    """

    application: Any
    request: bytes
    end: bytes
    handshake: bytes = b""


def cases() -> Iterator[tuple[str, Case]]:
    """Yield the cases by name."""
    coroutine = application.coroutine()
    yield "coroutine view", Case(coroutine, PLAIN.head(), HELLO)
    browser = HTTPRequest(fields=BROWSER_FIELDS)
    yield "coroutine view, a browser's header fields", Case(coroutine, browser.head(), HELLO)
    properties = application.with_properties()
    yield "coroutine view, three request properties", Case(properties, PLAIN.head(), HELLO)
    yield "synchronous view", Case(application.ordinary(), PLAIN.head(), HELLO)
    assert api.REQUEST.body is not None
    posted = api.REQUEST.head() + api.REQUEST.body
    yield "JSON API", Case(api_applications.pyramid(), posted, b'"}')
    payload = b"x" * 16
    echo = websocket_applications.aiopyramid()
    message = frame(payload, text=True)
    yield "WebSocket echo", Case(echo, message, payload, handshake("localhost", "/echo"))


class Wire(asyncio.Transport):
    """A transport that counts the answers and drops them."""

    def __init__(self, on_answer: Callable[[], None]) -> None:
        super().__init__({"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 80)})
        self._on_answer = on_answer
        self._protocol: Any = None
        self.end = b""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def write(self, data: Any) -> None:
        if bytes(data).endswith(self.end):
            self._on_answer()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        raise AssertionError("the worker has closed a connection")

    abort = close


class Clients:
    """The clients of a case, all on one worker."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._loop = asyncio.get_running_loop()
        adopt_loop(self._loop)
        self._loop.set_default_executor(RequestExecutor(AsyncGunicornWorker.executor_threads))
        config = Config()
        worker = AsyncGunicornWorker(0, os.getppid(), [], None, 30, config, Logger(config))
        worker.loop, worker.wsgi = self._loop, case.application
        server = worker._make_server()
        self._wires = [Wire(self._count) for _ in range(CONNECTIONS)]
        for wire in self._wires:
            protocol = HTTPProtocol(server)
            wire.set_protocol(protocol)
            protocol.connection_made(wire)

    def _count(self) -> None:
        self._left -= 1
        if not self._left:
            self._answered.set_result(None)

    async def run(self, rounds: int) -> None:
        """Send so many requests on each connection."""
        if self._case.handshake:
            await self._round(self._case.handshake, b"\r\n\r\n")
        for _ in range(rounds):
            await self._round(self._case.request, self._case.end)

    async def _round(self, request: bytes, end: bytes) -> None:
        self._left = CONNECTIONS
        self._answered = self._loop.create_future()
        for wire in self._wires:
            wire.end = end
            wire.get_protocol().data_received(request)
        await self._answered
        await asyncio.sleep(0)  # what follows the answer belongs to the request, too


def directly(application: Any) -> Callable[[int], None]:
    """Return a function that calls Pyramid's router, as a server does that costs nothing."""
    environ = Request.blank("/").environ

    def start_response(status: str, fields: Any, error: Any = None) -> None:
        assert status == "200 OK"

    def run(rounds: int) -> None:
        for _ in range(rounds * CONNECTIONS):
            assert b"".join(application({**environ}, start_response)) == HELLO

    return run


def through_the_worker(case: Case) -> Callable[[int], None]:
    """Return a function that sends requests to a worker."""

    async def run(rounds: int) -> None:
        await Clients(case).run(rounds)
        os._exit(0)  # here, because the end of the loop would be counted as well

    return lambda rounds: uvloop.run(run(rounds))


def in_child(name: str, run: Callable[[int], None], rounds: int) -> None:
    """Run a case in a child process, and print what it was."""
    child = os.fork()
    if not child:
        try:
            run(rounds)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"{name}: the process that ran it has failed")
    what = {"case": name, "requests": rounds * CONNECTIONS, "pid": child}
    print(json.dumps(what), flush=True)


def main() -> None:
    """Run all cases."""
    runs = {
        "plain Pyramid, called directly": directly(application.without_aiopyramid()),
        "plain Pyramid, three request properties": directly(
            application.with_properties_without_aiopyramid()
        ),
    }
    runs |= {name: through_the_worker(case) for name, case in cases()}
    gc.collect()
    gc.freeze()
    for name, run in runs.items():
        for rounds in ROUNDS:
            in_child(name, run, rounds)


if __name__ == "__main__":
    main()
