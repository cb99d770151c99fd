"""driver: step_in_greenlets, a greenlet for each step of a coroutine and none in between."""

import asyncio
import contextlib

import pytest

from aiopyramid_core import await_, synchronize
from aiopyramid_core._bridge.driver import in_bridge, step_in_greenlets
from aiopyramid_core._bridge.pool import idle_greenlets


@synchronize
async def pause():
    await asyncio.sleep(0)
    return "paused"


def test_the_result_of_the_coroutine_is_returned(run):
    async def coroutine():
        await asyncio.sleep(0)
        return 42

    async def main():
        return await step_in_greenlets(coroutine())

    assert run(main) == 42


def test_what_the_coroutine_raises_is_raised(run):
    async def coroutine():
        await asyncio.sleep(0)
        raise LookupError("gone")

    async def main():
        await step_in_greenlets(coroutine())

    with pytest.raises(LookupError, match="gone"):
        run(main)


def test_synchronous_code_may_await_in_every_step(run):
    async def coroutine():
        seen = [pause(), in_bridge()]
        await asyncio.sleep(0)
        return [*seen, pause(), in_bridge(), await_(asyncio.sleep(0, "slept"))]

    async def main():
        return await step_in_greenlets(coroutine())

    assert run(main) == ["paused", True, "paused", True, "slept"]


def test_all_steps_run_in_the_task_of_the_caller(run):
    async def coroutine():
        tasks = [asyncio.current_task()]
        await asyncio.sleep(0)
        return {*tasks, asyncio.current_task()}

    async def main():
        return await step_in_greenlets(coroutine()) == {asyncio.current_task()}

    assert run(main) is True


def test_a_coroutine_that_waits_holds_no_greenlet(run):
    async def coroutine(gate):
        await gate.wait()

    async def main():
        gate = asyncio.Event()
        tasks = [asyncio.create_task(step_in_greenlets(coroutine(gate))) for _ in range(20)]
        await asyncio.sleep(0)
        idle_while_waiting = len(idle_greenlets.stack)
        gate.set()
        await asyncio.gather(*tasks)
        return idle_while_waiting, len(idle_greenlets.stack)

    while_waiting, afterwards = run(main)
    assert while_waiting == afterwards > 0


def test_an_exception_of_what_it_waits_for_can_be_caught(run):
    async def coroutine(future):
        try:
            await future
        except LookupError:
            await asyncio.sleep(0)
            return "caught"

    async def main():
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, LookupError())
        return await step_in_greenlets(coroutine(future))

    assert run(main) == "caught"


def test_a_cancellation_arrives_in_the_coroutine(run):
    seen = []

    async def coroutine():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            seen.append(pause())

    async def main():
        task = asyncio.create_task(step_in_greenlets(coroutine()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main) is True
    assert seen == ["paused"]


def test_a_timeout_ends_a_wait(run):
    async def coroutine():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.get_running_loop().create_future()
        return "went on"

    async def main():
        return await step_in_greenlets(coroutine())

    assert run(main) == "went on"
