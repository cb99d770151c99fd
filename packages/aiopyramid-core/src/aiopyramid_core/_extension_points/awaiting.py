"""Wrappers that await the results of the application's callables for Pyramid.

Pyramid calls tweens, policies, predicates and others as synchronous functions. The objects that it
calls are wrapped here, so that it gets the result of a coroutine and never the coroutine, which it
would take for true, an identity or a response. The application's own objects are not changed: code
of the application that calls them awaits them itself.

The wrappers examine the returned value and not the function. So they also recognise a coroutine
function inside a lambda or a decorator. Any other result costs one check of its type.
"""

import functools
import inspect
from collections.abc import Callable
from types import GeneratorType
from typing import Any, Final, NoReturn
from weakref import WeakSet

from pyramid.exceptions import ConfigurationError
from pyramid.util import object_description

from .._bridge.refusal import on_a_loop, refuse
from .._callables import layers_of, prepare_generators, wrap_as
from .._coroutines import is_async_generator, is_coroutine
from ..awaiting import await_, can_await, run

__all__ = (
    "AwaitingCollection",
    "AwaitingObject",
    "awaited",
    "awaited_coroutine",
    "awaiting",
    "dressed",
    "holds",
    "is_awaiting",
    "original_of",
    "refuse_async_generator",
)

_wrappers: Final["WeakSet[Callable[..., Any]]"] = WeakSet()
"""The functions made here. They are not marked by an attribute, because functools.wraps would copy
it.
"""


def awaited(result: Any) -> Any:
    """Return the result of an awaitable, and anything else as it is.

    In a request it waits as :func:`~aiopyramid_core.await_` does. Outside of requests, such as
    during the configuration, it waits for the event loop of the process.

    Args:
        result: The value that a callable returned.

    Raises:
        ScopeError: The caller runs on the event loop's own thread outside of a greenlet. A
            coroutine is closed.
    """
    kind = type(result)
    if hasattr(kind, "__await__") or (kind is GeneratorType and inspect.isawaitable(result)):
        return _wait(result)
    return result


def awaited_coroutine(result: Any) -> Any:
    """Return the result of a coroutine, and anything else as it is, other awaitables included."""
    return _wait(result) if is_coroutine(result) else result


def _wait(awaitable: Any) -> Any:
    if can_await():
        return await_(awaitable)
    if on_a_loop():
        refuse(awaitable)
    return run(await_, awaitable)


