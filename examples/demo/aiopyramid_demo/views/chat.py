"""A chat room: a page, and the WebSocket that each window with it holds open.

The room is a group. Windows on all workers are its members, and it keeps the latest lines, with
which a new window begins. A window that lost its connection resumes after its last line.
"""

import itertools
import json
import time
from collections.abc import Container
from contextlib import suppress
from typing import Any

from pyramid.request import Request
from pyramid.view import view_config

from aiopyramid_groups import Group, GroupsError, group_of
from aiopyramid_websocket import WebSocket, websocket_config

from ..whereabouts import whereabouts

LONGEST_NAME = 24  # characters
LONGEST_TEXT = 500
FROM_THE_BEGINNING = "0-0"


@view_config(route_name="chat", renderer="chat.jinja2")
def chat(request: Request) -> dict[str, Any]:
    """Show the page; all else is the script's, over the WebSocket."""
    return {
        "here": whereabouts(request),
        "longest_name": LONGEST_NAME,
        "longest_text": LONGEST_TEXT,
    }


@websocket_config(route_name="chat_socket", max_size=4 * LONGEST_TEXT)  # bytes
async def chat_socket(request: Request, ws: WebSocket) -> None:
    """Be in the room as long as the window is open."""
    room = group_of(request, "chat")
    name = free_name(request.params.get("name", ""), await room.members())
    await tell(ws, you=name)

    async def begin_anew() -> None:
        await tell(ws, begins=True)  # the lines that follow are all that the room has kept

    after = request.params.get("after", FROM_THE_BEGINNING)
    async with room.join(
        ws, who=name, after=after, slow="drop", on_resync=begin_anew, envelope=line_with_id
    ):
        await say(room, f"{name} has come in")
        async for text in ws:
            if isinstance(text, bytes):
                await ws.close(1003, "text only, please")
                continue
            try:
                if text.strip():
                    await say(room, text.strip(), who=name)
                else:  # a question
                    await tell(ws, here=await room.members())
            except GroupsError as error:  # Redis cannot be reached
                await tell(ws, failed=str(error), text=text)
    with suppress(GroupsError):
        await say(room, f"{name} has left")


async def say(room: Group, text: str, who: str | None = None) -> None:
    """Send a line to all windows."""
    await room.send_json({"at": time.time(), "who": who, "text": text})


async def tell(ws: WebSocket, **update: Any) -> None:
    """Send something to this window only."""
    await ws.send(json.dumps(update))


def line_with_id(id: str, line: str | bytes) -> str:
    """Return a line as windows get it: with the identifier from which they can resume."""
    return json.dumps({"id": id, "line": json.loads(line)})


def free_name(wish: str, here: Container[str]) -> str:
    """Return a name that nobody in the room has."""
    wish = " ".join(wish.split())[:LONGEST_NAME] or "Somebody"
    names = itertools.chain([wish], (f"{wish} {number}" for number in itertools.count(2)))
    return next(name for name in names if name not in here)
