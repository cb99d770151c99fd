"""What the tests share, as fixtures: pytest imports test modules such that none sees another."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pyramid.config import Configurator
from webob import Request, Response

from aiopyramid_core import spawn_greenlet
from aiopyramid_core.lifespan import lifespan_of


class Site:
    """An application with the toolbar and its panels, started on this event loop."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def get(self, path: str, client: str = "127.0.0.1") -> Response:
        """Send a request as a server does: in a greenlet, and in a context of its own."""
        request = Request.blank(path, environ={"REMOTE_ADDR": client})
        request.headers["Accept"] = "text/html"
        return await asyncio.create_task(spawn_greenlet(request.get_response, self.application))

    def panels(self, name: str = "waterfall") -> list[Any]:
        """Return the panels of all requests, the oldest first."""
        toolbars = [toolbar for _, toolbar in reversed(self.application.registry.pdtb_history)]
        return [panel for toolbar in toolbars for panel in toolbar.panels if panel.name == name]

    def traces(self) -> list[Any]:
        """Return the traces of all requests, the oldest first."""
        return [panel.trace for panel in self.panels()]

    def identity(self) -> str:
        """Return the toolbar's name of the last request."""
        identity: str = self.application.registry.pdtb_history[0][0]
        return identity


@pytest.fixture
def visit() -> Callable[..., Any]:
    """Return a function that configures an application and runs a coroutine function with it."""

    def visit(
        configure: Callable[[Configurator], Any],
        use: Callable[[Site], Any],
        *,
        include: bool = True,
        **settings: Any,
    ) -> Any:
        async def main() -> Any:
            config = Configurator(
                settings={"debugtoolbar.includes": "aiopyramid_debugtoolbar"} | settings
            )
            config.include("pyramid_debugtoolbar")
            if include:
                config.include("aiopyramid_core")
            configure(config)
            site = Site(config.make_wsgi_app())
            if not include:
                return await use(site)
            lifespan = lifespan_of(config.registry)
            await lifespan.start()
            try:
                return await use(site)
            finally:
                await lifespan.stop()

        return asyncio.run(main())

    return visit
