import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiopyramid_demo.views import fan_out
from pyramid.router import Router
from webob import Response

Get = Callable[..., Coroutine[Any, Any, Response]]
Service = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def upstream(app: Router, service: Service) -> AsyncIterator[None]:
    """Let the application call ``service``, over a real socket."""
    served = web.Application()
    served.router.add_get("/", service)
    async with TestServer(served) as server:
        app.registry.settings["demo.upstream"] = str(server.make_url("/"))
        yield


def test_the_home_page_shows_the_source_of_each_view(get: Get) -> None:
    page = asyncio.run(get("/")).text

    assert "fan_out(request: Request)" in page
    assert "blocking(request: Request)" in page
    assert "ask_service(request: Request)" in page


def test_the_home_page_is_a_synchronous_view_and_says_that_it_ran_in_a_thread(get: Get) -> None:
    assert "<b>in a thread</b>" in asyncio.run(get("/")).text


def test_fan_out_has_all_fifty_calls_under_way_before_the_first_is_answered(
    app: Router, get: Get
) -> None:
    async def run() -> str:
        everybody = asyncio.Barrier(fan_out.CALLS)  # answers nobody until all have asked

        async def service(request: web.Request) -> web.Response:
            await everybody.wait()
            return web.json_response({"in_flight": everybody.n_waiting})

        async with upstream(app, service):
            return (await get("/fan-out")).text

    page = asyncio.run(run())

    assert page.count("--began") == fan_out.CALLS
    assert "<b>on the event loop</b>" in page


def test_fan_out_times_out_for_a_service_that_does_not_answer(
    app: Router, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fan_out, "PATIENCE", 0.1)

    async def run() -> int:
        never = asyncio.Event()

        async def service(request: web.Request) -> web.Response:
            await never.wait()
            raise AssertionError

        async with upstream(app, service):
            status = (await get("/fan-out")).status_int
            never.set()
            return status

    assert asyncio.run(run()) == 504


def test_upstream_answers_after_the_delay_it_was_asked_for(get: Get) -> None:
    assert asyncio.run(get("/upstream?delay=0.01")).json == {"delay": 0.01, "in_flight": 1}


@pytest.mark.parametrize("query", ["", "?delay=", "?delay=soon", "?delay=nan", "?delay=60"])
def test_upstream_refuses_a_delay_that_makes_no_sense(get: Get, query: str) -> None:
    assert asyncio.run(get(f"/upstream{query}")).status_int == 400


def test_the_heartbeat_goes_on_beside_a_blocking_view(get: Get) -> None:
    async def run() -> int:
        blocking = asyncio.create_task(get("/blocking"))
        beats = 0
        while not blocking.done():
            facts = (await get("/heartbeat")).json
            assert facts["on_loop"]
            beats += 1
            await asyncio.sleep(0.01)
        assert blocking.result().status_int == 200
        return beats

    assert asyncio.run(run()) > 20  # of about 200; one alone if the view held up the event loop


def test_a_synchronous_view_runs_in_a_thread_and_its_coroutine_on_the_loop(get: Get) -> None:
    page = asyncio.run(get("/ordinary")).text

    view, coroutine = page.split("async def ask_service")
    assert "<b>in a thread</b>" in view
    assert "<b>on the event loop</b>" in coroutine
