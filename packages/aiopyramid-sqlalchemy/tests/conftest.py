"""An application with users and orders, as fixtures: pytest imports test modules such that none
sees another.
"""

import asyncio
import gc
import sys
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from pyramid.config import Configurator
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from webob import Request, Response

from aiopyramid_core import spawn_greenlet
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_sqlalchemy.testing.pytest_plugin import rolled_back

__all__ = ("rolled_back",)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    orders: Mapped[list["Order"]] = relationship(back_populates="user")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    what: Mapped[str]
    user: Mapped[User] = relationship(back_populates="orders")


@pytest.fixture
def models() -> ModuleType:
    """The mapped classes: ``models.User``, ``models.Order``."""
    return sys.modules[__name__]


@pytest.fixture
def database(tmp_path) -> Any:
    """A SQLite database with one user who has two orders: the path of its file."""
    path = tmp_path / "data.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into users values (1, 'ada')")
        connection.exec_driver_sql("insert into orders values (1, 1, 'tea'), (2, 1, 'milk')")
    engine.dispose()
    return path


@pytest.fixture
def names_in(database) -> Callable[[], set[str]]:
    """Look the users' names up, by another connection."""

    def names_in() -> set[str]:
        engine = create_engine(f"sqlite:///{database}")
        with engine.connect() as connection:
            names = set(connection.exec_driver_sql("select name from users").scalars())
        engine.dispose()
        return names

    return names_in


@pytest.fixture(params=["pyramid_tm", "without pyramid_tm"])
def with_tm(request) -> bool:
    """Whether the application includes pyramid_tm: each in turn."""
    return bool(request.param == "pyramid_tm")


@pytest.fixture
def build(database) -> Callable[..., Any]:
    """Build an application with views by their paths: ``build({"/": view})``."""

    def build(views=None, *, with_tm=False, configure=None, **settings):
        settings.setdefault("sqlalchemy.url", f"sqlite+aiosqlite:///{database}")
        if with_tm:
            settings.setdefault("tm.manager_hook", "pyramid_tm.explicit_manager")
        config = Configurator(settings=settings)
        if with_tm:
            config.include("pyramid_tm")
        config.include("aiopyramid_sqlalchemy")
        for path, view in (views or {}).items():
            config.add_route(path, path)
            config.add_view(view, route_name=path, renderer="json")
        if configure:
            configure(config)
        return config.make_wsgi_app()

    return build


@pytest.fixture
def serve(no_warnings) -> Callable[..., Any]:
    """Run a coroutine function as long as an application serves: ``serve(app, main)``.

    ``main`` takes a coroutine function that fetches a path.
    """

    async def fetch(app: Any, path: str) -> Response:
        return await spawn_greenlet(Request.blank(path).get_response, app)

    def serve(app: Any, main: Any) -> Any:
        async def run() -> Any:
            lifespan = lifespan_of(app.registry)
            await lifespan.start()
            try:
                async with asyncio.timeout(60):
                    return await main(lambda path: fetch(app, path))
            finally:
                await lifespan.stop()

        return asyncio.run(run())

    return serve


@pytest.fixture
def no_warnings() -> Iterator[None]:
    """Fail if anything, such as a connection that was lost, warned during the test."""
    gc.collect()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(warning.message) for warning in seen] == []
