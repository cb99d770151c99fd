"""The page with the buttons: a synchronous view with a template."""

import inspect
import re
from importlib.resources import files
from textwrap import dedent
from typing import Any

from markupsafe import Markup, escape
from pyramid.request import Request
from pyramid.view import view_config

from ..whereabouts import whereabouts
from .answer import answer_events, words
from .beads import add_bead, beads_events
from .blocking import blocking
from .chat import chat_socket
from .fan_out import fan_out
from .ordinary import ask_service, ordinary
from .planets import planets


@view_config(route_name="home", renderer="home.jinja2")
def home(request: Request) -> dict[str, Any]:
    """Show the panels, each with the source of its view."""
    return {
        "here": whereabouts(request),
        "sources": {
            "fan_out": source(fan_out),
            "blocking": source(blocking),
            "ordinary": source(ordinary) + "\n\n" + source(ask_service),
            "answer": source(answer_events) + "\n\n" + source(words),
            "planets": source(planets) + "\n\n" + loop_in_template(),
            "beads": source(beads_events) + "\n\n" + source(add_bead),
            "chat": source(chat_socket),
        },
    }


def source(view: Any) -> Markup:
    """Return the very code that runs, with the words that matter here in colour."""
    code = str(escape(inspect.getsource(view).rstrip()))
    code = re.sub(r"\b(async (?:def|for|with)|await)\b", r'<b class="on-loop">\1</b>', code)
    code = re.sub(r"^def\b|\btime\.sleep\b", r'<b class="in-thread">\g<0></b>', code, flags=re.M)
    return Markup(code)


def loop_in_template() -> str:
    """Return the part of a template in which the moons are loaded."""
    text = files("aiopyramid_demo").joinpath("templates/planets.jinja2").read_text()
    begin, end = text.index("{% for planet in"), text.index("</dl>")
    return dedent("  " + text[begin:end]).rstrip()
