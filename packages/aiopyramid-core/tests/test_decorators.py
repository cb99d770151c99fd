"""decorators: synchronize and spawn_greenlet_on_scope_error."""

import asyncio
import functools
import inspect

import pytest
from pyramid.exceptions import ConfigurationError

from aiopyramid_core import (
    ScopeError,
    call_in_thread,
    spawn_greenlet,
    spawn_greenlet_on_scope_error,
    synchronize,
)


@synchronize
async def double(number, *, plus=0):
    """Return twice the number."""
    await asyncio.sleep(0)
    return 2 * number + plus


@spawn_greenlet_on_scope_error
def quadruple(number):
    """Return four times the number."""
    return double(double(number))


# --- synchronize ----------------------------------------------------------------------------------


def test_synchronous_code_calls_a_synchronized_coroutine_as_any_function(run):
    async def main():
        return await spawn_greenlet(lambda: double(4, plus=1))

    assert run(main) == 9


def test_a_synchronized_function_keeps_its_name_and_parameters():
    assert double.__name__ == "double"
    assert double.__doc__ == "Return twice the number."
    assert str(inspect.signature(double)) == "(number, *, plus=0)"


def test_a_synchronized_function_is_not_a_coroutine_function():
    assert not inspect.iscoroutinefunction(double)


def test_synchronize_may_be_called_without_arguments(run):
    @synchronize()
    async def answer():
        return 42

    async def main():
        return await spawn_greenlet(answer)

    assert run(main) == 42


def test_a_method_may_be_synchronized(run):
    class Store:
        @synchronize
        async def load(self, key):
            return self, key

    async def main():
        store = Store()
        return await spawn_greenlet(store.load, "x") == (store, "x")

    assert run(main) is True


def test_a_generator_function_that_delegates_may_be_synchronized(run):
    @synchronize
    def delegating():
        return (yield from asyncio.sleep(0, "slept"))

    async def main():
        return await spawn_greenlet(delegating)

    assert run(main) == "slept"


def test_a_partial_of_a_coroutine_function_may_be_synchronized(run):
    async def add(a, b):
        return a + b

    async def main():
        return await spawn_greenlet(synchronize(functools.partial(add, 1)), 2)

    assert run(main) == 3


def test_what_a_synchronized_coroutine_raises_is_raised(run):
    @synchronize
    async def fail():
        raise LookupError

    async def main():
        with pytest.raises(LookupError):
            await spawn_greenlet(fail)

    run(main)


def test_a_synchronized_call_on_the_loop_is_refused_without_a_warning(run, no_warnings):
    async def main():
        with pytest.raises(ScopeError, match=r"^Cannot wait for double on the event loop's own"):
            double(1)

    run(main)


def test_a_synchronized_call_in_a_plain_thread_is_refused_without_a_warning(no_warnings):
    with pytest.raises(ScopeError, match=r"^Cannot wait for double in a thread that serves no"):
        double(1)


def test_a_synchronous_function_cannot_be_synchronized():
    def ordinary():
        pass

    with pytest.raises(ConfigurationError) as caught:
        synchronize(ordinary)
    assert str(caught.value) == (
        f"Attempted to synchronize {ordinary!r}, which is not a coroutine function. Declare it"
        " with 'async def', or pass strict=False if it returns an awaitable."
    )


def test_without_strictness_what_returns_an_awaitable_may_be_synchronized(run):
    @synchronize(strict=False)
    def later():
        return asyncio.sleep(0, "later")

    async def main():
        return await spawn_greenlet(later)

    assert run(main) == "later"


def test_without_strictness_a_coroutine_gets_the_awaitable(run):
    @synchronize(strict=False)
    async def answer():
        return 42

    async def main():
        return await answer()

    assert run(main) == 42


# --- synchronize, on a class ----------------------------------------------------------------------


