"""A small Pyramid application on asyncio, to look at in a browser.

There is nothing here that an ordinary Pyramid application does not have, but for one line that
includes ``aiopyramid_core``, and one for WebSockets and groups of them. Read ``views/fan_out.py``
next, then ``views/chat.py``.
"""

from typing import Any

from pyramid.config import Configurator
from pyramid.router import Router


def main(global_config: dict[str, str], **settings: Any) -> Router:
    """Make the application from the settings in ``development.ini``."""
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_core")  # from here on, any view may be a coroutine
        config.include("aiopyramid_groups")  # and a view may be a WebSocket, in a group of them
        config.include("pyramid_jinja2")
        config.add_jinja2_search_path("templates")
        config.include(".database")
        config.include(".traffic")

        config.add_static_view("static", "static")
        config.add_route("home", "/")
        config.add_route("fan_out", "/fan-out")
        config.add_route("upstream", "/upstream")
        config.add_route("blocking", "/blocking")
        config.add_route("heartbeat", "/heartbeat")
        config.add_route("ordinary", "/ordinary")
        config.add_route("failing", "/failing")
        config.add_route("answer", "/answer")
        config.add_route("answer_events", "/answer/events")
        config.add_route("planets", "/planets")
        config.add_route("beads", "/beads")
        config.add_route("beads_events", "/beads/events")
        config.add_route("beads_add", "/beads/add")
        config.add_route("chat", "/chat")
        config.add_route("chat_socket", "/chat/socket")
        config.scan(".views")
        return config.make_wsgi_app()
