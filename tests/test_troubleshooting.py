"""``docs/troubleshooting.md``: each message in its tables is produced, by a mistake."""

import asyncio
import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from gunicorn.util import load_class
from pyramid.config import Configurator
from pyramid.response import Response
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import QueuePool
from webob import Request
from websocket_wire import HANDSHAKE

import aiopyramid_core
from aiopyramid_asgi import asgi
from aiopyramid_core import run, spawn, spawn_greenlet, synchronize
from aiopyramid_core._isolation import shared_sessions
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_core.watchdog import Watchdog
from aiopyramid_groups import group_of
from aiopyramid_websocket.testing import HandshakeRejected, connect

PAGE: Final = (Path(__file__).parent.parent / "docs/troubleshooting.md").read_text()
MESSAGES: Final = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
"""As the page shows them; ``…`` stands for the parts that vary."""

Producer = Callable[[Path], Any]
"""Does what a beginner has done, in an empty folder; raises the message, or returns it."""

PRODUCERS: Final[dict[str, Producer]] = {}


def produces(message: str) -> Callable[[Producer], Producer]:
    """Name the message that a function produces."""

    def keep(producer: Producer) -> Producer:
        PRODUCERS[message] = producer
        return producer

    return keep


def application(*views: Any, include: str = "aiopyramid_core", **settings: str) -> Any:
    """Return an application whose views have the names of their functions."""
    config = Configurator(package=aiopyramid_core, settings=settings)
    config.include(include)
    for view in views:
        config.add_view(view, name=view.__name__)
    return config.make_wsgi_app()


def get(app: Any, path: str) -> Response:
    """Get a page as under a server with threads."""
    return Request.blank(path).get_response(app)


async def get_on_loop(app: Any, path: str) -> Response:
    """Get a page as under a server of this project."""
    return await spawn_greenlet(Request.blank(path).get_response, app)


def in_the_log(app: Any, path: str = "/view") -> None:
    """Get a page, for what the log says of it."""
    asyncio.run(get_on_loop(app, path))


async def open_socket(view: Any, **headers: str) -> str:
    """Return the answer to an opening handshake that is refused."""
    with pytest.raises(HandshakeRejected) as raised:
        async with connect(view, headers=headers):
            pass
    answer: str = raised.value.response.text
    return answer


# --- When it starts -------------------------------------------------------------------------------


@produces("class uri 'aiopyramid' invalid or not found")
def _(folder: Path) -> None:
    load_class("aiopyramid")


@produces(
    "Could not convert return value of the view callable … The value returned was <coroutine …"
)
def _(folder: Path) -> None:
    async def view(request: Any) -> Response:
        return Response("")

    get(without_include(view), "/view")


@produces("A view of this application is a coroutine, but the application does not include …")
def _(folder: Path) -> None:
    async def view(request: Any) -> Response:
        return Response("")

    asyncio.run(call(asgi(without_include(view))))


def without_include(view: Any) -> Any:
    """Return an application of Pyramid alone."""
    config = Configurator()
    config.add_view(view, name="view")
    return config.make_wsgi_app()


