"""The helpers, used as the documentation of aiopyramid 0.2 to 0.4 says."""

import asyncio
import types

import pytest
from greenlet import getcurrent
from pyramid.exceptions import ConfigurationError

from aiopyramid.exceptions import ScopeError
from aiopyramid.helpers import (
    is_generator,
    run_in_greenlet,
    spawn_greenlet,
    spawn_greenlet_on_scope_error,
    synchronize,
    use_executor,
)


async def double(number):
    await asyncio.sleep(0)
    return 2 * number


def double_in_generator(number):
    yield from asyncio.sleep(0)
    return 2 * number


def spawned(function, *args, **kwargs):
    return asyncio.run(spawn_greenlet(function, *args, **kwargs))


# --- is_generator ---------------------------------------------------------------------------------


def test_is_generator_knows_what_could_be_made_a_coroutine():
    async def future():
        return asyncio.get_running_loop().create_future()

    assert is_generator(double_in_generator)
    assert is_generator(types.coroutine(double_in_generator))
    assert is_generator(double_in_generator(1))
    assert is_generator(asyncio.run(future()))


def test_is_generator_knows_what_could_not():
    assert not is_generator(double)
    assert not is_generator(spawned)
    assert not is_generator(synchronize(double))


# --- synchronize ----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [double, double_in_generator])
@pytest.mark.parametrize("decorator", [synchronize, synchronize(), synchronize(strict=True)])
def test_synchronize_makes_a_synchronous_function(function, decorator):
    assert spawned(decorator(function), 6) == 12


def test_synchronize_refuses_other_functions_if_it_is_strict():
    with pytest.raises(ConfigurationError):
        synchronize(lambda: 5)
    with pytest.raises(ConfigurationError):
        synchronize(strict=True)(lambda: 5)


def test_outside_of_a_greenlet_a_strict_function_raises():
    async def main():
        synchronize(double)(1)

    with pytest.raises(ScopeError, match="Cannot wait for"):
        asyncio.run(main())


def test_outside_of_a_greenlet_a_lenient_function_gives_its_coroutine():
    async def main():
        lenient = synchronize(double, strict=False)
        return await lenient(6)

    assert asyncio.run(main()) == 12


def test_a_lenient_function_may_be_anything_that_gives_something_to_await():
    def in_executor():
        run_in_executor = synchronize(strict=False)(asyncio.get_running_loop().run_in_executor)
        return run_in_executor(None, sum, [1, 2])

    assert spawned(in_executor) == 3


# --- spawn_greenlet -------------------------------------------------------------------------------


def test_spawn_greenlet_gives_what_the_function_returns():
    assert spawned(lambda *args, **kwargs: (args, kwargs), 1, b=2) == ((1,), {"b": 2})


def test_spawn_greenlet_awaits_the_future_that_the_function_returns():
    assert spawned(lambda: asyncio.ensure_future(double(6))) == 12


def test_the_function_may_switch_a_future_up_to_the_parent():
    def ordinary():
        future = asyncio.Future()
        future.set_result(4)
        getcurrent().parent.switch(future)
        return 5

    assert spawned(ordinary) == 4


def test_what_such_a_future_raises_is_raised():
    def ordinary():
        future = asyncio.Future()
        future.set_exception(LookupError("not found"))
        getcurrent().parent.switch(future)

    with pytest.raises(LookupError, match="not found"):
        spawned(ordinary)


def test_only_a_future_can_be_switched_up():
    with pytest.raises(RuntimeError, match="bad yield: 4"):
        spawned(lambda: getcurrent().parent.switch(4))


# --- run_in_greenlet ------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [double, double_in_generator])
def test_run_in_greenlet_works_as_documented(function):
    def ordinary():
        this = getcurrent()
        future = asyncio.Future()
        sub_task = asyncio.ensure_future(run_in_greenlet(this, future, function, 6))
        this.parent.switch(sub_task)
        assert future.result() == 12
        return future.result() + 1

    assert spawned(ordinary) == 13


def test_run_in_greenlet_puts_exceptions_into_the_future():
    async def fail():
        raise KeyError("failed")

    def ordinary():
        this = getcurrent()
        future = asyncio.Future()
        sub_task = asyncio.ensure_future(run_in_greenlet(this, future, fail))
        while not future.done():
            this.parent.switch(sub_task)
        with pytest.raises(KeyError):
            future.result()
        return "went on"

    assert spawned(ordinary) == "went on"


# --- spawn_greenlet_on_scope_error ----------------------------------------------------------------


@spawn_greenlet_on_scope_error
def either(number):
    return synchronize(double)(number) + 1


def test_synchronous_code_gets_the_value():
    assert spawned(either, 6) == 13


def test_a_coroutine_gets_something_to_await():
    async def main():
        return await either(6)

    def main_in_generator():
        return (yield from either(6))

    assert asyncio.run(main()) == 13
    assert spawned(synchronize(main)) == 13
    assert spawned(synchronize(main_in_generator)) == 13


# --- use_executor ---------------------------------------------------------------------------------


def test_use_executor_makes_a_coroutine_function():
    @use_executor
    def blocking(number):
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return number

    @use_executor(executor=None)
    def also_blocking(number):
        return number

    async def main():
        return [await blocking(1), await also_blocking(2)]

    assert asyncio.run(main()) == [1, 2]
