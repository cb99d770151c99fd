import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiopyramid_demo import main
from aiopyramid_demo.database import create_tables
from aiopyramid_demo.models import Planet
from aiopyramid_demo.views import answer, fan_out
from pyramid.router import Router
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session
from webob import Request, Response

from aiopyramid_core.streaming import ServerSentEvent
from aiopyramid_sqlalchemy import get_engine

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


@contextmanager
def recorded_statements() -> Iterator[list[str]]:
    """Collect the statements of all engines."""
    statements: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", record)


def test_the_home_page_shows_the_source_of_each_view(get: Get) -> None:
    page = asyncio.run(get("/")).text

    assert "fan_out(request: Request)" in page
    assert "blocking(request: Request)" in page
    assert "ask_service(request: Request)" in page
    assert "words(seen: int)" in page
    assert "{% for moon in planet.moons %}" in page
    assert "add_bead(request: Request)" in page


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


def test_the_template_loads_the_moons_of_each_planet_when_it_asks_for_them(
    app: Router, get: Get
) -> None:
    create_tables(app.registry)

    with recorded_statements() as statements:
        page = asyncio.run(get("/planets")).text

    assert "<dd>Ganymede</dd>" in page
    assert "<b>on the event loop</b>" in page
    assert "<b>9 statements</b>" in page
    tables = [
        match[1] for each in statements if (match := re.search(r"FROM (planets|moons)", each))
    ]
    assert tables[-9:] == ["planets", *["moons"] * 8]


def test_the_tables_are_filled_once(app: Router) -> None:
    create_tables(app.registry)
    create_tables(app.registry)

    with Session(get_engine(app.registry)) as session:
        assert session.query(Planet).count() == 8


def test_a_new_browser_gets_the_answer_up_to_the_break_and_an_old_one_the_rest() -> None:
    async def run(seen: int) -> list[ServerSentEvent]:
        return [event async for event in answer.words(seen)]

    first = asyncio.run(run(0))
    second = asyncio.run(run(answer.BREAK))

    assert [event.id for event in (*first, *second)] == [
        *(str(number) for number in range(1, len(answer.ANSWER) + 1)),
        None,
    ]
    assert [event.data for event in (*first, *second)] == [*answer.ANSWER, ""]
    assert second[-1].event == "end"


@pytest.mark.parametrize(
    ("url", "is_multiprocess", "says"),
    [
        ("memory://", False, "in the memory of the only worker"),
        ("memory://", True, "in the memory of each.</b>"),
        ("redis://127.0.0.1:9", True, "The group is in Redis"),
    ],
)
def test_the_page_with_the_beads_says_how_far_they_get(
    settings: dict[str, str], url: str, is_multiprocess: bool, says: str
) -> None:
    app = main({}, **settings | {"aiopyramid.groups.url": url})
    request = Request.blank("/beads", environ={"wsgi.multiprocess": is_multiprocess})

    assert says in request.get_response(app).text
