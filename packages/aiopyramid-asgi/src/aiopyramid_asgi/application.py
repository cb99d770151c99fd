"""A WSGI application as an ASGI application."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, Final

from pyramid.router import Router

from aiopyramid_core import StartupError
from aiopyramid_core.lifespan import Lifespan, is_installed, lifespan_of
from aiopyramid_core.servers import (
    DEFAULT_THREADS,
    announce_stop,
    collect_less_often,
    in_threads,
    shutdown,
    startup,
    streams_body,
    use_loop,
)

from ._exchange import Exchange, Services
from ._settings import SETTINGS, ASGISettings
from ._stopping import Stopping
from ._types import Message, Receive, Scope, Send
from ._websocket import WebSocketExchange
from .exceptions import ScopeNotSupported

__all__ = ("PyramidASGI", "asgi")

_log = logging.getLogger("aiopyramid_asgi")


class PyramidASGI:
    """An ASGI 3.0 application that serves a WSGI application; made by :func:`asgi`.

    Args:
        application: The WSGI application.
        settings: The limits of requests.
    """

    def __init__(self, application: Any, settings: ASGISettings) -> None:
        self._lifespan = _lifespan(application)
        self._settings = settings
        self._stopping = Stopping(self._announce_stop, settings.graceful_timeout_seconds)
        self._services = Services(
            in_threads(application, _log.warning),
            settings,
            self._stopping,
            streams_body(application),
        )
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; see the ASGI specification.

        Args:
            scope: The server's description of the connection.
            receive: Waits for the next event from the client.
            send: Sends an event to the client.

        Raises:
            ScopeNotSupported: The connection speaks another protocol than HTTP and WebSocket.
        """
        kind = scope["type"]
        if kind in ("http", "websocket"):
            loop = asyncio.get_running_loop()
            if loop is not self._loop:
                self._use(loop)  # the server has no lifespan
            make_exchange = Exchange if kind == "http" else WebSocketExchange
            exchange = make_exchange(self._services, scope, receive, send)
            task = asyncio.current_task(loop)
            if task is None:
                await _in_a_task(exchange.run(), loop)  # the server drives coroutines by itself
            else:
                await exchange.run(task)
        elif kind == "lifespan":
            await self._serve_lifespan(receive, send)
        else:
            raise ScopeNotSupported(kind)

    # --- Lifespan -----------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Start the application, and stop it at the end; for applications that mount this one.

        ::

            application = asgi(config.make_wsgi_app())
            fast = FastAPI(lifespan=application.lifespan)
            fast.mount("/legacy", application)

        Args:
            app: The application around this one, which is not used.

        Raises:
            StartupError: A startup function of the application has failed.
        """
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        await _expect(receive, "lifespan.startup")
        try:
            await self.start()
        except StartupError as error:
            _log.critical("%s", error, exc_info=error.error)
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        # No more than that: this may be one of many applications that a test starts.
        collect_less_often()
        await send({"type": "lifespan.startup.complete"})
        await _expect(receive, "lifespan.shutdown")
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        """Start the application on the running event loop; for servers without a lifespan.

        Raises:
            StartupError: A startup function of the application has failed.
        """
        self._use(asyncio.get_running_loop())
        try:
            if self._lifespan is None:
                await startup()
            else:
                await self._lifespan.start()
        except BaseException:
            # Otherwise the signal handlers would keep the application for the life of the process.
            self._stopping.ignore()
            raise

    async def stop(self) -> None:
        """Stop the application, after its last response."""
        self._stopping.begin()
        self._stopping.ignore()
        self._loop = None
        seconds = self._settings.graceful_timeout_seconds
        if self._lifespan is None:
            await shutdown(seconds)
        else:
            await self._lifespan.stop(seconds)

    def _announce_stop(self) -> None:
        seconds = self._settings.graceful_timeout_seconds
        if self._lifespan is None:
            announce_stop(seconds)
        else:
            self._lifespan.announce_stop(seconds)

    def _use(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the server's loop the loop of the process."""
        self._loop = loop
        # asyncio's own executor has as few threads as a small machine has processors.
        own = getattr(loop, "_default_executor", None)
        is_asyncios = getattr(own, "_thread_name_prefix", "asyncio") == "asyncio"
        use_loop(loop, None if is_asyncios else loop, DEFAULT_THREADS)
        self._stopping.listen(loop)


def _lifespan(application: Any) -> Lifespan | None:
    if isinstance(application, Router):
        registry = application.registry
        if is_installed(registry):
            return lifespan_of(registry)
    return None


async def _in_a_task(coroutine: Coroutine[Any, Any, None], loop: Any) -> None:
    if sys.version_info < (3, 12):
        await loop.create_task(coroutine)
    else:
        # Most requests finish in the first step, and then the loop has nothing to do for the Task.
        task = asyncio.Task(coroutine, loop=loop, eager_start=True)
        if task.done():
            task.result()
        else:
            await task


async def _expect(receive: Receive, kind: str) -> None:
    message: Message = await receive()
    while message["type"] != kind:
        message = await receive()


_NO_SETTINGS: Final[Mapping[str, Any]] = {}


def asgi(application: Any, settings: Mapping[str, Any] | None = None) -> PyramidASGI:
    """Return an ASGI application that serves a WSGI application, on any ASGI server.

    ::

        application = asgi(config.make_wsgi_app())  # uvicorn myapp:application

    A Pyramid application that includes ``aiopyramid_core`` runs its coroutine views on the server's
    event loop, and its synchronous requests in threads. All requests of any other application, and
    of one that is wrapped in middleware, run in threads.

    Args:
        application: The WSGI application.
        settings: The settings whose names begin with ``aiopyramid.asgi.``; by default those of the
            Pyramid application, if it is not wrapped.

    Raises:
        ConfigurationError: A setting is invalid.
    """
    if settings is None and isinstance(application, Router):
        return PyramidASGI(application, SETTINGS.of(application.registry))
    return PyramidASGI(application, SETTINGS.read(_NO_SETTINGS if settings is None else settings))
