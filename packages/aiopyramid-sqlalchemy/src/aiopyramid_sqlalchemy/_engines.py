"""The engines of an application, created from its settings.

``sqlalchemy.url`` and the other settings that begin with ``sqlalchemy.`` describe the engine that
is called ``default``; they are those of SQLAlchemy's ``engine_from_config``. Settings that begin
with ``sqlalchemy.reporting.`` describe an engine that is called ``reporting``.

An engine is created once per process: when the worker starts, in the process that serves, so that
no connection is shared with the process in which the application was loaded.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pyramid.exceptions import ConfigurationError
from sqlalchemy import engine_from_config, make_url
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import async_engine_from_config
from sqlalchemy.pool import NullPool, QueuePool

from ._on_loop import keep_dialect_on_loop, pool_on_loop
from ._retryable import mark_retryable_errors

__all__ = (
    "DEFAULT",
    "Engines",
    "asyncio_driver_for",
    "awaits",
    "engine_from_settings",
    "engines_of",
    "get_engine",
)

DEFAULT: Final = "default"
"""The name of the engine whose settings have no name in them."""

_PREFIX: Final = "sqlalchemy."

_ASYNCIO_DRIVERS: Final = {
    "mariadb": "asyncmy",
    "mssql": "aioodbc",
    "mysql": "asyncmy",
    "oracle": "oracledb",
    "postgresql": "asyncpg",
    "sqlite": "aiosqlite",
}


def asyncio_driver_for(database: str) -> str | None:
    """Return the name of an asyncio driver for a database.

    Args:
        database: The name of the database, ``engine.dialect.name``.
    """
    return _ASYNCIO_DRIVERS.get(database)


def awaits(engine: Engine) -> bool:
    """Return whether an engine has an asyncio driver.

    Args:
        engine: The engine.
    """
    return bool(engine.dialect.is_async)


class Engines(Mapping[str, Engine]):
    """The engines of one application, by name.

    Args:
        settings: The application's settings.

    Raises:
        ConfigurationError: There is no ``sqlalchemy.url``.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._options = {name: _options_of(settings, name) for name in _names_in(settings)}
        if DEFAULT not in self._options:
            raise ConfigurationError(
                "The setting sqlalchemy.url is missing: the URL of the database, such as"
                " postgresql+asyncpg://user@host/name"
            )
        self._engines: dict[str, Engine] = {}
        self._process = os.getpid()
        self._has_started = False

    def __getitem__(self, name: str) -> Engine:
        if name not in self._options:
            raise ConfigurationError(
                f"There is no engine {name!r}: the setting sqlalchemy.{name}.url is missing"
            )
        self._forget_those_of_the_parent()
        if name not in self._engines:
            # Where the application has not started, in a script for example, nothing would close
            # connections that a pool keeps.
            self._engines[name] = _create(self._options[name], is_pooled=self._has_started)
        return self._engines[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)

    def start(self) -> None:
        """Create all engines, for the process that serves; they connect when they are used."""
        self._forget_those_of_the_parent()
        self.dispose()
        self._has_started = True
        for name in self:
            self[name]

    def dispose(self) -> None:
        """Close the connections in the pools; called in a place that can wait."""
        engines, self._engines, self._has_started = self._engines, {}, False
        for engine in engines.values():
            engine.dispose()

    def _forget_those_of_the_parent(self) -> None:
        if self._process != os.getpid():
            for engine in self._engines.values():
                engine.dispose(close=False)  # the parent still uses its connections
            self._engines.clear()
            self._process = os.getpid()
            self._has_started = False


_REGISTRY_KEY: Final = "aiopyramid.sqlalchemy"


def engines_of(registry: Any) -> Engines:
    """Return the engines of an application; they are made if there are none.

    Args:
        registry: The application's registry.

    Raises:
        ConfigurationError: There is no ``sqlalchemy.url``.
    """
    if _REGISTRY_KEY not in registry:
        registry[_REGISTRY_KEY] = Engines(registry.settings)
    engines: Engines = registry[_REGISTRY_KEY]
    return engines


def get_engine(registry: Any, name: str = DEFAULT) -> Engine:
    """Return an engine of an application, in the process that asks.

    An engine with an asyncio driver can be used by synchronous code in requests, tasks, threads and
    scripts. ``AsyncEngine(get_engine(registry))`` is its asyncio face.

    Args:
        registry: The registry of an application that includes this package.
        name: ``reporting`` for the engine that ``sqlalchemy.reporting.url`` describes.

    Raises:
        ConfigurationError: No setting describes such an engine.
    """
    return engines_of(registry)[name]


def engine_from_settings(settings: Mapping[str, Any], name: str = DEFAULT) -> Engine:
    """Create an engine for a script, such as a migration, that keeps no connections.

    Args:
        settings: The application's settings, such as ``pyramid.paster.get_appsettings`` returns.
        name: ``reporting`` for the engine that ``sqlalchemy.reporting.url`` describes.

    Raises:
        ConfigurationError: No setting describes such an engine.
    """
    return Engines(settings)[name]


# --- Settings -------------------------------------------------------------------------------------


def _names_in(settings: Mapping[str, Any]) -> list[str]:
    names = []
    for key in settings:
        if key == f"{_PREFIX}url":
            names.append(DEFAULT)
        elif key.startswith(_PREFIX) and key.endswith(".url"):
            names.append(key.removeprefix(_PREFIX).removesuffix(".url"))
    return names


def _options_of(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the settings of one engine, as ``engine_from_config`` takes them without a prefix."""
    prefix = _PREFIX if name == DEFAULT else f"{_PREFIX}{name}."
    return {
        key.removeprefix(prefix): value
        for key, value in settings.items()
        if key.startswith(prefix) and "." not in key.removeprefix(prefix)
    }


def _create(options: dict[str, Any], *, is_pooled: bool) -> Engine:
    url = make_url(options["url"])
    dialect: Any = url.get_dialect().get_async_dialect_cls(url)
    pool = options.get("poolclass") or dialect.get_pool_class(url)
    if not is_pooled and issubclass(pool, QueuePool):
        pool = NullPool
        options = {name: options[name] for name in options if name not in _POOL_OPTIONS}
    if not dialect.is_async:
        engine = engine_from_config(options, prefix="", poolclass=pool)
    else:
        engine = async_engine_from_config(
            options, prefix="", poolclass=pool_on_loop(pool)
        ).sync_engine
        keep_dialect_on_loop(engine.dialect)
    mark_retryable_errors(engine)
    return engine


_POOL_OPTIONS: Final = ("max_overflow", "pool_size", "pool_timeout", "pool_use_lifo")
"""The options of a pool that keeps connections."""
