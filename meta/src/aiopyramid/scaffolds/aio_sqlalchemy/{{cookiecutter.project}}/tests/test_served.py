"""The application on a server."""

from collections.abc import Callable

import pytest
from aiohttp import ClientSession
from aiopyramid_core.testing import Served


@pytest.mark.in_bridge
async def test_a_server_commits_notes(
    serve: Callable[..., Served], async_client: ClientSession, settings: dict[str, str]
) -> None:
    site = serve("{{ cookiecutter.package }}:main", "gunicorn", settings)

    async with async_client.post(site.url, data={"text": "tea"}) as response:
        assert "tea" in await response.text()  # of the page to which it was redirected
