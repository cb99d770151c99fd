"""Checks for mistakes in an application that gunicorn has loaded."""

import inspect
import sys
from collections.abc import Iterator
from typing import Any

from gunicorn.workers import SUPPORTED_WORKERS
from pyramid.router import Router

from aiopyramid_core.callables import called_by, is_coroutine_callable
from aiopyramid_core.lifespan import is_installed
from aiopyramid_core.servers import monkey_patched_by

__all__ = ("errors_of", "errors_of_name", "warnings_of")


def errors_of(application: Any) -> Iterator[str]:
    """Yield the reasons why an application cannot be served.

    Args:
        application: The loaded application.
    """
    yield from _monkey_patching()
    if inspect.iscoroutine(application):
        application.close()
        yield _made_by_coroutine(application.__qualname__)
    if inspect.isfunction(application):
        parameters = list(inspect.signature(application).parameters)
        if parameters[:1] == ["global_config"]:
            name = application.__name__
            if inspect.iscoroutinefunction(application):
                yield _made_by_coroutine(name)
                return
            yield (
                f"{application.__module__}:{name} is a function that makes the application, and"
                f" not the application. Have gunicorn call it: '{application.__module__}:{name}()'"
            )


def errors_of_name(name: str) -> Iterator[str]:
    """Yield the reasons why an application name that can be imported cannot be served.

    Args:
        name: The name that gunicorn was given, such as ``site:main()``.
    """
    module, _, expression = name.partition(":")
    function = getattr(sys.modules.get(module), expression.partition("(")[0], None)
    if inspect.iscoroutinefunction(function):
        yield _made_by_coroutine(function.__name__)


def _made_by_coroutine(name: str) -> str:
    return (
        f"{name} makes the application, but it is a coroutine function, which gunicorn does not"
        " await: define it with 'def', and call coroutine functions in it with"
        " aiopyramid_core.run(function, ...), or in each worker with config.add_startup(function)"
    )


def warnings_of(application: Any) -> Iterator[str]:
    """Yield warnings about an application that can be served.

    Args:
        application: The loaded application.
    """
    if not isinstance(application, Router) or is_installed(application.registry):
        return
    views = application.registry.introspector.get_category("views", ())
    for view in (each["introspectable"] for each in views):
        if is_coroutine_callable(called_by(view["callable"], view["attr"])):
            yield (
                f"{view.title} is a coroutine, and the application does not include"
                ' aiopyramid_core: call config.include("aiopyramid_core") in the function that'
                " makes it"
            )


def _monkey_patching() -> Iterator[str]:
    """Yield an error if a library has replaced the threads of this process by greenlets."""
    name = monkey_patched_by()
    if name is not None:
        # Newer versions of gunicorn have no worker for eventlet.
        otherwise = (
            f", or serve it by gunicorn's worker {name}" if name in SUPPORTED_WORKERS else ""
        )
        yield (
            f"{name} has replaced the threads of this process (monkey patching), and asyncio needs"
            f" real ones: take {name}'s monkey patching out of the application{otherwise}"
        )
