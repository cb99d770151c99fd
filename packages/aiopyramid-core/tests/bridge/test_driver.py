"""driver: spawn_greenlet and waiting in a greenlet."""

import asyncio
import contextlib
import sys
import traceback
import types

import pytest

from aiopyramid_core import await_, spawn_greenlet
from aiopyramid_core._bridge.driver import in_bridge


async def double(number):
    await asyncio.sleep(0)
    return 2 * number


# --- Results --------------------------------------------------------------------------------------


def test_the_result_of_the_function_is_returned(run):
    async def main():
        return await spawn_greenlet(lambda: 42)

    assert run(main) == 42


def test_arguments_are_passed_on_whatever_their_names(run):
    def collect(*args, **kwargs):
        return args, kwargs

    async def main():
        return await spawn_greenlet(collect, 1, 2, function=3, worker=4, self=5)

    assert run(main) == ((1, 2), {"function": 3, "worker": 4, "self": 5})


def test_synchronous_code_gets_the_result_of_a_coroutine(run):
    async def main():
        return await spawn_greenlet(lambda: await_(double(21)))

    assert run(main) == 42


def test_a_coroutine_that_never_suspends_gives_its_result(run):
    async def ready():
        return "ready"

    async def main():
        return await spawn_greenlet(lambda: await_(ready()))

    assert run(main) == "ready"


def test_a_future_may_be_awaited(run):
    async def main():
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, "here")
        return await spawn_greenlet(await_, future)

    assert run(main) == "here"


def test_a_task_may_be_awaited(run):
    async def main():
        return await spawn_greenlet(await_, asyncio.create_task(double(4)))

    assert run(main) == 8


def test_any_object_with_an_await_method_may_be_awaited(run, bare):
    async def main():
        return await spawn_greenlet(lambda: (await_(bare()), "went on"))

    assert run(main) == (None, "went on")


def test_a_generator_based_coroutine_may_be_awaited(run):
    @types.coroutine
    def generator():
        return (yield from double(8))

    async def main():
        return await spawn_greenlet(lambda: await_(generator()))

    assert run(main) == 16


def test_a_bare_yield_lets_other_tasks_run(run):
    order = []

    async def other():
        order.append("other")

    def ordinary():
        order.append("before")
        await_(asyncio.sleep(0))
        order.append("after")

    async def main():
        task = asyncio.create_task(other())
        await spawn_greenlet(ordinary)
        await task

    run(main)
    assert order == ["before", "other", "after"]


@pytest.mark.parametrize("value", [None, 5, "text", lambda: None])
def test_what_cannot_be_awaited_gives_the_error_that_await_gives(run, value):
    async def plain():
        await value

    async def main():
        with pytest.raises(TypeError) as expected:
            await plain()
        with pytest.raises(TypeError) as found:
            await spawn_greenlet(await_, value)
        return str(found.value), str(expected.value)

    found, expected = run(main)
    assert found == expected


def test_a_coroutine_driven_by_hand_yields_what_its_awaitables_yield(bare):
    coroutine = spawn_greenlet(lambda: [await_(bare("a")), await_(bare("b"))])

    assert coroutine.send(None) == "a"
    assert coroutine.send(1) == "b"
    with pytest.raises(StopIteration) as stop:
        coroutine.send(2)
    assert stop.value.value == [1, 2]


def test_in_bridge_tells_a_greenlet_of_the_bridge_from_all_else(run):
    async def below():
        return in_bridge()

    async def main():
        return in_bridge(), await spawn_greenlet(lambda: (in_bridge(), await_(below())))

    assert run(main) == (False, (True, True))


# --- Exceptions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError("x"), KeyError(1), BaseException("base")])
def test_what_the_function_raises_reaches_the_caller(run, error):
    def fail():
        raise error

    async def main():
        with pytest.raises(type(error)) as caught:
            await spawn_greenlet(fail)
        return caught.value

    assert run(main) is error


def test_what_a_coroutine_raises_reaches_the_synchronous_code_that_awaits_it(run):
    async def fail():
        await asyncio.sleep(0)
        raise LookupError("no such row")

    def ordinary():
        try:
            await_(fail())
        except LookupError as error:
            return f"handled {error}"

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) == "handled no such row"


def test_the_error_of_a_future_is_raised_where_it_is_awaited(run):
    async def main():
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, OSError("gone"))
        with pytest.raises(OSError, match="gone"):
            await spawn_greenlet(await_, future)

    run(main)


def test_the_traceback_names_the_functions_of_the_user_in_the_order_of_their_calls(run):
    async def inner_coroutine():
        await asyncio.sleep(0)
        raise ValueError

    def ordinary_function():
        await_(inner_coroutine())

    async def outer_coroutine():
        await spawn_greenlet(ordinary_function)

    async def main():
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the type is all there is
            await outer_coroutine()
        return [frame.name for frame in traceback.extract_tb(caught.tb)]

    users = {"outer_coroutine", "ordinary_function", "inner_coroutine"}
    assert [name for name in run(main) if name in users] == [
        "outer_coroutine",
        "ordinary_function",
        "inner_coroutine",
    ]


def test_a_stop_iteration_out_of_the_function_is_an_error_as_in_any_coroutine(run):
    async def main():
        with pytest.raises(RuntimeError, match="raised StopIteration"):
            await spawn_greenlet(next, iter(()))

    run(main)


def test_synchronous_code_may_go_on_after_a_failed_wait(run):
    async def fail():
        raise ValueError

    def ordinary():
        for _ in range(3):
            try:
                await_(fail())
            except ValueError:
                await_(double(1))
        return "went on"

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) == "went on"


def test_no_exception_counts_as_handled_after_a_failed_wait(run):
    def ordinary():
        future = asyncio.get_running_loop().create_future()
        future.get_loop().call_soon(future.set_exception, ValueError())
        with contextlib.suppress(ValueError):
            await_(future)
        return sys.exception()

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) is None