def awaiting(function: Any, point: str) -> Any:
    """Return a callable that awaits the result of ``function``.

    Args:
        function: A callable of the application. A class is returned as it is, since its instances
            are not awaited.
        point: Its use in Pyramid, a noun phrase for error messages.

    Raises:
        ConfigurationError: ``function`` is an async generator function.
    """
    if not callable(function) or _makes_instances(function) or is_awaiting(function):
        return function
    refuse_async_generator(function, point)
    prepare_generators(function)

    def awaiting_function(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        kind = type(result)
        if kind is GeneratorType or hasattr(kind, "__await__") or hasattr(kind, "__anext__"):
            if is_async_generator(result):
                _refuse_result(function, point)
            return awaited(result)
        return result

    return dressed(function, awaiting_function)


def dressed(function: Any, wrapper: Callable[..., Any]) -> Any:
    """Return a wrapper with the attributes and the signature of ``function``."""
    if inspect.isroutine(function):
        wrapper = wrap_as(function, wrapper)
        _wrappers.add(wrapper)
        return wrapper
    return AwaitingCallable(function, wrapper)


def _makes_instances(function: Any) -> bool:
    return (
        inspect.isclass(function)
        and type(function).__call__ is type.__call__
        and not inspect.iscoroutinefunction(function.__new__)
    )


def is_awaiting(component: Any) -> bool:
    """Return whether a component is a wrapper made here."""
    if issubclass(type(component), AwaitingObject):
        return True
    return inspect.isfunction(component) and component in _wrappers


def holds(component: Any, original: Any) -> bool:
    """Return whether a component is a wrapper of the application's object ``original``."""
    return is_awaiting(component) and bool(original_of(component) == original)


def original_of(component: Any) -> Any:
    """Return the application's object inside a wrapper, or the component if it is not a wrapper."""
    if issubclass(type(component), AwaitingObject):
        return component._original
    return component.__wrapped__ if is_awaiting(component) else component


# --- Refusing -------------------------------------------------------------------------------------


def refuse_async_generator(function: Any, point: str) -> None:
    """Raise an error if a callable of the application is an async generator function.

    A call returns an async generator, which Pyramid would take for true and never run.

    Args:
        function: A callable.
        point: Its use in Pyramid, a noun phrase for the message.

    Raises:
        ConfigurationError: It is one.
    """
    if any(inspect.isasyncgenfunction(layer) for layer in layers_of(function)):
        _refuse_result(function, point)


def _refuse_result(function: Any, point: str) -> NoReturn:
    raise ConfigurationError(
        f"{object_description(function)} is used as {point}, but returns an async generator, which"
        " has no result to wait for. Write 'return' in it instead of 'yield'."
    )


# --- Objects --------------------------------------------------------------------------------------


class AwaitingObject:
    """A proxy of an object some of whose methods are awaited for Pyramid.

    Args:
        original: The application's object. Attributes that are set on the proxy are set on it.
        names: The methods that Pyramid calls.
        point: The use of the object in Pyramid, a noun phrase for error messages.

    Raises:
        ConfigurationError: One of the methods is an async generator function.
    """

    __slots__ = ("__dict__", "__weakref__", "_names", "_original", "_point")

    def __init__(self, original: Any, names: tuple[str, ...], point: str) -> None:
        put = functools.partial(object.__setattr__, self)
        put("_original", original)
        put("_names", frozenset(names))
        put("_point", point)
        for name in names:
            if hasattr(original, name):
                function = getattr(original, name)
                refuse_async_generator(function, f"{name} of {point}")
                prepare_generators(function)
                # An attribute of the proxy, which Python finds without calling __getattr__.
                put(name, self._awaiting_method(name))

    def _awaiting_method(self, name: str) -> Callable[..., Any]:
        original, point = self._original, self._point

        def awaiting_method(*args: Any, **kwargs: Any) -> Any:
            function = getattr(original, name)  # at each call: it may have been replaced
            result = function(*args, **kwargs)
            kind = type(result)
            if kind is GeneratorType or hasattr(kind, "__await__") or hasattr(kind, "__anext__"):
                if is_async_generator(result):
                    _refuse_result(function, f"{name} of {point}")
                return awaited(result)
            return result

        return wrap_as(getattr(original, name), awaiting_method)

    @property  # type: ignore[misc]  # never set
    def __class__(self) -> Any:
        return type(self._original)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._original, name)
        return self._awaiting_method(name) if name in self._names else value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._original, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._original, name)

    def __eq__(self, other: object) -> bool:
        if issubclass(type(other), AwaitingObject):
            other = other._original  # type: ignore[attr-defined]  # as the line above found out
        return bool(self._original == other)

    def __hash__(self) -> int:
        return hash(self._original)

    def __bool__(self) -> bool:
        return bool(self._original)

    def __repr__(self) -> str:
        return repr(self._original)


class AwaitingCallable(AwaitingObject):
    """A proxy of a callable object whose result is awaited.

    Args:
        original: The application's object.
        wrapper: The function that calls and awaits it.
    """

    __slots__ = ()

    def __init__(self, original: Any, wrapper: Callable[..., Any]) -> None:
        super().__init__(original, (), "")
        if not inspect.isclass(original):
            # Pyramid reads the signature of this attribute: does it take one argument or two?
            wrapper = wrap_as(original.__call__, wrapper)
        object.__setattr__(self, "__call__", wrapper)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__dict__["__call__"](*args, **kwargs)


class AwaitingCollection(AwaitingObject):
    """A proxy of a collection of Pyramid's whose callables are awaited.

    Args:
        collection: Pyramid's own.
    """

    __slots__ = ()

    def __init__(self, collection: Any) -> None:
        super().__init__(collection, (), "")
