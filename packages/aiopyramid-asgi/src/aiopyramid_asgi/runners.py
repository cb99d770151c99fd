"""ASGI servers for ``pserve``: ``use = egg:aiopyramid-asgi#uvicorn`` in an ini file.

The other settings in the section are the server's own, by the names that it has for them in Python.
"""

import asyncio
import importlib
import signal
import socket
from ast import literal_eval
from typing import Any, Final

from .application import PyramidASGI, asgi

__all__ = ("daphne", "granian", "hypercorn", "uvicorn")


def uvicorn(application: Any, global_config: Any = None, **settings: str) -> None:
    """Serve an application on uvicorn.

    Args:
        application: A WSGI application, or one of :func:`aiopyramid_asgi.asgi`.
        global_config: The defaults of the ini file, which are not used.
        **settings: The parameters of ``uvicorn.run``.
    """
    options = {"log_config": None} | _values(settings)
    importlib.import_module("uvicorn").run(_asgi(application), **options)


def hypercorn(application: Any, global_config: Any = None, **settings: str) -> None:
    """Serve an application on hypercorn, in this process.

    Args:
        application: A WSGI application, or one of :func:`aiopyramid_asgi.asgi`.
        global_config: The defaults of the ini file, which are not used.
        **settings: The attributes of ``hypercorn.config.Config``.
    """
    config = importlib.import_module("hypercorn.config").Config.from_mapping(_values(settings))
    serve = importlib.import_module("hypercorn.asyncio").serve
    asyncio.run(serve(_asgi(application), config, mode="asgi"))


def granian(application: Any, global_config: Any = None, **settings: str) -> None:
    """Serve an application on granian, in this process.

    Args:
        application: A WSGI application, or one of :func:`aiopyramid_asgi.asgi`.
        global_config: The defaults of the ini file, which are not used.
        **settings: The parameters of ``granian.server.embed.Server``.
    """
    options = {"interface": "asgi"} | _values(settings)
    if options.get("port") == 0:  # which granian does not support
        with socket.socket() as free:
            free.bind((options.get("address", "127.0.0.1"), 0))
            options["port"] = free.getsockname()[1]
    embed = importlib.import_module("granian.server.embed")
    for name, kind in _ENUMERATIONS.items():
        if name in options:
            options[name] = getattr(embed, kind)(options[name])
    server = embed.Server(_asgi(application), **options)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        await server.serve()

    asyncio.run(serve())


_ENUMERATIONS: Final = {"interface": "Interfaces", "http": "HTTPModes", "log_level": "LogLevels"}
"""granian's parameters with values of an enumeration."""


def daphne(application: Any, global_config: Any = None, **settings: str) -> None:
    """Serve an application on daphne, and start and stop it, which daphne itself does not do.

    Args:
        application: A WSGI application, or one of :func:`aiopyramid_asgi.asgi`.
        global_config: The defaults of the ini file, which are not used.
        **settings: ``host`` and ``port``, and the parameters of ``daphne.server.Server``.
    """
    options = _values(settings)
    host, port = options.pop("host", "127.0.0.1"), options.pop("port", 8000)
    options.setdefault("endpoints", [f"tcp:port={port}:interface={host}"])
    # First, since it installs Twisted's reactor for asyncio.
    server = importlib.import_module("daphne.server")
    served, loop = _asgi(application), server.twisted_loop
    loop.run_until_complete(served.start())
    try:
        server.Server(served, **options).run()
    finally:
        loop.run_until_complete(served.stop())


def _asgi(application: Any) -> PyramidASGI:
    """Return the application for a server that serves in this process alone."""
    if isinstance(application, PyramidASGI):
        return application
    registry = getattr(application, "registry", None)  # of Pyramid's router
    settings = {} if registry is None else registry.settings
    return asgi(application, {"aiopyramid.asgi.multiprocess": "false"} | dict(settings))


def _values(settings: dict[str, str]) -> dict[str, Any]:
    return {name: _value(text) for name, text in settings.items()}


def _value(text: str) -> Any:
    """Return the value of a setting: a number, a truth value, a list, otherwise its text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return literal_eval(text)
    except (SyntaxError, ValueError):
        return text
