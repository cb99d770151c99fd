"""Configuration by coroutines: ``includeme`` functions, directives and actions are awaited.

Pyramid discards their return values, so a coroutine would silently do nothing.
The two methods of the configurator that take callables of the application are replaced here, once
per process, since an ``include`` makes a new configurator. Directives are kept in the registry.
"""

import inspect
import sys
from collections.abc import Callable
from types import FunctionType, SimpleNamespace
from typing import Any, Final

from pyramid.config import Configurator
from pyramid.config.actions import ActionConfiguratorMixin
from pyramid.exceptions import ConfigurationError
from pyramid.util import make_contextmanager

from .._callables import is_coroutine_callable
from .awaiting import awaiting

__all__ = ("install",)

_include: Final[Callable[..., None]] = Configurator.include
_action: Final[Callable[..., Any]] = ActionConfiguratorMixin.action


def install(config: Any) -> None:
    """Let the configuration of an application be made by coroutines from now on.

    Args:
        config: The application's :class:`~pyramid.config.Configurator`.

    Raises:
        ConfigurationError: A coroutine function was included before, and may have done nothing.
    """
    _refuse_what_was_dropped(config)
    _await_setup_of_pshell()
    Configurator.include = _include_awaiting
    ActionConfiguratorMixin.action = _action_awaiting
    directives = _Directives()
    for name, directive in getattr(config.registry, "_directives", {}).items():
        directives[name] = directive
    config.registry._directives = directives


class _Directives(dict[str, tuple[Any, bool]]):
    """Directives by name, each with its option ``action_wrap``."""

    def __setitem__(self, name: str, entry: tuple[Any, bool]) -> None:
        directive, action_wrap = entry
        if inspect.isroutine(directive):
            directive = awaiting(directive, f"the directive {name}")
        super().__setitem__(name, (directive, action_wrap))


def _action_awaiting(
    config: Any, discriminator: Any, callable: Any = None, *args: Any, **options: Any
) -> Any:
    if inspect.isroutine(callable):
        callable = awaiting(callable, "an action of the configuration")
    return _action(config, discriminator, callable, *args, **options)


def _include_awaiting(config: Any, callable: Any, route_prefix: str | None = None) -> None:
    included = config.maybe_dotted(callable)
    function = getattr(included, "includeme", None) if inspect.ismodule(included) else included
    if not isinstance(function, FunctionType):
        _include(config, included, route_prefix)
        return
    # Pyramid looks up the file of the function, which must not be that of the wrapper.
    config.inspect = SimpleNamespace(
        getmodule=inspect.getmodule, getsourcefile=lambda _: inspect.getsourcefile(function)
    )
    try:
        _include(config, awaiting(function, "an includeme function"), route_prefix)
    finally:
        del config.inspect


_include_awaiting.__doc__, _action_awaiting.__doc__ = _include.__doc__, _action.__doc__


def _await_setup_of_pshell() -> None:
    """Let the function that prepares a ``pshell`` be a coroutine; the application is made first."""
    for name in ("pyramid.scripts.pshell", "__main__"):  # the latter by ``python -m``
        pshell: Any = sys.modules.get(name)
        if hasattr(pshell, "PShellCommand"):
            pshell.make_contextmanager = _make_awaiting_contextmanager


def _make_awaiting_contextmanager(function: Any) -> Any:
    if not inspect.isgeneratorfunction(function):  # which prepares, yields, and cleans up
        function = awaiting(function, "the setup of pshell")
    return make_contextmanager(function)


def _refuse_what_was_dropped(config: Any) -> None:
    for included in config.action_state._seen_files:
        module, _, name = included.partition(":")
        if is_coroutine_callable(getattr(sys.modules.get(module), name, None)):
            raise ConfigurationError(
                f"{included} is a coroutine function, and was included before aiopyramid_core,"
                ' which awaits it. Call config.include("aiopyramid_core") first.'
            )
