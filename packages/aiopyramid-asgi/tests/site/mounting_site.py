"""ASGI applications of several kinds below the routes of a Pyramid application."""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator

import strawberry
from fastapi import FastAPI, Request, WebSocket
from mcp.server import MCPServer
from pyramid.authorization import Allow
from pyramid.config import Configurator
from pyramid.session import SignedCookieSessionFactory
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import GraphQL

from aiopyramid_asgi import asgi

log = []
"""The notes of the applications, for the clients to read."""


def pyramids_request(connection):
    return connection.scope["aiopyramid.request"]


# --- FastAPI --------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def lifespan(app):
    task = asyncio.current_task()
    log.append("fast started")
    async with asyncio.TaskGroup():
        yield {"greeting": "Hello"}
    assert asyncio.current_task() is task
    print("fast stopped in its task", flush=True)


fast = FastAPI(lifespan=lifespan)


@fast.get("/hello/{name}")
async def hello(name: str, request: Request):
    return {
        "text": f"{request.state.greeting}, {name}",
        "url": str(request.url),
        "root": request.scope["root_path"],
        "user": pyramids_request(request).authenticated_userid,
    }


@fast.get("/visits")
async def visits(request: Request):
    session = pyramids_request(request).session
    session["visits"] = session.get("visits", 0) + 1
    return session["visits"]


@fast.websocket("/shout")
async def shout(websocket: WebSocket):
    user = pyramids_request(websocket).authenticated_userid
    if "refuse" in websocket.query_params:
        await websocket.close(4000)
        return
    if "deny" in websocket.query_params:
        await websocket.send_denial_response(PlainTextResponse("denied", 418))
        return
    if "fail" in websocket.query_params:
        raise ValueError("failed on purpose")
    offered = websocket.scope["subprotocols"]
    await websocket.accept(offered[-1] if offered else None, [(b"x-user", user.encode())])
    try:
        while True:
            text = await websocket.receive_text()
            if text == "close":
                await websocket.close(4001, "as asked")
                return
            if text == "fail":
                raise ValueError("failed on purpose")
            await websocket.send_text(f"{user}: {text.upper()}")
    except WebSocketDisconnect as closed:
        log.append(f"shout ended with {closed.code}")


# --- Starlette ------------------------------------------------------------------------------------


async def upload(request):
    digest = hashlib.sha256()
    async for part in request.stream():
        digest.update(part)
    return PlainTextResponse(digest.hexdigest())


async def endless(request):
    """Send as fast as the client takes it."""
    taken[0] = 0

    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * (64 << 10)
            taken[0] += 1

    return StreamingResponse(parts())


taken = [0]


async def silent(request):
    """Send a beginning, then nothing."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"beginning"
        await asyncio.sleep(600)

    return StreamingResponse(parts())


async def broken(request):
    async def parts() -> AsyncIterator[bytes]:
        yield b"beginning"
        raise ValueError("failed on purpose")

    return StreamingResponse(parts())


async def failing(request):
    raise ValueError("failed on purpose")


async def cookies(request):
    response = JSONResponse(dict(request.cookies))
    response.set_cookie("one", "1")
    response.set_cookie("two", "2")
    return response


async def later(request):
    async def work() -> None:
        await asyncio.sleep(0.05)
        log.append("background task done")

    return PlainTextResponse("soon", background=BackgroundTask(work))


async def scope(request):
    return JSONResponse(
        {
            key: value if isinstance(value, str) else repr(value)
            for key, value in request.scope.items()
        }
    )


routes = [
    Route("/upload", upload, methods=["POST"]),
    Route("/scope/{rest:path}", scope),
    *(Route(f"/{view.__name__}", view) for view in (endless, silent, broken, failing)),
    *(Route(f"/{view.__name__}", view) for view in (cookies, later)),
    WebSocketRoute("/shout", shout),
]
starlette = Starlette(routes=routes)


# --- GraphQL --------------------------------------------------------------------------------------


@strawberry.type
class Query:
    @strawberry.field
    def user(self, info: strawberry.Info) -> str:
        connection = info.context["request"] or info.context["ws"]
        return pyramids_request(connection).authenticated_userid


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, target: int) -> AsyncIterator[int]:
        for number in range(target):
            yield number
            await asyncio.sleep(0)


graphql = GraphQL(strawberry.Schema(Query, subscription=Subscription))


# --- MCP ------------------------------------------------------------------------------------------

tools = MCPServer("tools")
logging.getLogger().handlers.clear()  # which it has added, and which wrap tracebacks into tables


@tools.tool()
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


# --- An application without a framework -----------------------------------------------------------


async def bare(scope, receive, send):
    """Has no lifespan, and breaks the rules on demand."""
    assert scope["type"] == "http"
    match scope["path"].rpartition("/")[2]:
        case "nothing":
            return
        case "body_first":
            await send({"type": "http.response.body", "body": b"x"})
        case "half":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        case _:
            await send({"type": "http.response.start", "status": 299, "headers": []})
            await send({"type": "http.response.body", "body": b"bare"})


# --- Pyramid --------------------------------------------------------------------------------------


class Policy:
    def authenticated_userid(self, request):
        return request.headers.get("X-User") or request.GET.get("user")

    identity = authenticated_userid

    def permits(self, request, context, permission):
        return self.authenticated_userid(request) == "ann"


class Root:
    __acl__ = ((Allow, "ann", "use"),)

    def __init__(self, request):
        pass


async def what_happened(request):
    return log


async def tasks(request):
    return [task.get_name() for task in asyncio.all_tasks()]


async def how_many(request):
    return taken[0]


def main(global_config=None, **settings):
    with Configurator(settings=settings, root_factory=Root) as config:
        config.include("aiopyramid_asgi")
        config.set_security_policy(Policy())
        config.set_session_factory(SignedCookieSessionFactory("secret"))
        for view in (what_happened, tasks, how_many):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__, renderer="json")
        config.add_asgi_app("/fast", fast, permission="use")
        config.add_asgi_app("/starlette", starlette)
        config.add_asgi_app("/graphql", graphql, permission="use")
        config.add_asgi_app("/tools", tools.streamable_http_app(), permission="use")
        config.add_asgi_app("/{tenant}/bare", bare)
        return config.make_wsgi_app()


def on_asgi():
    return asgi(main())
