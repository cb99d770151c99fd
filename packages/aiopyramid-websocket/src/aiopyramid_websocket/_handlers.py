"""From a view callable of any shape to a handler of one connection."""

import inspect
from collections.abc import Callable
from typing import Any

from pyramid.exceptions import ConfigurationError
from pyramid.util import object_description, takes_one_arg

from aiopyramid_core.callables import called_by, is_coroutine_callable, prepare_generators

from ._session import Handler

__all__ = ("MakeHandler", "handler_maker")

MakeHandler = Callable[[Any, Any], Handler]
"""Takes context and request."""


def handler_maker(view: Any, attr: str | None) -> MakeHandler:
    """Return a function that makes a handler for each connection.

    Args:
        view: A class that is called with ``(context, request)`` or ``(request)``, like any view
            class, and whose instances are called with ``(ws)``; or a callable of ``(ws)``,
            ``(request, ws)`` or ``(context, request, ws)``.
        attr: The name of the method to call instead of the class's or instance's ``__call__``.

    Raises:
        ConfigurationError: The callable is not a coroutine.
    """
    called = called_by(view, attr)
    if not is_coroutine_callable(called):
        description = object_description(view)
        raise ConfigurationError(
            f"WebSocketMapper cannot map {f'attr {attr} of ' if attr else ''}{description}: it is"
            " not a coroutine. Declare it with 'async def'."
        )
    prepare_generators(called)
    if inspect.isclass(view):
        return _maker_of_instances(view, attr or "__call__")
    return _maker_of_calls(called)


def _maker_of_instances(view: Any, attr: str) -> MakeHandler:
    takes_request_only = takes_one_arg(view, argname="request")

    def make_handler(context: Any, request: Any) -> Handler:
        instance = view(request) if takes_request_only else view(context, request)
        handler: Handler = getattr(instance, attr)
        return handler

    return make_handler


def _maker_of_calls(function: Any) -> MakeHandler:
    count = _count_of_parameters(function)

    def make_handler(context: Any, request: Any) -> Handler:
        leading = (context, request)[3 - count :]
        return lambda ws: function(*leading, ws)

    return make_handler


def _count_of_parameters(function: Any) -> int:
    """Return how many of context, request and WebSocket a callable takes."""
    parameters = inspect.signature(function).parameters.values()
    needed = [
        parameter
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    ]
    if not 1 <= len(needed) <= 3:
        raise ConfigurationError(
            f"WebSocketMapper cannot map {object_description(function)}: it must take (ws),"
            " (request, ws) or (context, request, ws)."
        )
    return len(needed)
