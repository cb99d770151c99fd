"""The applications of ``asgi_reload.py``: that of the tests, and its like without a framework."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

sys.path.insert(0, str(Path(__file__).parent.parent / "tests/support"))

__all__ = ("bare", "ours")


def ours() -> Any:
    """Return the application of the tests, for ASGI servers."""
    from loaded_app import main

    from aiopyramid_asgi import asgi

    return asgi(main())


def bare() -> Any:
    """Return an ASGI application that answers the same."""
    worker = (b"x-worker", b"%d" % os.getpid())

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for stage in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{stage}.complete"})
            return
        body, more = b"", True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            body += event.get("body", b"")
            more = event.get("more_body", False)
        if scope["path"] == "/hello":
            body = b"hello"
        elif scope["path"] == "/slow":
            await asyncio.sleep(float(parse_qs(scope["query_string"])[b"seconds"][0]))
        headers = [(b"content-length", b"%d" % len(body)), worker]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


def __getattr__(name: str) -> Any:
    """Return an application by ``bare_application`` or ``ours_application``, without a factory."""
    factory = {"bare_application": bare, "ours_application": ours}.get(name)
    if factory is None:
        raise AttributeError(name)
    return factory()
