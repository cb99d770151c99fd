"""The interfaces by which Pyramid finds the application's callables, and the wrapper for each.

Pyramid finds them in the registry, by interface. The table of all extension points is
``docs/extension-points.md``.
"""

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final

from pyramid.config.factories import _RequestExtensions
from pyramid.config.predicates import PredicateList
from pyramid.config.tweens import Tweens
from pyramid.config.views import StaticURLInfo
from pyramid.exceptions import ConfigurationError
from pyramid.interfaces import (
    IDefaultRootFactory,
    IExecutionPolicy,
    ILocaleNegotiator,
    ILocalizer,
    IPredicateList,
    IRendererFactory,
    IRequestExtensions,
    IRequestFactory,
    IResourceURL,
    IResponse,
    IResponseFactory,
    IRootFactory,
    IRoutesMapper,
    ISecuredView,
    ISessionFactory,
    IStaticURLInfo,
    ITraverser,
    ITweens,
    IView,
    IViewDerivers,
    IViewMapperFactory,
)
from pyramid.urldispatch import RoutesMapper
from pyramid.util import TopologicalSorter, object_description

from .._callables import is_coroutine_callable
from .._off_loop import in_thread_of_request
from .._requests.execution import wrap_execution_policy
from . import policies as _policies
from .awaiting import AwaitingObject, awaited, awaiting, dressed, is_awaiting
from .closures import outer_variables
from .collections import AwaitingTweens, await_cache_busters, await_properties, await_routes
from .locations import resource_itself
from .predicates import AwaitingPredicates
from .renderers import await_renderers
from .view_derivers import AwaitingDerivers

__all__ = ("held", "held_as_subscriber")

Holder = Callable[[Any], Any]


def held(provided: Any, component: Any) -> Any:
    """Return the object that the registry holds for a component.

    Args:
        provided: The interface for which it is registered.
        component: A utility or the factory of an adapter.

    Returns:
        A wrapper of the component that awaits its results, or the component itself if Pyramid does
        not call it.

    Raises:
        ConfigurationError: Pyramid would call it, and nothing could wait for its result.
    """
    holder = _HOLDERS.get(provided)
    return component if holder is None or is_awaiting(component) else holder(component)


def held_as_subscriber(subscriber: Any) -> Any:
    """Return the object that the registry holds for a subscriber to events."""
    return awaiting(subscriber, "a subscriber")


def _as(point: str) -> Holder:
    return lambda function: awaiting(function, point)


def _if(kind: type, holder: Holder) -> Holder:
    """Leave other implementations of an interface of Pyramid's alone."""
    return lambda component: holder(component) if type(component) is kind else component


def _traverser(factory: Any) -> Any:
    call = getattr(factory, "__call__", None)  # noqa: B004  # of a class: its instances'
    if getattr(call, "__module__", "").startswith(_MODULES_OF_TRAVERSERS):
        return factory
    make = awaiting(factory, "the factory of a traverser")

    def make_awaiting(root: Any) -> Any:
        traverse = make(root)
        # Created for each request, so it must be cheap.
        return lambda request: awaited(traverse(request))

    return dressed(factory, make_awaiting)


_MODULES_OF_TRAVERSERS: Final = ("pyramid.traversal", "aiopyramid_core.", "aiopyramid_traversal.")
"""The modules of traversers that do not have to be awaited."""


def _resource_url(factory: Any) -> Any:
    # A class is not awaited, and sees the application's resource as well.
    make = awaiting(factory, "a resource URL adapter")
    return dressed(factory, lambda resource, request: make(resource_itself(resource), request))


def _view(view: Any) -> Any:
    # Each layer of a view that Pyramid has derived is awaited by the next one.
    return view if hasattr(view, "__original_view__") else awaiting(view, "a view")


def _localizer(localizer: Any) -> Any:
    return AwaitingObject(localizer, ("translate", "pluralize"), "a localizer")


