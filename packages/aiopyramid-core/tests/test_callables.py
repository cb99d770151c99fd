"""_callables: what kind of callable is this view?"""

import asyncio
import functools
import inspect

import pytest

from aiopyramid_core import synchronize, use_executor
from aiopyramid_core._callables import called_by, is_coroutine_callable, prepare_generators


async def coroutine(request):
    return request


def ordinary(request):
    return request


def generator(request):
    return (yield from request)


async def asynchronous_generator(request):
    yield request


def wrapping(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def hiding(function):
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


class Coroutines:
    async def __call__(self, request):
        return request

    async def method(self, request):
        return request

    @staticmethod
    async def static(request):
        return request

    @classmethod
    async def of_class(cls, request):
        return request

    def ordinary(self, request):
        return request


class Ordinary:
    def __call__(self, request):
        return request

    async def method(self, request):
        return request


class Uncomparable:
    """Like arrays, which neither compare to a truth value nor hash."""

    __hash__ = None

    def __eq__(self, other):
        raise TypeError

    async def __call__(self, request):
        return request


class WithoutCall:
    pass


COROUTINES = {
    "coroutine function": coroutine,
    "generator function": generator,
    "lambda around nothing but a partial": functools.partial(coroutine, 1),
    "partial of a partial": functools.partial(functools.partial(coroutine), 1),
    "partial of a method": functools.partial(Coroutines().method),
    "bound method": Coroutines().method,
    "static method": Coroutines.static,
    "class method": Coroutines.of_class,
    "unbound method": Coroutines.method,
    "instance": Coroutines(),
    "partial of an instance": functools.partial(Coroutines()),
    "uncomparable instance": Uncomparable(),
    "wrapped": wrapping(coroutine),
    "wrapped twice": wrapping(wrapping(coroutine)),
    "wrapped partial": wrapping(functools.partial(coroutine)),
    "wrapped generator function": wrapping(generator),
    "partial of a wrapped one": functools.partial(wrapping(coroutine)),
    "synchronized": synchronize(coroutine),
    "synchronized, not strictly": synchronize(ordinary, strict=False),
    "wrapped around a synchronized one": wrapping(synchronize(coroutine)),
    "in an executor": use_executor(ordinary),
}
ORDINARY = {
    "function": ordinary,
    "lambda": lambda request: request,
    "partial": functools.partial(ordinary),
    "bound method": Coroutines().ordinary,
    "instance": Ordinary(),
    "wrapped": wrapping(ordinary),
    "a coroutine hidden by a decorator": hiding(coroutine),
    "class": Ordinary,
    "class with a coroutine": Coroutines,
    "builtin function": len,
    "builtin class": dict,
    "method of a builtin": "".join,
    "asynchronous generator function": asynchronous_generator,
    "instance without __call__": WithoutCall(),
    "none": None,
}


@pytest.mark.parametrize("name", COROUTINES)
def test_a_coroutine_callable_is_recognised(name):
    assert is_coroutine_callable(COROUTINES[name]) is True


@pytest.mark.parametrize("name", ORDINARY)
def test_anything_else_is_synchronous(name):
    assert is_coroutine_callable(ORDINARY[name]) is False


def test_a_chain_of_wrappers_that_bites_its_tail_ends():
    def first():
        pass

    def second():
        pass

    first.__wrapped__, second.__wrapped__ = second, first
    assert is_coroutine_callable(first) is False


@pytest.mark.parametrize(
    ("view", "attr", "expected"),
    [
        (coroutine, None, coroutine),
        (Coroutines, None, Coroutines.__call__),
        (Coroutines, "method", Coroutines.method),
        (Coroutines, "ordinary", Coroutines.ordinary),
        (Ordinary, "method", Ordinary.method),
    ],
)
def test_the_callable_that_handles_a_request_is_found(view, attr, expected):
    assert called_by(view, attr) is expected


def test_the_method_of_an_instance_is_found():
    view = Coroutines()
    assert called_by(view, "method") == view.method


def test_an_instance_handles_a_request_itself():
    view = Coroutines()
    assert called_by(view) is view


def test_a_method_that_is_missing_is_for_pyramid_to_report():
    assert called_by(WithoutCall, "missing") is WithoutCall


def test_a_class_without_call_is_synchronous():
    assert is_coroutine_callable(called_by(WithoutCall)) is False


AROUND = {
    "nothing": lambda function: function,
    "a decorator": wrapping,
    "a partial": functools.partial,
    "a partial of a decorator": lambda function: functools.partial(wrapping(function)),
}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_a_prepared_generator_function_may_delegate_to_a_coroutine(around):
    def delegating():
        return (yield from asyncio.sleep(0, "slept"))

    prepared = around(delegating)
    prepare_generators(prepared)
    prepare_generators(prepared)

    async def main():
        return await prepared()

    assert asyncio.run(main()) == "slept"


def test_preparing_leaves_everything_but_generator_functions_alone():
    code = coroutine.__code__, ordinary.__code__
    prepare_generators(coroutine)
    prepare_generators(ordinary)
    prepare_generators(len)
    assert (coroutine.__code__, ordinary.__code__) == code
    assert not inspect.isawaitable(ordinary(None))
