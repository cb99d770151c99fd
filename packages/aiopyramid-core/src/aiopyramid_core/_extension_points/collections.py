"""Pyramid's own collections, whose callables are awaited.

Tweens, routes, request properties and cache busters are not registered one by one: a component of
Pyramid's holds them.
"""

import inspect
from typing import Any, Final

from pyramid.config.tweens import Tweens
from pyramid.decorator import reify
from pyramid.exceptions import ConfigurationError
from pyramid.static import ManifestCacheBuster, QueryStringCacheBuster
from pyramid.tweens import EXCVIEW
from pyramid.util import SettableProperty, object_description

from .._callables import is_coroutine_callable, wrap_as
from .._off_loop import in_thread_of_request
from .._requests.request_classes import RequestProperties
from .._requests.router import extend_router
from .awaiting import AwaitingCollection, AwaitingObject, awaited, awaited_coroutine, awaiting
from .closures import outer_variables, with_outer_variables
from .failures import failing_as_pyramid_expects
from .predicates import await_predicate

__all__ = ("AwaitingTweens", "await_cache_busters", "await_properties", "await_routes")


# --- Tweens ---------------------------------------------------------------------------------------


class AwaitingTweens(AwaitingCollection):
    """Tweens that are awaited, so that each of them gets a response from the next one.

    Args:
        tweens: Pyramid's :class:`~pyramid.config.tweens.Tweens`.
    """

    __slots__ = ()

    def implicit(self) -> list[tuple[str, Any]]:
        """Return names and factories, from the server to the router."""
        return [(name, _awaiting_tween(name, each)) for name, each in self._original.implicit()]

    @property
    def explicit(self) -> list[tuple[str, Any]]:
        """Names and factories of the setting ``pyramid.tweens``."""
        return [(name, _awaiting_tween(name, each)) for name, each in self._original.explicit]

    def insert_explicit(self, position: int, name: str, factory: Any) -> None:
        """Insert a tween into those of the setting; Pyramid's own method can only append one."""
        self._original.explicit.insert(position, (name, factory))

    def __call__(self, handler: Any, registry: Any) -> Any:
        """Return the outermost tween."""
        # The handler is a method of the application. An event for this would come later and cost
        # more: with a single subscriber, Pyramid notifies of four events per request.
        extend_router(getattr(handler, "__self__", None))
        # Pyramid's method, which uses the two above.
        return Tweens.__call__(self, handler, registry)


def _awaiting_tween(name: str, factory: Any) -> Any:
    if name.startswith(_TWEENS_OF_OURS):
        return factory
    if name == EXCVIEW:
        return lambda handler, registry: factory(failing_as_pyramid_expects(handler), registry)
    make = awaiting(factory, f"the factory of the tween {name}")

    def awaiting_tween_factory(handler: Any, registry: Any) -> Any:
        return awaiting(make(in_thread_of_request(handler), registry), f"the tween {name}")

    return awaiting_tween_factory


_TWEENS_OF_OURS: Final = "aiopyramid_core.tweens."
"""The package's own tweens, all of them synchronous functions."""


# --- Routes ---------------------------------------------------------------------------------------


def await_routes(mapper: Any) -> Any:
    """Let a routes mapper await the factories, the predicates and the pregenerators of its routes.

    Args:
        mapper: Pyramid's :class:`~pyramid.urldispatch.RoutesMapper`, changed in place, because its
            creator may still hold it.
    """
    connect = mapper.connect

    def connect_awaiting(*args: Any, **kwargs: Any) -> Any:
        return _await_route(connect(*args, **kwargs))

    mapper.connect = connect_awaiting
    for route in mapper.get_routes(include_static=True):
        _await_route(route)
    return mapper


def _await_route(route: Any) -> Any:
    route.factory = awaiting(route.factory, f"the root factory of the route {route.name}")
    route.pregenerator = _awaiting_pregenerator(route.name, route.pregenerator)
    route.predicates = [await_predicate(predicate) for predicate in route.predicates]
    return route


