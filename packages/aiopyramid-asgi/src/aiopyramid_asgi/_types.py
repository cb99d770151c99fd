"""The types of ASGI 3.0: the arguments of an application."""

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ("ASGIApplication", "Message", "Receive", "Scope", "Send")

Scope = dict[str, Any]
"""A server's description of a connection."""

Message = dict[str, Any]
"""An event, from the server or for it."""

Receive = Callable[[], Awaitable[Message]]
"""Waits for the next event from the client."""

Send = Callable[[Message], Awaitable[None]]
"""Sends an event, and waits for the client as the server sees fit."""

ASGIApplication = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application."""
