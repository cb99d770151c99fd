"""driver: context variables, and exceptions as the context of exceptions.

Where a test calls a function once plainly and once through the bridge, the plain call tells what
is expected.
"""

import asyncio
import sys
from contextvars import ContextVar, copy_context

import pytest

from aiopyramid_core import await_, spawn_greenlet

colour: ContextVar[str] = ContextVar("colour", default="none")


async def call_plainly(function):
    return function()


def chain(error):
    """Return an exception and those in the context of which it was raised, innermost first."""
    found = []
    while error is not None:
        found.append(repr(error))
        error = error.__context__
    return found


# --- Context variables ----------------------------------------------------------------------------


def test_a_function_sees_the_context_variables_of_its_caller(run):
    async def main():
        colour.set("red")
        return await spawn_greenlet(colour.get)

    assert run(main) == "red"


def test_the_caller_sees_the_context_variables_that_the_function_set(run):
    async def main():
        await spawn_greenlet(colour.set, "red")
        return colour.get()

    assert run(main) == "red"


def test_a_coroutine_and_the_synchronous_code_around_it_share_their_context_variables(run):
    async def coroutine():
        seen = [colour.get()]
        colour.set("green")
        await asyncio.sleep(0)
        colour.set("blue")
        return seen

    def ordinary():
        colour.set("red")
        return [*await_(coroutine()), colour.get()]

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) == ["red", "blue"]


def test_a_variable_set_by_synchronous_code_is_reset_with_its_token_after_a_wait(run):
    def ordinary():
        token = colour.set("red")
        await_(asyncio.sleep(0))
        colour.reset(token)
        return colour.get()

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) == "none"


def test_a_child_task_gets_a_copy_of_the_context(run):
    async def child():
        seen = colour.get()
        colour.set("blue")
        return seen

    async def parent():
        colour.set("red")
        return await asyncio.create_task(child()), colour.get()

    async def main():
        return await spawn_greenlet(lambda: await_(parent()))

    assert run(main) == ("red", "red")


def test_greenlets_in_turns_never_see_each_others_context_variables(run):
    async def turn(barrier):
        before = colour.get()
        await barrier.wait()
        return before, colour.get()

    def ordinary(number, barrier):
        colour.set(str(number))
        return [*await_(turn(barrier)), colour.get(), *await_(turn(barrier)), colour.get()]

    async def main():
        barrier = asyncio.Barrier(10)
        calls = [
            asyncio.create_task(spawn_greenlet(ordinary, number, barrier)) for number in range(10)
        ]
        return await asyncio.gather(*calls)

    assert run(main) == [[str(number)] * 6 for number in range(10)]


def test_a_reused_greenlet_has_the_context_of_its_new_caller(run):
    async def paint():
        await spawn_greenlet(colour.set, "red")

    async def main():
        await asyncio.create_task(paint())
        return await spawn_greenlet(colour.get)

    assert run(main) == "none"


def test_a_context_may_be_run_below(run):
    async def main():
        context = copy_context()
        context.run(colour.set, "red")
        return await spawn_greenlet(lambda: (context.run(colour.get), colour.get()))

    assert run(main) == ("red", "none")


# --- Exceptions being handled ---------------------------------------------------------------------


def fail_twice():
    try:
        raise KeyError("first")
    except KeyError:
        raise ValueError("second")  # noqa: B904 - the implicit context is what is tested


async def fail_twice_later():
    await asyncio.sleep(0)
    fail_twice()


async def caught_from(awaitable):
    """Await in an except clause, and return what that raised."""
    try:
        try:
            raise RuntimeError("handled")
        except RuntimeError:
            await awaitable
    except ValueError as error:
        return chain(error)


def caught_by_ordinary_code(awaitable):
    try:
        try:
            raise RuntimeError("handled")
        except RuntimeError:
            await_(awaitable)
    except ValueError as error:
        return chain(error)


def test_an_exception_keeps_its_context_on_the_way_out_of_a_greenlet(run):
    async def main():
        with pytest.raises(ValueError, match="second") as caught:
            await spawn_greenlet(fail_twice)
        return chain(caught.value)

    assert run(main) == ["ValueError('second')", "KeyError('first')"]


def test_an_exception_out_of_a_greenlet_in_an_except_clause_keeps_its_context(run):
    async def main():
        return [
            await caught_from(call_plainly(fail_twice)),
            await caught_from(spawn_greenlet(fail_twice)),
        ]

    expected, found = run(main)
    assert found == expected


def test_an_exception_out_of_a_coroutine_in_an_except_clause_keeps_its_context(run):
    async def main():
        return [
            await caught_from(fail_twice_later()),
            await spawn_greenlet(caught_by_ordinary_code, fail_twice_later()),
        ]

    expected, found = run(main)
    assert found == expected


def test_an_exception_thrown_in_by_the_loop_gets_the_handled_one_as_its_context(run):
    def failing():
        future = asyncio.get_running_loop().create_future()
        future.get_loop().call_soon(future.set_exception, ValueError("from the loop"))
        return future

    async def main():
        return [
            await caught_from(failing()),
            await spawn_greenlet(caught_by_ordinary_code, failing()),
        ]

    expected, found = run(main)
    assert expected == ["ValueError('from the loop')", "RuntimeError('handled')"]
    assert found == expected


def test_synchronous_code_in_a_greenlet_sees_the_exception_that_its_caller_handles(run):
    async def main():
        try:
            raise RuntimeError("handled")
        except RuntimeError:
            return [await call_plainly(sys.exception), await spawn_greenlet(sys.exception)]

    expected, found = run(main)
    assert found is expected


def test_a_coroutine_sees_the_exception_that_synchronous_code_handles(run):
    async def handled():
        before = sys.exception()
        await asyncio.sleep(0)
        return before, sys.exception()

    def ordinary(error):
        try:
            raise error
        except RuntimeError:
            return await_(handled())

    async def main():
        error = RuntimeError()
        return [seen is error for seen in await spawn_greenlet(ordinary, error)]

    assert run(main) == [True, True]


def test_code_after_a_wait_in_an_except_clause_still_handles_the_same_exception(run):
    def ordinary(error):
        try:
            raise error
        except RuntimeError:
            await_(asyncio.sleep(0))
            return sys.exception()

    async def main():
        error = RuntimeError()
        return await spawn_greenlet(ordinary, error) is error

    assert run(main) is True


def test_a_greenlet_that_handles_an_exception_does_not_show_it_to_others(run):
    def ordinary(entered, leave):
        try:
            raise RuntimeError
        except RuntimeError:
            entered.set()
            await_(leave.wait())

    async def main():
        entered, leave = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(spawn_greenlet(ordinary, entered, leave))
        await entered.wait()
        seen = [sys.exception(), await spawn_greenlet(sys.exception)]
        leave.set()
        await task
        return seen

    assert run(main) == [None, None]
