"""by_hand: what code for aiopyramid 0.x does with greenlets."""

import asyncio
import contextlib
import types

import pytest
from greenlet import getcurrent, greenlet

from aiopyramid_core import await_, spawn_greenlet, synchronize
from aiopyramid_core.legacy import run_in_greenlet


async def double(number):
    await asyncio.sleep(0)
    return 2 * number


def double_in_generator(number):
    yield from asyncio.sleep(0)
    return 2 * number


async def fail():
    await asyncio.sleep(0)
    raise KeyError("failed")


def call_by_hand(function, *args):
    """Call a coroutine function from synchronous code as the old documentation says."""
    this = getcurrent()
    future = asyncio.Future()
    task = asyncio.ensure_future(run_in_greenlet(this, future, function, *args))
    this.parent.switch(task)
    return future.result()


def spawned(function, *args):
    async def main():
        return await asyncio.wait_for(spawn_greenlet(function, *args), 20)

    return main


# --- The documented pattern -----------------------------------------------------------------------


@pytest.mark.parametrize("function", [double, double_in_generator])
def test_run_in_greenlet_resumes_the_greenlet_that_waits(run, function):
    def ordinary():
        return call_by_hand(function, 6) + 1

    assert run(spawned(ordinary)) == 13


def test_what_the_coroutine_raises_is_in_the_future(run):
    def ordinary():
        with pytest.raises(KeyError, match="failed"):
            call_by_hand(fail)
        return "went on"

    assert run(spawned(ordinary)) == "went on"


def test_it_works_again_and_again_with_await_in_between(run):
    def ordinary():
        return [call_by_hand(double, 1), await_(double(2)), call_by_hand(double, 3)]

    assert run(spawned(ordinary)) == [2, 4, 6]


def test_it_works_below_coroutines(run):
    async def coroutine():
        return call_by_hand(double, 5)

    assert run(spawned(synchronize(coroutine))) == 10


def test_the_greenlet_goes_on_in_its_own_task(run):
    async def coroutine():
        return asyncio.current_task()

    def ordinary():
        before = asyncio.current_task()
        within = call_by_hand(coroutine)
        return before is asyncio.current_task(), before is within

    assert run(spawned(ordinary)) == (True, False)


def test_a_cancelled_task_cancels_the_coroutine_and_the_greenlet_hears_of_it(run):
    async def main():
        began, told = asyncio.Event(), []

        async def endless():
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                told.append("coroutine")

        def ordinary():
            try:
                call_by_hand(endless)
            finally:
                told.append("greenlet")

        task = asyncio.create_task(spawn_greenlet(ordinary))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return told

    assert run(main) == ["coroutine", "greenlet"]


def test_a_task_cancelled_at_once_cancels_the_future_and_the_greenlet(run):
    async def main():
        told = []
        future = asyncio.get_running_loop().create_future()

        def ordinary():
            asyncio.current_task().cancel()
            try:
                getcurrent().parent.switch(future)
            except asyncio.CancelledError:
                told.append("greenlet")
                raise

        task = asyncio.create_task(spawn_greenlet(ordinary))
        await asyncio.wait([task], timeout=20)
        return told, task.cancelled(), future.cancelled()

    assert run(main) == (["greenlet"], True, True)


def test_a_coroutine_closed_while_a_greenlet_waits_by_hand_ends_the_greenlet():
    told = []

    def ordinary():
        try:
            getcurrent().parent.switch(future)
        finally:
            told.append("greenlet")

    with contextlib.closing(asyncio.new_event_loop()) as loop:
        future = loop.create_future()
        coroutine = spawn_greenlet(ordinary)
        coroutine.send(None)
        coroutine.close()
    assert told == ["greenlet"]


# --- Other futures --------------------------------------------------------------------------------


def test_the_result_of_any_other_future_is_the_result_of_the_call(run):
    log = []

    def ordinary():
        future = asyncio.Future()
        asyncio.get_running_loop().call_soon(future.set_result, 4)
        try:
            getcurrent().parent.switch(future)
        finally:
            log.append("given up")

    assert run(spawned(ordinary)) == 4
    assert log == ["given up"]


def test_what_a_future_raises_is_raised_where_it_was_switched_up(run):
    def ordinary():
        try:
            getcurrent().parent.switch(asyncio.ensure_future(fail()))
        except KeyError as error:
            raise LookupError("not found") from error

    with pytest.raises(LookupError, match="not found"):
        run(spawned(ordinary))


def test_a_coroutine_that_yields_a_future_is_told_so_as_in_any_task(run):
    @types.coroutine
    def mistaken():
        yield asyncio.Future()  # and not "yield from"

    with pytest.raises(RuntimeError, match="yield was used instead of yield from"):
        run(spawned(synchronize(mistaken)))


async def switch_back(back):
    """Code that users wrote themselves, instead of calling run_in_greenlet."""
    await asyncio.sleep(0)
    return back.switch("by hand")


def test_a_coroutine_may_switch_to_the_greenlet_itself(run):
    def ordinary():
        this = getcurrent()
        return this.parent.switch(asyncio.ensure_future(switch_back(this))), "went on"

    assert run(spawned(ordinary)) == ("by hand", "went on")


def test_a_greenlet_so_resumed_may_wait(run):
    async def pause():
        await asyncio.sleep(0.001)  # for a future; a bare yield cannot be told from a result

    def ordinary():
        this = getcurrent()
        this.parent.switch(asyncio.ensure_future(switch_back(this)))
        await_(pause())
        return call_by_hand(double, 4)

    assert run(spawned(ordinary)) == 8


def test_run_in_greenlet_switches_to_a_greenlet_that_is_not_of_the_bridge(run):
    async def main():
        got = []

        def ordinary():
            got.append(call_by_hand(double, 6))

        greenlet(ordinary).switch()
        while not got:
            await asyncio.sleep(0)
        return got

    assert run(main) == [12]


def test_afterwards_greenlets_are_used_again(run):
    def give_up():
        future = asyncio.Future()
        future.set_result("given up")
        getcurrent().parent.switch(future)

    async def main():
        results = []
        for _ in range(3):
            results.append(await spawn_greenlet(give_up))
            results.append(await spawn_greenlet(call_by_hand, double, 1))
            results.append(await spawn_greenlet(lambda: await_(double(2))))
        return results

    assert run(main) == ["given up", 2, 4] * 3
