"""A string of beads that all windows share: a group of event streams, over all workers.

A window reads the group from an event stream. To add a bead it makes a request, which any worker
may answer: a synchronous view sends the bead to the group, and all windows get it.
"""

import json
import os
from typing import Any

from pyramid.httpexceptions import HTTPServiceUnavailable
from pyramid.request import Request
from pyramid.view import view_config

from aiopyramid_core import await_
from aiopyramid_core.streaming import EventStreamResponse, ServerSentEvent
from aiopyramid_groups import GroupsError, group_of

from ..whereabouts import whereabouts

FROM_THE_BEGINNING = "0-0"
LONGEST_WINDOW = 40  # characters


@view_config(route_name="beads", renderer="beads.jinja2")
def beads(request: Request) -> dict[str, Any]:
    """Show the page, and how far the beads of a window get."""
    is_in_memory = request.registry.settings["aiopyramid.groups.url"].startswith("memory:")
    return {
        "here": whereabouts(request),
        "is_in_memory": is_in_memory,
        "is_divided": is_in_memory and request.environ["wsgi.multiprocess"],
        "kept": int(request.registry.settings["aiopyramid.groups.history"]),
    }


@view_config(route_name="beads_events")
async def beads_events(request: Request) -> EventStreamResponse:
    """Be a member of the group as long as the window is open."""
    request.headers.setdefault("Last-Event-ID", FROM_THE_BEGINNING)
    events = group_of(request, "beads").events(request)
    events.put(ServerSentEvent(str(os.getpid()), event="worker"))
    return EventStreamResponse(events)


@view_config(route_name="beads_add", request_method="POST", renderer="string")
def add_bead(request: Request) -> str:
    """Send a bead to all windows: in a thread of whichever worker answers this request."""
    window = request.params.get("window", "")[:LONGEST_WINDOW]
    bead = json.dumps({"window": window, "worker": os.getpid()})
    try:
        return await_(group_of(request, "beads").send(bead))
    except GroupsError as error:  # Redis cannot be reached
        raise HTTPServiceUnavailable(str(error)) from None
