"""``config.include("aiopyramid_groups")``: how this package becomes part of an application."""

from typing import Any, Final

from pyramid.exceptions import ConfigurationError

from aiopyramid_core.lifespan import lifespan_of

from ._hub import Hub, install
from .engine import Engine
from .memory import MemoryEngine
from .settings import MEMORY_URL, GroupsSettings

__all__ = ("includeme",)

_ENGINE_KEY: Final = "aiopyramid.groups.engine"
"""Registry key of an engine of the application's own."""


def includeme(config: Any) -> None:
    """Give the application groups.

    Includes ``aiopyramid_websocket`` and reads the settings ``aiopyramid.groups.*``.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.

    Raises:
        ConfigurationError: A setting is invalid, or ``aiopyramid.groups.url`` needs Redis's client,
            which is not installed.
    """
    config.include("aiopyramid_websocket")
    settings = GroupsSettings.from_mapping(config.registry.settings)
    engine: Engine = config.registry.get(_ENGINE_KEY) or _engine_for(settings)
    hub = Hub(engine, settings, lifespan_of(config.registry))
    install(config.registry, hub)
    config.add_startup(hub.start)
    config.add_shutdown(hub.stop)


def _engine_for(settings: GroupsSettings) -> Engine:
    if settings.url == MEMORY_URL:
        return MemoryEngine(settings.history)
    try:
        from .redis import RedisEngine
    except ImportError as error:
        raise ConfigurationError(
            f"aiopyramid.groups.url = {settings.url.partition(':')[0]}://… needs Redis's client:"
            " install aiopyramid-groups[redis]"
        ) from error
    return RedisEngine(settings)
