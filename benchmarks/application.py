"""The applications under test, one function each.

They import what they need themselves, so that no server has to load another one's framework.
"""

import asyncio
import time
from typing import Any

from _common import BLOCK_SECONDS, HELLO, SHORT_WAIT_SECONDS, WAIT_SECONDS
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response


async def hello_coroutine(request: Request) -> Response:
    return Response(HELLO, content_type="text/plain")


def hello_ordinary(request: Request) -> Response:
    return Response(HELLO, content_type="text/plain")


def add_properties(config: Configurator) -> None:
    """Add three properties to requests, as extensions do: a user, a database session, a mailer."""
    for name in ("user", "dbsession", "mailer"):
        config.add_request_method(lambda request: None, name, reify=True)


async def wait_coroutine(request: Request) -> Response:
    await asyncio.sleep(WAIT_SECONDS)
    return Response(HELLO, content_type="text/plain")


def wait_ordinary(request: Request) -> Response:
    time.sleep(WAIT_SECONDS)
    return Response(HELLO, content_type="text/plain")


async def short_coroutine(request: Request) -> Response:
    await asyncio.sleep(SHORT_WAIT_SECONDS)
    return Response(HELLO, content_type="text/plain")


def short_ordinary(request: Request) -> Response:
    time.sleep(SHORT_WAIT_SECONDS)
    return Response(HELLO, content_type="text/plain")


def block(request: Request) -> Response:
    time.sleep(BLOCK_SECONDS)
    return Response(HELLO, content_type="text/plain")


async def echo(websocket: Any) -> None:
    async for message in websocket:
        await websocket.send(message)


async def discard(websocket: Any) -> None:
    async for message in websocket:
        if message == "done":
            await websocket.send(HELLO)


def coroutine() -> Any:
    """Return the application with a coroutine view."""
    return _application({"/": hello_coroutine}, "aiopyramid_core")


def ordinary() -> Any:
    """Return the same application with a synchronous view."""
    return _application({"/": hello_ordinary}, "aiopyramid_core")


def with_properties() -> Any:
    """Return the application with a coroutine view, whose requests have three properties."""
    return _application({"/": hello_coroutine}, "aiopyramid_core", "application.add_properties")


def with_properties_without_aiopyramid() -> Any:
    """Return the same application as it would be without aiopyramid."""
    return _application({"/": hello_ordinary}, "application.add_properties")


def hellos() -> Any:
    """Return an application with both kinds of views, and a route with a placeholder."""
    views = {"/": hello_coroutine, "/ordinary": hello_ordinary, "/of/{name}": hello_coroutine}
    return _application(views, "aiopyramid_core")


def receiving() -> Any:
    """Return an application that receives bodies and messages, and does nothing with them."""
    with Configurator() as config:
        config.include("aiopyramid_websocket")
        _add_views(config, {"/": hello_coroutine, "/upload": hello_coroutine})
        config.add_route("/discard", "/discard")
        config.add_websocket_view(discard, route_name="/discard")
        return config.make_wsgi_app()


def without_aiopyramid() -> Any:
    """Return the application as it would be without aiopyramid."""
    return _application({"/": hello_ordinary})


def waiting() -> Any:
    """Return an application that waits, in a coroutine view and in a synchronous one."""
    views = {"/await": wait_coroutine, "/block": wait_ordinary, "/short": short_coroutine}
    return _application(views, "aiopyramid_core")


def waiting_without_aiopyramid() -> Any:
    """Return an application that waits in a synchronous view; gevent patches the wait."""
    return _application({"/short": short_ordinary})


def busy() -> Any:
    """Return an application that blocks threads, with what answers nevertheless."""
    with Configurator() as config:
        config.include("aiopyramid_websocket")
        _add_views(config, {"/": hello_coroutine, "/block": block})
        config.add_route("/health", "/health")
        config.add_view(hello_ordinary, route_name="/health", run_on="loop")
        config.add_route("/echo", "/echo")
        config.add_websocket_view(echo, route_name="/echo")
        return config.make_wsgi_app()


def busy_without_aiopyramid() -> Any:
    """Return its like for other servers: all that answers needs a thread."""
    return _application({"/": hello_ordinary, "/block": block})


def on_uwsgi() -> Any:
    """Return the application for uWSGI's asyncio engine, hello and wait in one."""
    return _on_uwsgi("asyncio")


def on_uwsgi_with_uvloop() -> Any:
    """Return the same on uvloop."""
    return _on_uwsgi("uvloop")


def _on_uwsgi(loop: str) -> Any:
    views = {"/": hello_coroutine, "/short": short_coroutine}
    return _application(views, "aiopyramid_uwsgi", **{"aiopyramid.uwsgi.loop": loop})


def both() -> Any:
    """Return the same application for other servers."""
    return _application({"/": hello_coroutine, "/short": short_coroutine}, "aiopyramid_core")


def both_without_aiopyramid() -> Any:
    """Return the same application with synchronous views, as it would be without aiopyramid."""
    return _application({"/": hello_ordinary, "/short": short_ordinary})


def asgi() -> Any:
    """Return :func:`coroutine` for ASGI servers."""
    from aiopyramid_asgi import asgi

    return asgi(coroutine())


def asgi_waiting() -> Any:
    """Return :func:`waiting` for ASGI servers."""
    from aiopyramid_asgi import asgi

    return asgi(waiting())


def a2wsgi() -> Any:
    """Return the application without aiopyramid for ASGI servers: a2wsgi runs it in threads."""
    from a2wsgi import WSGIMiddleware

    return WSGIMiddleware(without_aiopyramid())


def called_on_the_loop() -> Any:
    """Return the application without aiopyramid for ASGI servers, called on the event loop.

    It can neither wait nor read a body, and checks nothing: what remains is Pyramid's own time.
    """
    router = without_aiopyramid()
    base = Request.blank("/").environ

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        head: dict[str, Any] = {"type": "http.response.start"}

        def start_response(status: str, fields: Any, exc_info: Any = None) -> None:
            head["status"] = int(status[:3])
            head["headers"] = [(name.lower().encode(), value.encode()) for name, value in fields]

        body = b"".join(router({**base, "PATH_INFO": scope["path"]}, start_response))
        await send(head)
        await send({"type": "http.response.body", "body": body})

    return application


def starlette() -> Any:
    """Return the like of :func:`coroutine` in another framework, made for asyncio."""
    return _starlette("/", 0)


def starlette_waiting() -> Any:
    """Return the like of :func:`waiting` in that framework."""
    return _starlette("/short", SHORT_WAIT_SECONDS)


def _starlette(path: str, seconds: float) -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse(HELLO)

    async def wait(request: Request) -> PlainTextResponse:
        await asyncio.sleep(seconds)
        return PlainTextResponse(HELLO)

    return Starlette(routes=[Route(path, wait if seconds else hello)])


def _application(views: dict[str, Any], *includes: str, **settings: str) -> Any:
    with Configurator(settings=settings) as config:
        for name in includes:
            config.include(name)
        _add_views(config, views)
        return config.make_wsgi_app()


def _add_views(config: Any, views: dict[str, Any]) -> None:
    for path, view in views.items():
        config.add_route(path, path)
        config.add_view(view, route_name=path)


# --- The applications of database.py --------------------------------------------------------------


def database() -> Any:
    """Return an application that queries a database in coroutine views."""
    from database_applications import ours

    return ours()


def database_in_threads() -> Any:
    """Return the same for servers with threads."""
    from database_applications import threads

    return threads()


def database_starlette() -> Any:
    """Return the same of another framework."""
    from database_applications import starlette

    return starlette()
