"""debugtoolbar: the panels that count on one request per thread."""

import asyncio
import logging

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid_debugtoolbar.panels.performance import PerformanceDebugPanel
from webob import Request

from aiopyramid_core import spawn_greenlet
from aiopyramid_core._isolation.debugtoolbar import ContextHandler, PerformancePanel

PAGE = "<html><body>page</body></html>"
_log = logging.getLogger("some.application")


def build(**settings):
    config = Configurator(settings=settings)
    config.include("pyramid_debugtoolbar")
    config.include("aiopyramid_core")

    async def coroutine(request):
        await asyncio.sleep(0.01)
        _log.warning("from %s", request.path_qs)
        return Response(PAGE)

    def synchronous(request):
        _log.warning("from %s", request.path_qs)
        return Response(PAGE)

    config.add_view(coroutine, name="coroutine")
    config.add_view(synchronous, name="synchronous")
    return config.make_wsgi_app()


async def get(app, path, cookie="pdtb_active=performance"):
    request = Request.blank(path, headers={"Cookie": cookie}, environ={"REMOTE_ADDR": "127.0.0.1"})
    async with asyncio.timeout(20):
        return await asyncio.create_task(spawn_greenlet(request.get_response, app))


def panels(app, name):
    toolbars = [toolbar for _, toolbar in app.registry.pdtb_history]
    return [panel for toolbar in toolbars for panel in toolbar.panels if panel.name == name]


def test_coroutine_requests_at_the_same_time_do_not_wait_for_each_others_profile(run):
    async def main():
        app = build()
        await asyncio.gather(*(get(app, "/coroutine") for _ in range(5)))
        (_, toolbar), *_ = app.registry.pdtb_history
        page = await get(app, f"/_debug_toolbar/{toolbar.request.pdtb_id}", cookie="")
        return panels(app, "performance"), page.text

    found, page = run(main)
    assert [panel.stats for panel in found] == [None] * 5
    assert "it was not profiled" in " ".join(page.split())
    assert "Activate the checkbox" not in page


def test_synchronous_requests_are_profiled(run):
    async def main():
        app = build()
        await asyncio.gather(*(get(app, "/synchronous") for _ in range(3)))
        return panels(app, "performance")

    found = run(main)
    assert len(found) == 3
    for panel in found:
        assert any("test_debugtoolbar.py" in c["filename_long"] for c in panel.function_calls)


@pytest.mark.parametrize("path", ["/coroutine", "/synchronous"])
def test_each_request_shows_its_own_messages(run, path):
    async def main():
        app = build()
        await asyncio.gather(*(get(app, f"{path}?{number}") for number in range(5)))
        return panels(app, "logging")

    messages = [[record["message"] for record in p.data["records"]] for p in run(main)]
    assert sorted(messages) == [[f"from {path}?{number}"] for number in range(5)]


@pytest.mark.parametrize(
    "named",
    [
        [PerformanceDebugPanel],
        ["performance"],
        "pyramid_debugtoolbar.panels.performance.PerformanceDebugPanel",
    ],
)
def test_a_panel_that_the_settings_name_is_replaced_too(run, named):
    async def main():
        app = build(**{"debugtoolbar.panels": named})
        await get(app, "/coroutine")
        return panels(app, "performance")

    assert [type(panel) for panel in run(main)] == [PerformancePanel]


def test_a_panel_of_the_applications_own_is_left_alone(run):
    class Own(PerformanceDebugPanel):
        pass

    async def main():
        app = build(**{"debugtoolbar.panels": [Own]})
        await get(app, "/synchronous")
        return panels(app, "performance")

    assert [type(panel) for panel in run(main)] == [Own]


def test_messages_logged_outside_of_a_request_are_not_kept():
    handler = ContextHandler()
    handler.emit(logging.makeLogRecord({"msg": "nobody's"}))
    assert handler.get_records() == []