async def call(app: Any) -> None:
    """Call an ASGI application as its server does, for ``/view``."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/view",
        "raw_path": b"/view",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        return requests.pop() if requests else await asyncio.Event().wait()

    async def send(event: Any) -> None:
        pass

    await app(scope, receive, send)


@produces("A Pyramid application is a WSGI application (PEP 3333), and this server calls it by …")
def _(folder: Path) -> None:
    asyncio.run(call(application()))


@produces("gevent has replaced the threads of this process (monkey patching), and asyncio needs …")
def _(folder: Path) -> str:
    code = (
        "from gevent import monkey; monkey.patch_all()\n"
        "from pyramid.config import Configurator\n"
        "Configurator().include('aiopyramid_core')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stderr


@produces("… is a coroutine, and the view was committed before aiopyramid_core was included. …")
def _(folder: Path) -> None:
    async def view(request: Any) -> Response:
        return Response("")

    config = Configurator(package=aiopyramid_core)
    config.add_view(view)
    config.commit()
    config.include("aiopyramid_core")
    config.commit()


@produces("The startup function … has failed: …")
def _(folder: Path) -> None:
    async def connect_database(registry: Any) -> None:
        raise ConnectionError("no route to the database")

    config = Configurator(package=aiopyramid_core)
    config.include("aiopyramid_core")
    config.add_startup(connect_database)
    serve_once(config.make_wsgi_app())


@produces("There is no setting aiopyramid.… Did you mean …")
def _(folder: Path) -> None:
    application(**{"aiopyramid.debug_bloking": "0.1"})


@produces("aiopyramid.request_timeout is 'soon', but must be …")
def _(folder: Path) -> None:
    application(**{"aiopyramid.request_timeout": "soon"})


@produces("Requests for … run in threads, since some of the views are synchronous: …")
def _(folder: Path) -> None:
    async def read(request: Any) -> Response:
        return Response("")

    def write(request: Any) -> Response:
        return Response("")

    config = Configurator(package=aiopyramid_core)
    config.include("aiopyramid_core")
    config.add_route("entry", "/entry")
    config.add_view(read, route_name="entry", request_method="GET")
    config.add_view(write, route_name="entry", request_method="POST")
    in_the_log(config.make_wsgi_app(), "/entry")


# --- Coroutines -----------------------------------------------------------------------------------


@synchronize
async def ask() -> str:
    await asyncio.sleep(0)
    return "answer"


@produces("Cannot wait for … on the event loop's own thread outside of a greenlet. …")
def _(folder: Path) -> None:
    async def background_task() -> None:
        ask()

    asyncio.run(background_task())


@produces("Cannot wait for … in a thread that serves no request. …")
def _(folder: Path) -> None:
    ask()


@produces("coroutine '…' was never awaited")
def _(folder: Path) -> str:
    async def send_mail() -> None:
        """Send it."""

    with pytest.warns(RuntimeWarning) as warned:
        send_mail()
    return str(warned[0].message)


@produces("object … can't be used in 'await' expression")
def _(folder: Path) -> None:
    if sys.version_info >= (3, 14):
        pytest.skip("Python 3.14 says it in other words")

    async def view(request: Any) -> Response:
        return Response(await ask())  # type: ignore[misc]

    in_the_log(application(view))


@produces("Attempted to synchronize …, which is not a coroutine function. …")
def _(folder: Path) -> None:
    synchronize(time.sleep)  # type: ignore[arg-type]


@produces("no running event loop")
def _(folder: Path) -> None:
    async def work() -> None:
        """Work."""

    def view(request: Any) -> Response:
        coroutine = work()
        try:
            return Response(str(asyncio.create_task(coroutine)))
        finally:
            coroutine.close()

    in_the_log(application(view))


@produces("There is no current event loop in thread 'aiopyramid-request-…'")
def _(folder: Path) -> None:
    def view(request: Any) -> Response:
        return Response(str(asyncio.get_event_loop()))

    in_the_log(application(view))


@produces("… is bound to a different event loop")
def _(folder: Path) -> None:
    lock = asyncio.Lock()

    async def two_at_once() -> None:
        async def hold() -> None:
            async with lock:
                await asyncio.sleep(0.01)

        await asyncio.gather(hold(), hold())

    asyncio.run(two_at_once())
    asyncio.run(two_at_once())


@produces("Cannot start …: the application has shut down")
def _(folder: Path) -> None:
    async def send_mail() -> None:
        """Send it."""

    async def view(request: Any) -> Response:
        spawn(send_mail())
        return Response("")

    app = application(view)

    async def stop_and_go() -> None:
        await lifespan_of(app.registry).start()
        await lifespan_of(app.registry).stop()
        await get_on_loop(app, "/view")

    asyncio.run(stop_and_go())


# --- Threads --------------------------------------------------------------------------------------


@produces("All … threads for synchronous requests are busy, … requests wait in the queue: …")
def _(folder: Path) -> None:
    begun, end = threading.Event(), threading.Event()

    def view(request: Any) -> Response:
        begun.set()
        end.wait(60)
        return Response("")

    app = application(view, **{"aiopyramid.executor.max_workers": "1"})

    async def two_at_once() -> None:
        first = asyncio.create_task(get_on_loop(app, "/view"))
        await asyncio.to_thread(begun.wait, 60)
        second = asyncio.create_task(get_on_loop(app, "/view"))
        await asyncio.sleep(0)  # it is in the queue now
        end.set()
        await asyncio.gather(first, second)

    asyncio.run(two_at_once())


@produces(
    "The event loop has been delayed for more than … seconds (aiopyramid.debug_blocking), but no"
    " function on it blocks: …"
)
def _(folder: Path) -> None:
    async def wait() -> None:
        loop, logged = asyncio.get_running_loop(), asyncio.Event()
        wake_up = loop.call_soon_threadsafe
        # As on a machine that is busy: the loop does not get to answer.
        loop.call_soon_threadsafe = lambda *args: None  # type: ignore[method-assign, assignment]

        class Waker(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                wake_up(logged.set)

        logger, waker = logging.getLogger(), Waker()  # after the handler of the test
        logger.addHandler(waker)
        watchdog = Watchdog(0.1)
        watchdog.start()
        await logged.wait()
        watchdog.stop()
        logger.removeHandler(waker)

    asyncio.run(wait())


# --- WebSockets -----------------------------------------------------------------------------------


async def echo(ws: Any) -> None:
    async for message in ws:
        await ws.send(message)


@produces("the origin '…' is neither this site's, '…', nor one of aiopyramid.websocket.origins")
def _(folder: Path) -> str:
    return asyncio.run(open_socket(echo, Origin="https://elsewhere.example"))


@produces("this is a WebSocket: use a WebSocket client, and proxies that pass on 'Upgrade'")
def _(folder: Path) -> str:
    return asyncio.run(open_socket(echo, Upgrade="", Connection="keep-alive"))


@produces("… is a WebSocket, but this server cannot serve it: …")
def _(folder: Path) -> None:
    config = Configurator(package=aiopyramid_core)
    config.include("aiopyramid_websocket")
    config.add_websocket_view(echo, name="echo")
    environ = {"SERVER_PROTOCOL": "HTTP/1.1"}
    Request.blank("/echo", environ, headers=HANDSHAKE).get_response(config.make_wsgi_app())


@produces("Another task already waits for the next message of this connection. …")
def _(folder: Path) -> None:
    async def impatient(ws: Any) -> None:
        await asyncio.gather(ws.recv(), ws.recv())

    async def talk() -> None:
        async with connect(impatient) as client:
            await client.recv()

    asyncio.run(talk())


@produces("The WebSocket connection is closed (…)")
def _(folder: Path) -> None:
    async def late(ws: Any) -> None:
        while await ws.recv() is not None:
            pass
        await ws.send("too late")

    async def talk() -> None:
        async with connect(late) as client:
            await client.close()
            await client.send("too late, here as well")

    asyncio.run(talk())


@produces("Groups work after the application has started and before it has shut down: …")
def _(folder: Path) -> None:
    app = application(include="aiopyramid_groups")
    run(group_of(app.registry, "news").send, "hello")


# --- Databases ------------------------------------------------------------------------------------


@produces("greenlet_spawn has not been called; can't call await_…() here. …")
def _(folder: Path) -> None:
    async def outside_of_a_request() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/data.db")
        try:
            with Session(engine.sync_engine) as session:
                session.execute(text("select 1"))
        finally:
            await engine.dispose()

    asyncio.run(outside_of_a_request())


def with_database(view: Any, folder: Path) -> Any:
    url = f"sqlite+aiosqlite:///{folder}/data.db"
    return application(view, include="aiopyramid_sqlalchemy", **{"sqlalchemy.url": url})


async def nothing() -> None:
    """Do nothing."""


def serve_once(app: Any, then: Callable[[], Awaitable[None]] = nothing) -> None:
    """Serve one request of an application, from its start to its stop."""

    async def serve() -> None:
        await lifespan_of(app.registry).start()
        try:
            await get_on_loop(app, "/view")
            await then()
        finally:
            await lifespan_of(app.registry).stop()

    asyncio.run(serve())


@produces("Cannot call …() of a database session: another task waits in its …")
def _(folder: Path) -> None:
    async def view(request: Any) -> Response:
        def query() -> None:
            request.dbsession.execute(text("select 1"))

        both = (spawn_greenlet(query), spawn_greenlet(query))
        (error,) = filter(None, await asyncio.gather(*both, return_exceptions=True))
        raise error

    serve_once(with_database(view, folder))


@produces("Cannot call …() of a database session: its request has ended. …")
def _(folder: Path) -> None:
    kept = []

    async def view(request: Any) -> Response:
        kept.append(request.dbsession)
        return Response("")

    async def use_it_later() -> None:
        await spawn_greenlet(kept[0].execute, text("select 1"))

    serve_once(with_database(view, folder), use_it_later)


@produces("Coroutine requests share a SQLAlchemy session …")
def _(folder: Path) -> None:
    engine = create_engine(f"sqlite:///{folder}/data.db")
    shared = scoped_session(sessionmaker(engine))
    barrier = asyncio.Barrier(2)

    async def view(request: Any) -> Response:
        shared.execute(text("select 1"))
        await barrier.wait()
        shared.execute(text("select 1"))
        await barrier.wait()
        return Response("")

    app = application(view)

    async def two_at_once() -> None:
        await asyncio.gather(*(asyncio.create_task(get_on_loop(app, "/view")) for _ in range(2)))

    try:
        shared_sessions._said_at = float("-inf")  # it is said once a minute
        asyncio.run(two_at_once())
    finally:
        shared.remove()
        engine.dispose()


@produces("QueuePool limit of size … overflow … reached, connection timed out, timeout …")
def _(folder: Path) -> None:
    options: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.01}
    engine = create_engine(f"sqlite:///{folder}/data.db", poolclass=QueuePool, **options)
    try:
        with engine.connect():
            engine.connect()
    finally:
        engine.dispose()


# --- The page -------------------------------------------------------------------------------------


GUIDES: Final = {
    "The event loop has been blocked for more than … seconds (aiopyramid.debug_blocking) by …": (
        "blocked-loop"
    ),
    "The event loop was blocked for … seconds (timeout), here:": "blocked-loop",
}
"""Messages that a guide shows, which ``tests/guides`` follows."""


def pattern(message: str) -> str:
    return ".*".join(map(re.escape, message.split("…")))


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("message", MESSAGES)
def test_each_message_is_said_as_the_page_has_it(
    message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if message in GUIDES:
        guide = Path(__file__).parent.parent / f"docs/guides/{GUIDES[message]}.md"
        shown = re.findall(r"^```output\n(.*?)^```$", guide.read_text(), re.MULTILINE | re.DOTALL)
        said = "\n".join(shown)
    else:
        caplog.set_level("INFO")
        try:
            returned = PRODUCERS[message](tmp_path)
        except Exception as error:
            returned = error
        said = "\n".join([f"{returned}", *caplog.messages, caplog.text])
    assert re.search(pattern(message), said, re.DOTALL), said


def test_the_page_has_all_messages_that_are_produced_here() -> None:
    assert sorted(MESSAGES) == sorted([*PRODUCERS, *GUIDES])
