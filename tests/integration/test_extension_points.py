"""The table of extension points: whatever Pyramid calls may be a coroutine, wherever it runs.

Each row is asked three times: of coroutine functions, of ordinary functions that return a
coroutine, and of ordinary functions, which must answer what they answer in plain Pyramid.
"""

import asyncio
import functools
import gc
import http.client
import re
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from document_code import code_blocks, run_as_module
from extension_points import EXTENSION_POINTS, KINDS, ExtensionPoint, application, ordinary, said
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPConflict
from webob import Request

from aiopyramid_core import spawn_greenlet
from aiopyramid_core.testing import Served, serving

PAGE = Path(__file__).parents[2] / "docs/extension-points.md"

each_point = pytest.mark.parametrize(
    "point", EXTENSION_POINTS, ids=lambda point: re.sub(r"\W+", " ", point.name + point.directive)
)
each_kind = pytest.mark.parametrize("kind", KINDS)


def ask(app: Any, exchange: str) -> str:
    """Return the answer to an exchange; what is in the query of a POST is in its body, too."""
    method, _, path = exchange.rpartition(" ")
    form = dict(parse_qsl(urlsplit(path).query)) if method == "POST" else None
    return said(Request.blank(path, POST=form).get_response(app))


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """Fail if a coroutine was never awaited."""
    gc.collect()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(each.message) for each in seen if each.category is RuntimeWarning] == []


@each_point
def test_a_row_says_what_plain_pyramid_does(point: ExtensionPoint) -> None:
    app, exchanges = application(point, ordinary, plain=True)
    assert {each: ask(app, each) for each in exchanges} == exchanges


@each_point
@each_kind
@pytest.mark.usefixtures("nothing_is_left")
def test_it_works_in_a_thread(point: ExtensionPoint, kind: str) -> None:
    app, exchanges = application(point, KINDS[kind])
    assert {each: ask(app, each) for each in exchanges} == exchanges


@each_point
@each_kind
@pytest.mark.usefixtures("nothing_is_left")
def test_it_works_on_the_loop(point: ExtensionPoint, kind: str) -> None:
    app, exchanges = application(point, KINDS[kind])

    async def main() -> dict[str, str]:
        return {each: await spawn_greenlet(ask, app, each) for each in exchanges}

    assert asyncio.run(main()) == exchanges


@each_point
@each_kind
def test_what_the_application_has_written_stays_as_it_is(point: ExtensionPoint, kind: str) -> None:
    written = []

    def state(function: Any) -> Any:
        # Less the description of a view, which Pyramid itself adds to its function.
        attributes = {key: value for key, value in vars(function).items() if key != "__text__"}
        return function, function.__code__, attributes

    def make(function: Callable[..., Any]) -> Callable[..., Any]:
        made = KINDS[kind](function)
        written.append(state(made))
        return made

    app, exchanges = application(point, make)
    for each in exchanges:
        ask(app, each)
    assert written
    assert [state(function) for function, _, _ in written] == written


# --- Real servers ---------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["gunicorn", "waitress"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with serving("extension_points:main", request.param) as served:
        yield served


@each_point
@each_kind
def test_it_works_on_a_server(served: Served, point: ExtensionPoint, kind: str) -> None:
    _, exchanges = application(point, KINDS[kind])
    prefix = f"/{EXTENSION_POINTS.index(point)}/{kind}"
    address = urlsplit(served.url)

    def answer(exchange: str) -> str:
        method, _, path = exchange.rpartition(" ")
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        is_form = method == "POST"
        body = urlsplit(path).query if is_form else None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if is_form else {}
        connection.request(method or "GET", prefix + path, body, headers)
        response = connection.getresponse()
        text = response.read().decode().replace(f"{prefix}/", "/")
        connection.close()
        return f"{response.status} {text}"

    assert {each: answer(each) for each in exchanges} == exchanges
    assert "never awaited" not in served.log


# --- The documents --------------------------------------------------------------------------------


def test_the_documented_table_is_this_one() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)[1:]
    assert rows == [(point.name, point.directive) for point in EXTENSION_POINTS]


class Conflict(Exception):
    """What the documented view raises."""


async def book(seat: str) -> Any:
    await asyncio.sleep(0)
    raise Conflict(f"{seat} is taken")


async def find_user(name: str | None) -> Any:
    await asyncio.sleep(0)
    return SimpleNamespace(id=f"id of {name}") if name else None


def test_the_documented_code_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Configurator(session_factory=lambda request: dict(request.GET))
    config.include("aiopyramid_core")
    seconds: list[float] = []

    async def add(taken: float) -> None:
        seconds.append(taken)

    given = {
        "Conflict": Conflict,
        "HTTPConflict": HTTPConflict,
        "book": book,
        "config": config,
        "find_user": find_user,
        "functools": functools,
        "statistics": SimpleNamespace(add=add),
        "time": time,
    }
    code = run_as_module(code_blocks(PAGE.read_text()), tmp_path, monkeypatch, **given)
    config.add_tween(f"{code.__name__}.timing_tween_factory")
    config.add_route("seat", "/{seat}")
    config.add_view(code.reserve, route_name="seat", permission="book")
    app = config.make_wsgi_app()
    assert ask(app, "/12")[:3] == "403"
    answer = ask(app, "/12?user=ann")
    assert (answer[:3], "12 is taken" in answer) == ("409", True)
    assert len(seconds) == 2
