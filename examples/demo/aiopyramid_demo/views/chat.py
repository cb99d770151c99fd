"""A chat room: a page, and the WebSocket that each window with it holds open."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from pyramid.request import Request
from pyramid.view import view_config

from aiopyramid_websocket import WebSocket, WebsocketClosed, websocket_config

from ..room import LONGEST_NAME, Room
from ..whereabouts import whereabouts

LONGEST_TEXT = 500  # characters


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
    room = request.registry.room
    with room.entered(request.params.get("name", "")) as name:
        await ws.send(json.dumps({"you": name}))
        telling = asyncio.create_task(tell(room, ws))
        try:
            async for text in ws:
                if isinstance(text, bytes):
                    await ws.close(1003, "text only, please")
                elif text.strip():
                    room.say(name, text.strip())
        finally:
            telling.cancel()


async def tell(room: Room, ws: WebSocket) -> None:
    """Send what happens in the room, at the window's own pace."""
    with suppress(WebsocketClosed):
        async for update in room.follow():
            await ws.send(json.dumps(update))
