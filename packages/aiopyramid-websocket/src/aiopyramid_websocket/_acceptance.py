"""The application's answer to an opening handshake, before the 101 response is sent."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from pyramid.exceptions import ConfigurationError
from pyramid.interfaces import IResponse
from pyramid.util import object_description

from aiopyramid_core import await_
from aiopyramid_core.callables import called_by, is_coroutine_callable, prepare_generators

from .exceptions import InvalidAcceptance
from .settings import WebSocketSettings

__all__ = ("Accept", "Refused", "checked", "decide")

Accept = Callable[[Any], Awaitable[Any]]
"""Takes the request of an opening handshake, and decides whether it is accepted."""


class Refused(Exception):
    """The application has refused a handshake.

    Attributes:
        response: The response to the client.
    """

    def __init__(self, response: Any) -> None:
        super().__init__(response)
        self.response = response


def checked(accept: Any) -> Accept:
    """Return ``accept``, which can be called with a request.

    Raises:
        ConfigurationError: It is not a coroutine function.
    """
    called = called_by(accept, None)
    if not is_coroutine_callable(called):
        raise ConfigurationError(
            f"invalid WebSocket option accept: {object_description(accept)}, expected a coroutine"
            " function of (request)"
        )
    prepare_generators(called)
    function: Accept = accept
    return function


def decide(
    accept: Accept, request: Any, settings: WebSocketSettings
) -> tuple[WebSocketSettings, list[tuple[str, str]]]:
    """Ask the application whether it accepts a handshake; to be called in the request.

    Args:
        accept: The application's function.
        request: The request.
        settings: The settings of the view.

    Returns:
        The settings with the subprotocol that the application has chosen, if it has; and the header
        fields of ``request.response`` for the 101.

    Raises:
        BaseException: Any exception that ``accept`` has raised.
        InvalidAcceptance: The answer is invalid.
        Refused: The application has answered with a response.
    """
    answer = await_(accept(request))
    if isinstance(answer, str):
        _check_offered(answer, request.environ)
        settings = dataclasses.replace(settings, subprotocols=(answer,))
    elif answer is not None:
        raise Refused(_response(answer, request.registry))
    return settings, _fields(request)


def _response(answer: Any, registry: Any) -> Any:
    response = registry.queryAdapterOrSelf(answer, IResponse)
    if response is None:
        raise InvalidAcceptance(
            f"invalid return value of accept: {answer!r}, expected None, the name of a subprotocol"
            " or a response"
        )
    if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
        raise InvalidAcceptance(
            "accept returned a 101 response: to accept the handshake, return None or the name of a"
            " subprotocol, and set header fields in request.response"
        )
    return response


def _check_offered(subprotocol: str, environ: Mapping[str, Any]) -> None:
    offered = environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", "")
    if subprotocol not in [name.strip(" \t") for name in offered.split(",")]:
        raise InvalidAcceptance(
            f"accept chose the subprotocol {subprotocol!r}, expected one that the client offers:"
            f" {offered!r} (RFC 6455, 4.2.2)"
        )


def _fields(request: Any) -> list[tuple[str, str]]:
    """Return the fields that ``accept`` has set in ``request.response``."""
    if "response" not in request.__dict__:  # Pyramid creates it when it is used
        return []
    fields = [
        field for field in request.response.headerlist if field[0].lower() not in _OF_ENTITIES
    ]
    for name, _ in fields:
        if name.lower() in _OF_CONNECTIONS or name.lower().startswith("sec-websocket-"):
            raise InvalidAcceptance(
                f"accept set the header field {name}, which the handshake determines: to choose a"
                " subprotocol, return its name"
            )
    return fields


_OF_ENTITIES: Final = ("content-length", "content-type")
"""Fields that every new response has; a 101 does not have a body."""

_OF_CONNECTIONS: Final = ("connection", "upgrade")
