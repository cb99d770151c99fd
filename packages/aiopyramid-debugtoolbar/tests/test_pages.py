"""_pages and panels: what the toolbar shows, and to whom."""

import asyncio
import json
import logging
import time

import pytest
from pyramid.response import Response

from aiopyramid_core.streaming import EventStreamResponse

PAGE = "<html><body>page</body></html>"
MARKUP = "<script>alert(1)</script>"


async def view(request):
    await asyncio.sleep(0.01)
    return Response(PAGE)


def configure(config):
    config.add_route("any", "/{name:.*}")
    config.add_view(view, route_name="any")


PATHS = ["/{0}", "/{0}/waterfall", "/{0}/waterfall.json", "/open/connections"]


@pytest.mark.parametrize("path", PATHS)
def test_the_toolbar_shows_the_pages_to_this_machine_only(visit, path):
    async def use(site):
        await site.get("/page")
        url = f"/_debug_toolbar{path.format(site.identity())}"
        there, elsewhere = await site.get(url), await site.get(url, client="203.0.113.9")
        return there, elsewhere

    there, elsewhere = visit(configure, use)
    assert there.status_int == 200
    assert "Waterfall" in there.text or "WebSocket" in there.text or "traceEvents" in there.text
    assert elsewhere.text == PAGE  # the application's answer: there is no toolbar for this client


@pytest.mark.parametrize("path", ["/{0}", "/{0}/waterfall"])
def test_text_of_the_request_is_not_markup(visit, path):
    async def named_task(request):
        await asyncio.create_task(asyncio.sleep(0.01), name=MARKUP)
        return Response(PAGE)

    async def use(site):
        await site.get("/")
        return (await site.get(f"/_debug_toolbar{path.format(site.identity())}")).text

    page = visit(lambda config: config.add_view(named_task), use)
    assert MARKUP not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize("path", ["/nothing/waterfall", "/nothing/waterfall.json"])
def test_a_request_that_the_toolbar_does_not_remember_is_not_found(visit, path):
    async def use(site):
        await site.get("/page")
        return await site.get(f"/_debug_toolbar{path}")

    assert visit(configure, use).status_int == 404


def test_the_export_is_a_file_of_json(visit):
    async def use(site):
        await site.get("/page")
        return await site.get(f"/_debug_toolbar/{site.identity()}/waterfall.json")

    response = visit(configure, use)
    assert response.content_type == "application/json"
    assert response.content_disposition == 'attachment; filename="waterfall.json"'
    assert {event["name"] for event in json.loads(response.text)["traceEvents"]} > {"sleep"}


def test_the_waterfall_shows_side_reason_wait_and_line(visit):
    async def use(site):
        await site.get("/page")
        return (await site.get(f"/_debug_toolbar/{site.identity()}")).text

    page = " ".join(visit(configure, use).split())
    assert "on the event loop (route &#39;any&#39;: the view is a coroutine)" in page
    assert "await asyncio.sleep(0.01)" in page
    assert "test_pages.py:" in page


def test_a_block_of_the_event_loop_is_shown_with_its_culprit(visit):
    async def blocking(request):
        await asyncio.sleep(0)
        time.sleep(0.4)
        return Response(PAGE)

    async def use(site):
        await site.get("/")
        url = f"/_debug_toolbar/{site.identity()}/waterfall"
        async with asyncio.timeout(20):
            while "was blocked" not in (page := (await site.get(url)).text):
                await asyncio.sleep(0.05)
        return page

    page = visit(lambda config: config.add_view(blocking), use)
    assert "blocking (" in page


def test_the_open_event_streams_are_shown_and_then_the_closed_ones(visit):
    async def events(request):
        async def ticks():
            yield "tick"
            await asyncio.sleep(3600)

        return EventStreamResponse(ticks())

    async def use(site):
        response = await site.get("/")
        body = response.app_iter
        await anext(aiter(body))
        opened = (await site.get("/_debug_toolbar/open/connections")).text
        await body.aclose()
        return opened, (await site.get("/_debug_toolbar/open/connections")).text

    opened, closed = visit(lambda config: config.add_view(events), use)
    assert "event stream" in opened
    assert "1 (12 B)" in opened
    assert "Closed" not in opened
    assert "no event stream is open" in closed
    assert "Closed" in closed


def test_an_application_without_the_include_is_told(visit, caplog):
    def synchronous(request):
        return Response(PAGE)

    async def use(site):
        await site.get("/")
        return (await site.get(f"/_debug_toolbar/{site.identity()}")).text

    with caplog.at_level(logging.WARNING, "aiopyramid_debugtoolbar"):
        page = visit(lambda config: config.add_view(synchronous), use, include=False)
    assert "the application does not include aiopyramid_core" in page
    assert "Call config.include('aiopyramid_core')" in caplog.text
