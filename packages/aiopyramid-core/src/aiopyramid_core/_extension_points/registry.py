"""Registration: objects that Pyramid calls are wrapped when they are stored in the registry.

Pyramid's directives, extensions, and code that calls ``registry.registerUtility`` by itself, at any
time, end in one of two collections of the registry: its utilities and its adapters. There the
application's object is replaced by a wrapper.
"""

from collections.abc import Callable
from typing import Any

from pyramid.interfaces import IExecutionPolicy
from zope.interface.adapter import BaseAdapterRegistry

from . import acl as _acl
from . import locations as _locations
from . import request_callbacks as _request_callbacks
from . import session_helper as _session_helper
from . import traversal as _traversal
from .awaiting import holds
from .committed_before import await_subscriber_predicates, await_views
from .table import held, held_as_subscriber

__all__ = ("await_extension_points",)


def await_extension_points(registry: Any) -> None:
    """Let everything that Pyramid calls be awaited, whatever is registered and whenever.

    Args:
        registry: The application's registry. Components that it already holds are replaced.

    Raises:
        ConfigurationError: A component was registered that Pyramid would call where nothing can
            await it, or a view that was made before is a coroutine.
    """
    _request_callbacks.install()
    _acl.install()
    _locations.install()
    _session_helper.install()
    _await_components(registry)
    _traversal.install(registry)


def _await_components(registry: Any) -> None:
    for base in registry.__bases__:
        _await_components(base)
    if isinstance(registry.adapters, _Holding):
        return
    await_views(registry)
    await_subscriber_predicates(registry)
    for components in (registry.utilities, registry.adapters):
        kind = type(components)
        components.__class__ = type(kind.__name__, (_Holding, kind), {})
        components.hold_again()


class _Holding(BaseAdapterRegistry):
    """A collection of components that wraps those that Pyramid calls."""

    wrap_execution_policy: Callable[[Any], Any] | None = None
    """The wrapper of execution policies that chooses where a request runs; set when the
    configuration has been committed.
    """

    def register(self, required: Any, provided: Any, name: str, value: Any) -> None:
        component = held(provided, value)
        if provided is IExecutionPolicy and self.wrap_execution_policy is not None:
            component = held(provided, self.wrap_execution_policy(component))
        super().register(required, provided, name, component)

    def unregister(self, required: Any, provided: Any, name: str, value: Any = None) -> None:
        registered = self.registered(required, provided, name)
        if holds(registered, value):
            value = registered
        super().unregister(required, provided, name, value)

    def subscribe(self, required: Any, provided: Any, value: Any) -> None:
        value = held_as_subscriber(value) if provided is None else held(provided, value)
        super().subscribe(required, provided, value)

    def subscribed(self, required: Any, provided: Any, subscriber: Any) -> Any:
        found = self._subscribed_as(required, provided, subscriber)
        return None if super().subscribed(required, provided, found) is None else subscriber

    def unsubscribe(self, required: Any, provided: Any, value: Any = None) -> None:
        super().unsubscribe(required, provided, self._subscribed_as(required, provided, value))

    def _subscribed_as(self, required: Any, provided: Any, subscriber: Any) -> Any:
        subscribers = self._find_leaf(self._subscribers, required, provided, "") or ()
        return next((each for each in subscribers if holds(each, subscriber)), subscriber)

    def hold_again(self) -> None:
        """Replace what was registered before."""
        for required, provided, name, value in list(self.allRegistrations()):
            if (awaited_value := held(provided, value)) is not value:
                super().register(required, provided, name, awaited_value)
        for required, provided, value in list(self.allSubscriptions()):
            # All of them, so that they keep their order.
            super().unsubscribe(required, provided, value)
            self.subscribe(required, provided, value)
