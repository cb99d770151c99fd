"""The application on a server."""

from collections.abc import Callable

import pytest
from aiohttp import ClientSession
from aiopyramid_core.testing import Served

SETTINGS = {"pyramid.includes": "aiopyramid pyramid_jinja2"}


@pytest.mark.in_bridge
async def test_a_server_has_the_page_and_the_websocket(
    serve: Callable[..., Served], async_client: ClientSession
) -> None:
    site = serve("{{ cookiecutter.package }}:main", "gunicorn", SETTINGS)

    async with async_client.get(f"{site.url}/?sleep=0") as response:
        assert response.status == 200
    async with async_client.ws_connect(f"{site.url}/echo") as ws:
        await ws.send_str("hello")
        assert await ws.receive_str(timeout=10) == "hello"