def _awaiting_pregenerator(name: str, pregenerator: Any) -> Any:
    point = f"the pregenerator of the route {name}"
    if getattr(pregenerator, "__name__", "") == "external_url_pregenerator":
        # Pyramid's, around the application's; see config.routes.add_route.
        inner = outer_variables(pregenerator)["original_pregenerator"]
        return with_outer_variables(pregenerator, {"original_pregenerator": awaiting(inner, point)})
    return awaiting(pregenerator, point)


# --- Properties of requests -----------------------------------------------------------------------


class _Properties(RequestProperties):
    """Properties of requests, by name, that are awaited."""

    def __setitem__(self, name: str, descriptor: Any) -> None:
        super().__setitem__(name, _awaiting_property(descriptor))


def await_properties(extensions: Any) -> Any:
    """Let the properties of requests be coroutines; callers of methods await them themselves.

    Args:
        extensions: Pyramid's record of ``add_request_method`` calls, changed in place.
    """
    properties = _Properties()
    for name, descriptor in extensions.descriptors.items():
        properties[name] = descriptor
    extensions.descriptors = properties
    return extensions


def _awaiting_property(descriptor: Any) -> Any:
    if isinstance(descriptor, (reify, SettableProperty)):
        getter = descriptor.wrapped

        def awaiting_getter(request: Any) -> Any:
            return awaited_coroutine(getter(request))

        return type(descriptor)(wrap_as(getter, awaiting_getter))
    return _AwaitingDescriptor(descriptor) if inspect.isdatadescriptor(descriptor) else descriptor


class _AwaitingDescriptor:
    """A ``property``, or any other data descriptor, whose value is awaited."""

    def __init__(self, descriptor: Any) -> None:
        self._descriptor = descriptor
        self.__doc__ = descriptor.__doc__

    def __get__(self, request: Any, owner: Any = None) -> Any:
        value = self._descriptor.__get__(request, owner)
        return self if request is None else awaited_coroutine(value)

    def __set__(self, request: Any, value: Any) -> None:
        self._descriptor.__set__(request, value)

    def __delete__(self, request: Any) -> None:
        self._descriptor.__delete__(request)


# --- Cache busters --------------------------------------------------------------------------------


class _CacheBusters(list[tuple[str, Any, bool]]):
    """Cache busters that are awaited, each with its path and whether it is explicit."""

    def insert(self, index: Any, entry: tuple[str, Any, bool]) -> None:
        path, cache_buster, explicit = entry
        if isinstance(cache_buster, ManifestCacheBuster):
            _refuse_coroutines(cache_buster)
        if isinstance(cache_buster, QueryStringCacheBuster):
            cache_buster = _WithAwaitedToken(cache_buster)
        super().insert(index, (path, awaiting(cache_buster, "a cache buster"), explicit))


class _WithAwaitedToken(AwaitingObject):
    """A cache buster of Pyramid's with a token of the application's, which is awaited."""

    __slots__ = ()

    def __init__(self, cache_buster: Any) -> None:
        super().__init__(cache_buster, ("tokenize",), "a cache buster")

    def __call__(self, request: Any, subpath: str, values: Any) -> Any:
        # Pyramid's method, which calls ``tokenize`` of this object.
        return awaited(type(self._original).__call__(self, request, subpath, values))


def _refuse_coroutines(cache_buster: Any) -> None:
    for name in ("get_manifest", "parse_manifest"):
        if is_coroutine_callable(getattr(cache_buster, name)):
            raise ConfigurationError(
                f"Pyramid calls {name} of {object_description(cache_buster)}, a cache buster, when"
                " the object is made, so it must not be a coroutine. Define it with 'def', and"
                " call asynchronous code with aiopyramid_core.run(function, ...)."
            )


def await_cache_busters(static_urls: Any) -> Any:
    """Let cache busters be coroutines.

    Args:
        static_urls: Pyramid's :class:`~pyramid.config.views.StaticURLInfo`, changed in place.
    """
    cache_busters = _CacheBusters()
    for entry in static_urls.cache_busters:
        cache_busters.insert(len(cache_busters), entry)
    static_urls.cache_busters = cache_busters
    return static_urls
