"""Uses of the public interface, for mypy."""

from collections.abc import Awaitable, Callable
from typing import Any

from pyramid.config import Configurator

from aiopyramid_asgi import (
    ClientGone,
    ExpectationFailed,
    IncompleteResponse,
    InvalidEvent,
    MountedStartupFailed,
    PyramidASGI,
    ScopeNotSupported,
    asgi,
    includeme,
)

config = Configurator()
includeme(config)
application: PyramidASGI = asgi(config.make_wsgi_app(), {"aiopyramid.asgi.body_timeout": "5"})


async def serve(
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> str:
    async with application.lifespan(None):
        try:
            await application({"type": "http"}, receive, send)
        except ExpectationFailed as error:
            return error.status.phrase
        except ScopeNotSupported as error:
            return error.kind
        except InvalidEvent as error:
            return error.kind + error.expected
        except IncompleteResponse as error:
            return error.path
        except MountedStartupFailed as error:
            return error.message
        except ClientGone as error:
            return error.strerror or ""
    return ""