class Store:
    """Coroutine methods of every kind."""

    async def load(self, key):
        await asyncio.sleep(0)
        return self, key

    @classmethod
    async def open(cls):
        return cls

    @staticmethod
    async def ping():
        return "pong"

    def close(self):
        return "closed"

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return None

    def __aiter__(self):
        return self

    async def __anext__(self):
        raise StopAsyncIteration


def test_the_coroutine_methods_of_a_class_are_synchronized(run):
    @synchronize
    class Synchronized(Store):
        pass

    def ordinary():
        store = Synchronized()
        return (
            store.load("x") == (store, "x"),
            Synchronized.open() is Synchronized,
            store.ping(),
            store.close(),
        )

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) == (True, True, "pong", "closed")


def test_the_base_class_of_a_synchronized_class_stays_as_it_is():
    @synchronize
    class Synchronized(Store):
        pass

    assert inspect.iscoroutinefunction(Store.load)
    assert not inspect.iscoroutinefunction(Synchronized.load)


def test_async_with_and_async_for_still_work_with_a_synchronized_class(run):
    @synchronize
    class Synchronized(Store):
        pass

    async def main():
        async with Synchronized() as store:
            return [each async for each in store]

    assert run(main) == []


def test_a_class_without_coroutine_methods_cannot_be_synchronized():
    class Ordinary:
        def method(self):
            pass

    with pytest.raises(ConfigurationError) as caught:
        synchronize(Ordinary)
    assert str(caught.value) == (
        f"Attempted to synchronize {Ordinary!r}, which has no coroutine method. Declare its"
        " methods with 'async def'."
    )
    assert synchronize(Ordinary, strict=False) is Ordinary


def test_without_strictness_a_coroutine_gets_the_awaitable_from_a_class_too(run):
    @synchronize(strict=False)
    class Synchronized(Store):
        pass

    async def main():
        return await Synchronized.ping()

    assert run(main) == "pong"


# --- spawn_greenlet_on_scope_error ----------------------------------------------------------------


def test_synchronous_code_in_a_greenlet_gets_the_value(run):
    async def main():
        return await spawn_greenlet(lambda: quadruple(3))

    assert run(main) == 12


def test_synchronous_code_in_a_thread_gets_the_value(run):
    async def main():
        return await call_in_thread(None, lambda: quadruple(3))

    assert run(main) == 12


def test_a_coroutine_outside_of_a_greenlet_gets_an_awaitable(run):
    async def main():
        return await quadruple(3)

    assert run(main) == 12


def test_a_coroutine_in_a_greenlet_gets_an_awaitable_too(run):
    @synchronize
    async def coroutine():
        return await quadruple(3)

    async def main():
        return await spawn_greenlet(coroutine)

    assert run(main) == 12


def test_a_generator_that_was_prepared_gets_an_awaitable(run):
    @synchronize
    def delegating():
        return (yield from quadruple(3))

    async def main():
        return await spawn_greenlet(delegating)

    assert run(main) == 12


def test_an_asynchronous_generator_gets_an_awaitable(run):
    async def numbers():
        yield await quadruple(3)

    async def main():
        return [number async for number in numbers()]

    assert run(main) == [12]


def test_synchronous_code_where_nothing_can_wait_gets_an_awaitable():
    assert asyncio.run(quadruple(3)) == 12


def test_the_function_below_is_not_begun_before_its_awaitable_is_awaited():
    begun = []
    awaitable = spawn_greenlet_on_scope_error(begun.append)("argument")
    assert begun == []
    asyncio.run(awaitable)
    assert begun == ["argument"]


def test_it_keeps_the_name_and_the_documentation():
    assert quadruple.__name__ == "quadruple"
    assert quadruple.__doc__ == "Return four times the number."


def test_it_may_decorate_a_method(run):
    class Policy:
        @spawn_greenlet_on_scope_error
        def permits(self, number):
            return self, double(number)

    async def main():
        policy = Policy()
        return await policy.permits(1) == (policy, 2)

    assert run(main) is True
