"""The code of ``README.md``, run as one application, and that of ``meta/README.md``."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from document_code import code_blocks, run_as_module
from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request

from aiopyramid_core import spawn_greenlet

ROOT = Path(__file__).parent.parent


async def fetch(city: str) -> str:
    await asyncio.sleep(0)
    return f"rain in {city}"


async def fetch_user(name: str) -> str:
    await asyncio.sleep(0)
    return f"user {name}"


def test_the_front_page_shows_an_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def configurator(**options: object) -> Configurator:
        """Keep what the code on the page does not return: it ends where yours begins."""
        session = {"user": "ann"}
        made.append(
            Configurator(autocommit=True, session_factory=lambda request: session, **options)
        )
        return made[-1]

    code = run_as_module(
        code_blocks((ROOT / "README.md").read_text()),
        tmp_path,
        monkeypatch,
        Configurator=configurator,
        asyncio=asyncio,
        database=SimpleNamespace(fetch_user=fetch_user),
        fetch=fetch,
        render_the_slow_old_way=lambda request: {"old": request.identity},
    )
    code.main({})
    (config,) = made
    config.set_security_policy(code.Policy())
    config.add_route("weather", "/weather/{city}")
    config.add_route("report", "/report")
    config.add_view(code.weather, route_name="weather", renderer="json")
    config.add_view(code.report, route_name="report", renderer="json", permission="read")
    application = config.make_wsgi_app()

    async def get(path: str) -> Response:
        return await spawn_greenlet(Request.blank(path).get_response, application)

    assert asyncio.run(get("/weather/Oslo")).json == {"now": "rain in Oslo"}
    assert asyncio.run(get("/report")).json == {"old": "user ann"}


def test_all_packages_are_included_by_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Configurator(autocommit=True)
    readme = (ROOT / "meta/README.md").read_text()
    run_as_module(code_blocks(readme), tmp_path, monkeypatch, config=config)

    assert callable(config.add_startup)
    assert callable(config.add_websocket_view)