# --- Requests -------------------------------------------------------------------------------------


_READ_BY_PYRAMID: Final = (
    "authenticated_userid",
    "effective_principals",
    "identity",
    "is_authenticated",
    "locale_name",
    "localizer",
    "response",
    "session",
    "unauthenticated_userid",
)
"""Attributes of requests that Pyramid reads."""


def _request_factory(factory: Any) -> Any:
    if inspect.isclass(factory):
        for name in _READ_BY_PYRAMID:
            attribute = inspect.getattr_static(factory, name, None)
            getter = getattr(attribute, "fget", getattr(attribute, "wrapped", None))
            if inspect.iscoroutinefunction(getter):
                raise ConfigurationError(
                    f"Pyramid reads {name} of {object_description(factory)}, the request factory,"
                    " as a plain attribute, and the attribute is a coroutine. Register it with"
                    f" config.add_request_method(..., {name!r}, reify=True) instead, or decorate"
                    " its function with aiopyramid_core.synchronize."
                )
    return awaiting(factory, "the request factory")


def _session_factory(factory: Any) -> Any:
    if inspect.isclass(factory) and isinstance(factory.__init__, FunctionType):
        # A factory of pyramid.session's, which ignores a session that the serializer cannot read. A
        # serializer that signs contains another one.
        serializer = outer_variables(factory.__init__).get("serializer")
        for each in (serializer, getattr(serializer, "serializer", None)):
            for name in ("loads", "dumps"):
                if is_coroutine_callable(getattr(each, name, None)):
                    raise ConfigurationError(
                        f"Pyramid calls {name} of {object_description(each)}, the serializer of"
                        " cookie sessions, as a synchronous function, and it is a coroutine. Write"
                        " a session factory: that may be a coroutine."
                    )
    return awaiting(factory, "the session factory")


def _execution_policy(policy: Any) -> Any:
    # Ours contains the application's, which has been wrapped already.
    if policy.__module__ == wrap_execution_policy.__module__:
        return policy
    awaited_policy = awaiting(policy, "the execution policy")
    return (
        _with_router_in_thread(awaited_policy) if is_coroutine_callable(policy) else awaited_policy
    )


def _with_router_in_thread(policy: Any) -> Any:
    def execution_policy(environ: Any, router: Any) -> Any:
        return policy(environ, _RouterInThread(router))

    return dressed(policy, execution_policy)


class _RouterInThread:
    """The router for an execution policy that is a coroutine; see ``in_thread_of_request``."""

    def __init__(self, router: Any) -> None:
        self._router = router
        self.invoke_request = in_thread_of_request(router.invoke_request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._router, name)


# --- The interfaces -------------------------------------------------------------------------------


_HOLDERS: Final[dict[Any, Holder]] = {
    **_policies.HOLDERS,
    IRootFactory: _as("the root factory"),
    IDefaultRootFactory: _as("the root factory"),
    IRequestFactory: _request_factory,
    IResponseFactory: _as("the response factory"),
    ISessionFactory: _session_factory,
    IExecutionPolicy: _execution_policy,
    ILocaleNegotiator: _as("the locale negotiator"),
    ILocalizer: _localizer,
    IViewMapperFactory: _as("the view mapper"),
    IRendererFactory: await_renderers,
    IResponse: _as("a response adapter"),
    IResourceURL: _resource_url,
    ITraverser: _traverser,
    IView: _view,
    ISecuredView: _view,
    IPredicateList: _if(PredicateList, AwaitingPredicates),
    IViewDerivers: _if(TopologicalSorter, AwaitingDerivers),
    ITweens: _if(Tweens, AwaitingTweens),
    IRoutesMapper: _if(RoutesMapper, await_routes),
    IRequestExtensions: _if(_RequestExtensions, await_properties),
    IStaticURLInfo: _if(StaticURLInfo, await_cache_busters),
}
"""By interface: the function that wraps the application's object for the registry."""
