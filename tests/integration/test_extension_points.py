"""The table of extension points on real servers, and in the documents.

The content of each row is tested by ``test_extension_points.py`` of aiopyramid-core."""

import asyncio
import functools
import http.client
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from document_code import code_blocks, run_as_module
from extension_points import EXTENSION_POINTS, KINDS, ExtensionPoint, application, ask
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPConflict
from pyramid.response import Response

from aiopyramid_core.testing import Served, serving

PAGE = Path(__file__).parents[2] / "docs/extension-points.md"

each_point = pytest.mark.parametrize(
    "point", EXTENSION_POINTS, ids=lambda point: re.sub(r"\W+", " ", point.name + point.directive)
)
each_kind = pytest.mark.parametrize("kind", KINDS)


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
    """The exception that the documented view raises."""


async def book(seat: str) -> Any:
    await asyncio.sleep(0)
    raise Conflict(f"{seat} is taken")


async def find_user(name: str | None) -> Any:
    await asyncio.sleep(0)
    return SimpleNamespace(id=f"id of {name}") if name else None


class Library:
    """A library that calls a function, without ``functools.wraps``, and uses its result."""

    def get(self, path: str) -> Any:
        def decorator(function: Any) -> Any:
            self.view = lambda request: Response(function(request, request.GET["id"]).id)
            return function

        return decorator


def test_the_documented_code_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Configurator(session_factory=lambda request: dict(request.GET))
    config.include("aiopyramid_core")
    seconds: list[float] = []

    async def add(taken: float) -> None:
        seconds.append(taken)

    library = Library()
    given = {
        "Conflict": Conflict,
        "HTTPConflict": HTTPConflict,
        "User": SimpleNamespace,
        "api": library,
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
    config.add_route("user", "/of/library")
    config.add_view(library.view, route_name="user")
    app = config.make_wsgi_app()
    assert ask(app, "/12")[:3] == "403"
    answer = ask(app, "/12?user=ann")
    assert (answer[:3], "12 is taken" in answer) == ("409", True)
    assert ask(app, "/of/library?id=7").endswith("id of 7")
    assert len(seconds) == 3
