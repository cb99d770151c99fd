"""An application for a library, with coroutine views, on an event loop and in a thread."""

import asyncio
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request

import aiopyramid_core
from aiopyramid_core import spawn_greenlet


class Policy:
    """A security policy of coroutines, which knows Ann alone."""

    async def identity(self, request: Any) -> Any:
        await asyncio.sleep(0)
        return request.GET.get("user")

    async def authenticated_userid(self, request: Any) -> Any:
        return await self.identity(request)

    async def permits(self, request: Any, context: Any, permission: str) -> bool:
        return await self.identity(request) == "ann"

    async def remember(self, request: Any, userid: str, **options: Any) -> list[Any]:
        return []

    async def forget(self, request: Any, **options: Any) -> list[Any]:
        return []


@pytest.fixture
def config() -> Configurator:
    config = Configurator(package=aiopyramid_core)  # this module is in no package
    config.include("aiopyramid_core")
    config.set_security_policy(Policy())
    return config


Get = Callable[..., Response]


@pytest.fixture(params=["loop", "thread"])
def get(request: pytest.FixtureRequest, config: Configurator) -> Iterator[Get]:
    def get(path: str, **options: Any) -> Response:
        app = config.make_wsgi_app()
        blank = Request.blank(path, **options)

        async def on_the_loop() -> Response:
            return await spawn_greenlet(blank.get_response, app)

        if request.param == "loop":
            return asyncio.run(on_the_loop())
        return blank.get_response(app)

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield get


@pytest.fixture
def get_at_once(config: Configurator) -> Callable[..., list[Response]]:
    """Get several pages at the same time, on one event loop."""

    def get_at_once(*paths: str) -> list[Response]:
        app = config.make_wsgi_app()

        async def get_all() -> list[Response]:
            requests = [Request.blank(path) for path in paths]
            return await asyncio.gather(
                *(spawn_greenlet(request.get_response, app) for request in requests)
            )

        return asyncio.run(get_all())

    return get_at_once
