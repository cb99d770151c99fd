import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from pyramid.router import Router
from pyramid_debugtoolbar.panels import DebugPanel
from webob import Response

Get = Callable[..., Coroutine[Any, Any, Response]]


@pytest.fixture(autouse=True)
def _messages_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="aiopyramid_demo")


def panels(app: Router, name: str) -> list[DebugPanel]:
    """Return the panels of this name of all recorded requests, the latest first."""
    toolbars = [toolbar for _, toolbar in app.registry.pdtb_history]
    return [panel for toolbar in toolbars for panel in toolbar.panels if panel.name == name]


def test_pages_carry_the_toolbars_button(get: Get) -> None:
    assert 'id="pShowToolBarButton"' in asyncio.run(get("/")).text


def test_every_panel_of_a_coroutine_view_can_be_opened(app: Router, get: Get) -> None:
    async def run() -> str:
        await get("/ordinary")
        return (await get("/_debug_toolbar/")).text

    page = asyncio.run(run())

    for name in ("headers", "logging", "performance", "renderings", "request_vars", "session"):
        assert f'id="pDebugPanel-{name}-content"' in page


def test_a_coroutine_request_is_not_profiled(app: Router, get: Get) -> None:
    async def run() -> None:
        pages = (get("/heartbeat", Cookie="pdtb_active=performance") for _ in range(5))
        await asyncio.gather(*pages)

    asyncio.run(run())

    found = panels(app, "performance")
    assert len(found) == 5
    for panel in found:
        assert panel.stats is None
        assert panel.total_time > 0


def test_a_synchronous_request_is_profiled(app: Router, get: Get) -> None:
    async def run() -> None:
        await asyncio.gather(
            *(get("/blocking", Cookie="pdtb_active=performance") for _ in range(3))
        )

    asyncio.run(run())

    found = panels(app, "performance")
    assert len(found) == 3
    for panel in found:
        assert any("blocking.py" in call["filename_long"] for call in panel.function_calls)


def test_the_logging_panel_shows_each_request_its_own_messages(app: Router, get: Get) -> None:
    async def run() -> None:
        await asyncio.gather(*(get("/ordinary") for _ in range(5)))

    asyncio.run(run())

    for panel in panels(app, "logging"):
        assert [record["message"] for record in panel.data["records"]] == [
            "waited on the event loop"
        ]


def test_the_logging_panel_shows_what_an_executor_thread_logged(app: Router, get: Get) -> None:
    asyncio.run(get("/blocking"))

    (panel,) = panels(app, "logging")
    assert [record["message"] for record in panel.data["records"]] == ["slept in a thread"]


def test_a_failing_coroutine_is_shown_with_its_frame(get: Get) -> None:
    response = asyncio.run(get("/failing"))

    assert response.status_int == 500
    assert "54 is not 42" in response.text
    assert "views/ordinary.py" in response.text
