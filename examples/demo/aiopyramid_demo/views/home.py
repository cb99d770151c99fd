"""The page with the buttons: a synchronous view with a template."""

import inspect
import re
from typing import Any

from markupsafe import Markup, escape
from pyramid.request import Request
from pyramid.view import view_config

from ..whereabouts import whereabouts
from .blocking import blocking
from .chat import chat_socket
from .fan_out import fan_out
from .ordinary import ask_service, ordinary


@view_config(route_name="home", renderer="home.jinja2")
def home(request: Request) -> dict[str, Any]:
    """Show the panels, each with the source of its view."""
    return {
        "here": whereabouts(request),
        "sources": {
            "fan_out": source(fan_out),
            "blocking": source(blocking),
            "ordinary": source(ordinary) + "\n\n" + source(ask_service),
            "chat": source(chat_socket),
        },
    }


def source(view: Any) -> Markup:
    """Return the very code that runs, with the words that matter here in colour."""
    code = str(escape(inspect.getsource(view).rstrip()))
    code = re.sub(r"\b(async (?:def|for|with)|await)\b", r'<b class="on-loop">\1</b>', code)
    code = re.sub(r"^def\b|\btime\.sleep\b", r'<b class="in-thread">\g<0></b>', code, flags=re.M)
    return Markup(code)
