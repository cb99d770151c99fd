"""An example of an asynchronous tween; to log requests, see :mod:`aiopyramid_core.tweens`."""

from collections.abc import Callable
from typing import Any

from aiopyramid_core import synchronize, use_executor

__all__ = ("coroutine_logger_tween_factory",)

Handler = Callable[[Any], Any]


def coroutine_logger_tween_factory(handler: Handler, registry: Any) -> Handler:
    """Print each request and its response in a thread, while other requests continue.

    Args:
        handler: The next tween or the router.
        registry: The application's registry.
    """

    def coroutine_logger_tween(request: Any) -> Any:
        _print(request)
        response = handler(request)
        _print(response)
        return response

    return coroutine_logger_tween


@synchronize
@use_executor
def _print(content: object) -> None:
    print(content)
