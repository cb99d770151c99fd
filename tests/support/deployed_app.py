"""An application whose event streams and WebSockets are members of one group: see ``deploy_load``.

It runs on gunicorn, uWSGI and ASGI servers.
"""

import json
import logging
import os
from typing import Any

from pyramid.config import Configurator

from aiopyramid_core.streaming import EventStreamResponse
from aiopyramid_groups import group_of, json_envelope

GROUP = "news"


async def live(request: Any, ws: Any) -> None:
    async def resync() -> None:
        await ws.send('{"resync": true}')

    await ws.send(json.dumps({"worker": os.getpid()}))
    member = group_of(request, GROUP).join(
        ws, after=request.params.get("after"), on_resync=resync, envelope=json_envelope
    )
    async with member:
        await ws.send('{"joined": true}')
        async for _ in ws:
            pass


async def feed(request: Any) -> EventStreamResponse:
    response = EventStreamResponse(group_of(request, GROUP).events(request))
    response.headers["X-Worker"] = str(os.getpid())
    return response


def main() -> Any:
    """Return the WSGI application."""
    logging.basicConfig(level=logging.WARNING)
    settings = {
        "aiopyramid.groups.url": os.environ["GROUPS_URL"],
        "aiopyramid.websocket.ping_interval": "600",
    }
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_uwsgi")  # does nothing on other servers
        config.include("aiopyramid_groups")
        config.add_route("live", "/live")
        config.add_route("feed", "/feed")
        config.add_websocket_view(live, route_name="live")
        config.add_view(feed, route_name="feed")
        return config.make_wsgi_app()


def asgi_main() -> Any:
    """Return the ASGI application."""
    from aiopyramid_asgi import asgi

    return asgi(main())
