"""The applications of ``database.py``: one query, in the manner of each framework.

``BENCHMARK_DATABASE`` names the folder of the socket of a PostgreSQL server.
"""

import os
from typing import Any

from _common import HELLO
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy import String, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

POOL = {"pool_size": 50, "max_overflow": 0, "pool_timeout": 60}
HEALTH = "/health/live"
SLEEP = text("select pg_sleep(0.1)")


class Base(DeclarativeBase):
    pass


class Greeting(Base):
    __tablename__ = "greetings"
    id: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str] = mapped_column(String(50))


def url(driver: str) -> str:
    """Return the URL of the database."""
    return f"postgresql+{driver}://postgres@/postgres?host={os.environ['BENCHMARK_DATABASE']}"


def query(request: Request) -> Response:
    """A view with the ordinary API, which is a coroutine view as well, see below."""
    greeting = request.dbsession.get(Greeting, 1)
    return Response(greeting.words, content_type="text/plain")


def sleep(request: Request) -> Response:
    request.dbsession.execute(SLEEP)
    return Response(HELLO, content_type="text/plain")


def ping(request: Request) -> Response:
    return Response(HELLO, content_type="text/plain")


def coroutine(view: Any) -> Any:
    async def coroutine_view(request: Request) -> Response:
        return view(request)

    return coroutine_view


def ours() -> Any:
    """Return the application with coroutine views and an asyncio driver."""
    settings = {f"sqlalchemy.{name}": str(value) for name, value in POOL.items()}
    with Configurator(settings=settings | {"sqlalchemy.url": url("asyncpg")}) as config:
        config.include("aiopyramid_sqlalchemy")
        config.add_health_view()
        for view in (query, sleep, ping):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(coroutine(view), route_name=view.__name__)
        return config.make_wsgi_app()


def threads() -> Any:
    """Return the application for threads, with a synchronous driver and without aiopyramid."""
    from sqlalchemy import create_engine

    engine = create_engine(url("psycopg2"), **POOL)

    def dbsession(request: Request) -> Session:
        session = Session(engine)
        request.add_finished_callback(lambda request: session.close())
        return session

    with Configurator() as config:
        config.add_request_method(dbsession, reify=True)
        for view in (query, sleep, ping):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__)
        config.add_route("health", HEALTH)
        config.add_view(ping, route_name="health")
        return config.make_wsgi_app()


def starlette() -> Any:
    """Return the application of another framework, with ``AsyncSession``."""
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    engine = create_async_engine(url("asyncpg"), **POOL)

    async def query(request: Request) -> PlainTextResponse:
        async with AsyncSession(engine) as session, session.begin():
            greeting = await session.get(Greeting, 1)
            return PlainTextResponse(greeting.words)

    async def sleep(request: Request) -> PlainTextResponse:
        async with AsyncSession(engine) as session, session.begin():
            await session.execute(SLEEP)
            return PlainTextResponse(HELLO)

    async def ping(request: Request) -> PlainTextResponse:
        return PlainTextResponse(HELLO)

    routes = [Route(f"/{view.__name__}", view) for view in (query, sleep, ping)]
    return Starlette(routes=[*routes, Route(HEALTH, ping)])
