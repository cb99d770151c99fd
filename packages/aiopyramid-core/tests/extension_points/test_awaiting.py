"""awaiting: what Pyramid gets instead of the application's object."""

import asyncio
import functools
import types

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError

from aiopyramid_core import ScopeError
from aiopyramid_core._extension_points.awaiting import (
    AwaitingObject,
    awaited,
    awaited_coroutine,
    awaiting,
    holds,
    is_awaiting,
    original_of,
)


async def answer(*args):
    await asyncio.sleep(0)
    return 42


def delegating():
    yield from asyncio.sleep(0)
    return 42


async def numbers():
    yield 42


class Policy:
    secret = "kept"

    async def permits(self, *args):
        return 42

    def other(self):
        return "other"


def held(policy):
    return AwaitingObject(policy, ("permits",), "the policy")


# --- Results --------------------------------------------------------------------------------------


def test_a_coroutine_is_awaited_while_the_application_is_configured():
    assert awaited(answer()) == 42


def test_on_the_loops_own_thread_a_coroutine_is_refused_and_closed(run, no_warnings):
    async def main():
        with pytest.raises(ScopeError, match="Cannot wait for answer on the event loop's own"):
            awaited(answer())

    run(main)


@pytest.mark.parametrize("value", [None, False, "text", [1], (each for each in ())])
def test_anything_else_is_returned_as_it_is(value):
    assert awaited(value) is value


def test_an_awaitable_that_is_not_a_coroutine_may_be_left_alone():
    class Connection:
        def __await__(self):
            yield from ()

    connection = Connection()
    assert awaited_coroutine(connection) is connection
    assert awaited_coroutine(answer()) == 42


# --- Callables ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [answer, lambda: answer(), functools.partial(answer), delegating, types.coroutine(delegating)],
)
def test_what_a_callable_returns_is_awaited(function):
    assert awaiting(function, "a thing")() == 42


def test_an_object_that_is_called_keeps_its_attributes():
    class Factory:
        colour = "red"

        async def __call__(self, request):
            return request

    factory = Factory()
    wrapped = awaiting(factory, "a factory")
    assert (wrapped("request"), wrapped.colour, isinstance(wrapped, Factory)) == (
        "request",
        "red",
        True,
    )
    wrapped.colour = "blue"
    assert factory.colour == "blue"


def test_a_class_is_left_alone():
    assert awaiting(Policy, "a factory") is Policy


def test_a_class_whose_instances_are_awaited_is_not():
    class Session:
        async def __new__(cls):
            return "made"

    assert awaiting(Session, "a session factory")() == "made"


def test_what_is_awaiting_already_is_left_alone():
    wrapped = awaiting(answer, "a thing")
    assert awaiting(wrapped, "a thing") is wrapped
    assert (is_awaiting(wrapped), holds(wrapped, answer), original_of(wrapped)) == (
        True,
        True,
        answer,
    )


def test_a_coroutine_function_around_something_awaiting_is_awaited():
    inner = awaiting(lambda: 42, "a thing")

    @functools.wraps(inner)
    async def outer():
        return inner()

    assert awaiting(outer, "a thing")() == 42


# --- Async generators -----------------------------------------------------------------------------


def test_an_async_generator_function_is_refused_at_once():
    with pytest.raises(ConfigurationError) as caught:
        awaiting(numbers, "a predicate")
    assert str(caught.value) == (
        f"function {__name__}.numbers is used as a predicate, but returns an async"
        " generator, which has no result to wait for. Write 'return' in it instead of 'yield'."
    )


def test_one_that_hides_is_refused_when_it_is_called():
    with pytest.raises(ConfigurationError, match="as a predicate, but returns an async gen"):
        awaiting(lambda: numbers(), "a predicate")()


def test_a_policy_with_such_a_method_is_refused_at_once():
    class Yielding:
        async def permits(self, request, context, permission):
            yield True

    with pytest.raises(ConfigurationError, match="permits of the policy, but returns an async"):
        held(Yielding())


def test_a_configuration_with_such_a_predicate_is_refused():
    config = Configurator(autocommit=True)
    config.include("aiopyramid_core")

    class Yielding:
        async def permits(self, request, context, permission):
            yield True

    with pytest.raises(ConfigurationError, match="permits of the security policy"):
        config.set_security_policy(Yielding())


# --- Objects --------------------------------------------------------------------------------------


def test_the_methods_that_pyramid_calls_are_awaited():
    assert held(Policy()).permits() == 42


def test_a_method_that_is_replaced_later_is_awaited():
    policy = Policy()
    wrapped = held(policy)
    policy.permits = lambda: answer()
    assert wrapped.permits() == 42


def test_a_method_that_is_added_later_is_awaited():
    policy = types.SimpleNamespace()
    wrapped = held(policy)
    assert not hasattr(wrapped, "permits")
    policy.permits = answer
    assert wrapped.permits() == 42


def test_everything_else_is_the_same_object():
    policy = Policy()
    wrapped = held(policy)
    wrapped.colour = "red"
    assert (wrapped.secret, wrapped.other(), policy.colour) == ("kept", "other", "red")
    del wrapped.colour
    assert not hasattr(policy, "colour")
    assert isinstance(wrapped, Policy)
    assert (wrapped == policy, wrapped == held(policy), wrapped == Policy()) == (True, True, False)
    assert (hash(wrapped), repr(wrapped), bool(wrapped)) == (hash(policy), repr(policy), True)
