"""A Pyramid application mounted in one of FastAPI or Starlette."""

import httpx
import pytest
from fastapi import FastAPI
from pyramid.config import Configurator
from starlette.applications import Starlette

pytestmark = pytest.mark.usefixtures("loop_factory")


@pytest.fixture
def legacy():
    """An application that notes its start and its end, and shows where it is."""
    config = Configurator()
    config.include("aiopyramid_asgi")
    config.registry.notes = notes = []
    config.add_startup(lambda registry: notes.append("started"))
    config.add_shutdown(lambda registry: notes.append("stopped"))

    async def where(request):
        return [request.script_name, request.path_info, request.route_url("where")]

    config.add_route("where", "/where")
    config.add_view(where, route_name="where", renderer="json")
    application = config.make_asgi_app()
    application.notes = notes
    return application


@pytest.mark.parametrize("framework", [FastAPI, Starlette])
async def test_it_has_the_lifespan_and_the_prefix_of_the_mount(legacy, framework):
    outer = framework(lifespan=legacy.lifespan)
    outer.mount("/legacy", legacy)
    async with outer.router.lifespan_context(outer):
        assert legacy.notes == ["started"]
        transport = httpx.ASGITransport(outer)
        async with httpx.AsyncClient(transport=transport, base_url="http://site.example") as client:
            answer = await client.get("/legacy/where")
    assert answer.json() == ["/legacy", "/where", "http://site.example/legacy/where"]
    assert legacy.notes == ["started", "stopped"]
