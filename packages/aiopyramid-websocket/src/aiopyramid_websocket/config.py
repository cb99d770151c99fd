"""Configuration of WebSocket views without naming a mapper."""

from typing import Any, Final

from pyramid.view import view_config

from .mapper import WebSocketMapper
from .settings import OPTIONS

__all__ = ("add_websocket_view", "websocket_config")


def add_websocket_view(config: Any, view: Any = None, **options: Any) -> None:
    """Add a WebSocket view: ``config.add_websocket_view(echo, route_name="echo")``.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.
        view: A view callable; see :class:`~aiopyramid_websocket.WebSocketMapper`.
        **options: The options of ``config.add_view``, and those of
            :meth:`.WebSocketMapper.configure`: ``accept``, which may be a dotted name here, and
            :class:`~aiopyramid_websocket.settings.WebSocketSettings`.

    Raises:
        ConfigurationError: An option is invalid, or the view is not a coroutine.
    """
    if "accept" in options:
        options["accept"] = config.maybe_dotted(options["accept"])
    config.add_view(view, **_with_mapper(options))


class websocket_config(view_config):
    """Declare a WebSocket view where it is defined; found by ``config.scan()``.

    ::

        @websocket_config(route_name="echo", max_size=4096)
        async def echo(ws): ...

    Args:
        **options: See :func:`add_websocket_view`.

    Raises:
        ConfigurationError: An option is invalid.
    """

    def __call__(self, wrapped: Any) -> Any:
        """Decorate a view."""
        plain = view_config.__new__(view_config)
        plain.__dict__.update(_with_mapper(self.__dict__))
        plain.__dict__["_depth"] = self.__dict__.get("_depth", 0) + 1  # this frame
        return plain(wrapped)


def _with_mapper(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a view, with those of the connection moved into a mapper."""
    of_view = {name: value for name, value in options.items() if name not in _OF_MAPPER}
    of_connection = {name: value for name, value in options.items() if name in _OF_MAPPER}
    mapper = of_view.pop("mapper", None) or WebSocketMapper
    return {**of_view, "mapper": mapper.configure(**of_connection)}


_OF_MAPPER: Final = frozenset({"accept", *OPTIONS})
