"""Servers of a Pyramid application in which ASGI applications are mounted."""

from collections.abc import Iterator
from typing import Any

import pytest

APPLICATIONS = {
    "gunicorn": "mounting_site:main()",
    "uvicorn": "--factory mounting_site:on_asgi",
}


@pytest.fixture(scope="session")
def mounting(server_class: Any) -> Iterator[dict[str, Any]]:
    """The servers that run."""
    running: dict[str, Any] = {}
    yield running
    for server in running.values():
        server.close()


@pytest.fixture(params=APPLICATIONS)
def site(mounting: dict[str, Any], server_class: Any, request: pytest.FixtureRequest) -> Any:
    """Each server in turn, with the application of ``site/mounting_site.py``."""
    name = request.param
    if name not in mounting:
        mounting[name] = server_class(name, APPLICATIONS[name])
    return mounting[name]
