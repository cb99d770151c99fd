"""The application on a server."""

from collections.abc import Callable

import pytest
from aiohttp import ClientSession
from aiopyramid_core.testing import Served

SETTINGS = {"pyramid.includes": "aiopyramid"}


@pytest.mark.in_bridge
async def test_a_server_says_hello_and_is_ready(
    serve: Callable[..., Served], async_client: ClientSession
) -> None:
    site = serve("{{ cookiecutter.package }}:main", "gunicorn", SETTINGS)

    async with async_client.get(f"{site.url}/?sleep=0") as response:
        assert await response.text() == "Welcome to Pyramid with asyncio."
    async with async_client.get(f"{site.url}/health/ready") as response:
        assert response.status == 200
