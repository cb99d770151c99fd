"""WebSocket views as classes."""

import inspect
from typing import Any

from aiopyramid_core.callables import prepare_generators

from ._messages import Message
from .mapper import WebSocketMapper
from .websocket import WebSocket

__all__ = ("WebSocketConnectionView", "WebsocketConnectionView")


class WebSocketConnectionView:
    """A WebSocket view whose methods are called for events; one instance per connection.

    ::

        @view_config(route_name="echo")
        class Echo(WebSocketConnectionView):
            async def on_message(self, message):
                await self.send(message)

    The methods may be coroutine functions, generator functions that delegate with ``yield from``,
    or synchronous functions. A synchronous one also runs on the event loop, so it must not block.

    Attributes:
        context: The context of the view.
        request: The request that opened the connection.
        ws: The :class:`~aiopyramid_websocket.WebSocket`; not available yet in ``__init__``.
    """

    __view_mapper__ = WebSocketMapper

    ws: WebSocket

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for method in (cls.on_open, cls.on_message, cls.on_close):
            prepare_generators(method)

    def __init__(self, context: Any, request: Any) -> None:
        self.context = context
        self.request = request

    async def __call__(self, ws: WebSocket) -> None:
        """Handle the connection."""
        self.ws = ws
        try:
            await _awaited(self.on_open())
            while (message := await ws.recv()) is not None:
                await _awaited(self.on_message(message))
        finally:
            await _awaited(self.on_close())

    def on_open(self) -> Any:
        """Handle the opening of the connection."""

    def on_message(self, message: Message) -> Any:
        """Handle a message; the next one is delivered after this has returned.

        Args:
            message: ``str`` for a text message, ``bytes`` for a binary one.
        """

    def on_close(self) -> Any:
        """Handle the end of the connection or the handler; see ``self.ws.close_code`` for why.

        Called once if ``on_open`` was called, even if another method has failed.
        """

    def send(self, message: Any) -> Any:
        """Send a message; see :meth:`aiopyramid_websocket.WebSocket.send`."""
        return self.ws.send(message)


WebsocketConnectionView = WebSocketConnectionView  # the spelling of aiopyramid 0.x


async def _awaited(result: Any) -> None:
    # The returned value decides, because a subclass may define its method in any form.
    if inspect.isawaitable(result):
        await result
