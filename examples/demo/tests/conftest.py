"""The demo's application, called as a server would call it, but without one."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiopyramid_demo import main
from pyramid.router import Router
from webob import Request, Response

from aiopyramid_core import spawn_greenlet

Get = Callable[..., Coroutine[Any, Any, Response]]


@pytest.fixture
def app() -> Router:
    return main(
        {},
        **{
            "demo.upstream": "http://127.0.0.1:9/upstream",  # nobody listens there
            "pyramid.includes": "pyramid_debugtoolbar",
            "debugtoolbar.includes": "aiopyramid_demo.toolbar",
        },
    )


@pytest.fixture
def get(app: Router) -> Get:
    """Get a page on the running event loop, from this machine: the toolbar serves no other."""

    async def get(path: str, **headers: str) -> Response:
        request = Request.blank(path, headers=headers, environ={"REMOTE_ADDR": "127.0.0.1"})
        return await asyncio.wait_for(spawn_greenlet(request.get_response, app), timeout=10)

    return get
