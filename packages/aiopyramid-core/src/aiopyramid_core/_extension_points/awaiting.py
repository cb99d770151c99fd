"""Waiting for what a callable of the application returned, where Pyramid takes it for a value.

Pyramid calls tweens, policies, predicates and many more as synchronous functions. What it holds of
them is wrapped here, so that it gets the result of a coroutine and never the coroutine, which would
be true, an identity or a response. The application's own object stays as it is: what the
application calls itself it awaits itself.

Whether something is a coroutine is seen by what it returned, so that a lambda or a decorator which
hides a coroutine function hides nothing here. Any other result costs one look at its type.
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
"""The functions made here. No attribute says so, because functools.wraps would copy it."""


def awaited(result: Any) -> Any:
    """Return the result of an awaitable, and anything else as it is.

    In a request it waits as :func:`~aiopyramid_core.await_` does; where there is none, while the
    application is configured, on the event loop of the process.

    Args:
        result: What a callable returned.

    Raises:
        ScopeError: The caller runs on the event loop's own thread outside of a greenlet. A
            coroutine is closed.
    """
    kind = type(result)
    if hasattr(kind, "__await__") or (kind is GeneratorType and inspect.isawaitable(result)):
        return _wait(result)
    return result


def awaited_coroutine(result: Any) -> Any:
    """The same for coroutines alone: other awaitables may be what the application wants."""
    return _wait(result) if is_coroutine(result) else result


def _wait(awaitable: Any) -> Any:
    if can_await():
        return await_(awaitable)
    if on_a_loop():
        refuse(awaitable)
    return run(await_, awaitable)


def awaiting(function: Any, point: str) -> Any:
    """Return a callable that waits for what ``function`` returns.

    Args:
        function: A callable of the application. A class is returned as it is: a call of it makes
            an instance, which there is no need to wait for.
        point: What Pyramid wants it for, a noun phrase for error messages.

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
    """Return a wrapper of which callers may ask all that they may ask of ``function``."""
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
    """Return whether a component was made here, and so awaits by itself."""
    if issubclass(type(component), AwaitingObject):
        return True
    return inspect.isfunction(component) and component in _wrappers


def holds(component: Any, original: Any) -> bool:
    """Return whether a component was made here of the application's object ``original``."""
    return is_awaiting(component) and bool(original_of(component) == original)


def original_of(component: Any) -> Any:
    """Return the application's object of which a component was made here, or the component."""
    if issubclass(type(component), AwaitingObject):
        return component._original
    return component.__wrapped__ if is_awaiting(component) else component


# --- Refusing -------------------------------------------------------------------------------------


def refuse_async_generator(function: Any, point: str) -> None:
    """Raise an error if a callable of the application is an async generator function.

    Its result is an async generator, true and never run.

    Args:
        function: A callable.
        point: What Pyramid wants it for, a noun phrase for the message.

    Raises:
        ConfigurationError: It is one.
    """
    if any(inspect.isasyncgenfunction(layer) for layer in layers_of(function)):
        _refuse_result(function, point)


def _refuse_result(function: Any, point: str) -> NoReturn:
    raise ConfigurationError(
        f"Pyramid wants {object_description(function)} as {point}, and it returns an async"
        " generator, which has no result to wait for. Say 'return' in it instead of 'yield'."
    )


# --- Objects --------------------------------------------------------------------------------------


class AwaitingObject:
    """An object some of whose methods are awaited for Pyramid, and which is otherwise the same.

    Args:
        original: The application's object. What is set here is set there.
        names: The methods that Pyramid calls.
        point: What Pyramid wants the object for, a noun phrase for error messages.

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
                # Kept where it is found without a call of __getattr__.
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

    @property  # type: ignore[misc]  # nobody sets it
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
    """An object that is called as it is, and awaited.

    Args:
        original: The application's object.
        wrapper: What calls and awaits it.
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
    """A collection of Pyramid's that gives away callables which are awaited.

    Args:
        collection: Pyramid's own.
    """

    __slots__ = ()

    def __init__(self, collection: Any) -> None:
        super().__init__(collection, (), "")
