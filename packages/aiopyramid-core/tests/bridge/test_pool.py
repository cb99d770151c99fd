"""pool: greenlets are reused, and a parked one holds on to nothing."""

import asyncio
import gc
import threading
import weakref
from contextvars import ContextVar

import pytest
from greenlet import GreenletExit, getcurrent

from aiopyramid_core import await_, spawn_greenlet
from aiopyramid_core._bridge import pool as _greenlets
from aiopyramid_core.observing import greenlet_counts
from aiopyramid_core.servers import kills_greenlet

held: ContextVar[object] = ContextVar("held")


class Thing:
    """Something that weak references may point to."""


@pytest.fixture(autouse=True)
def empty_pool():
    _greenlets.idle_greenlets.stack.clear()
    yield
    _greenlets.idle_greenlets.stack.clear()


def parked():
    return _greenlets.idle_greenlets.stack


def alive():
    """Count the greenlets of the bridge that exist in this process."""
    gc.collect()
    return sum(type(each) is _greenlets.BridgeGreenlet for each in gc.get_objects())


async def all_at_once(number):
    """Run ``number`` greenlets which all wait at the same time."""
    barrier = asyncio.Barrier(number)
    await asyncio.gather(*(spawn_greenlet(await_, barrier.wait()) for _ in range(number)))


# --- Reuse ----------------------------------------------------------------------------------------


def test_calls_one_after_the_other_share_one_greenlet(run):
    async def main():
        return {await spawn_greenlet(getcurrent) for _ in range(10)}

    assert len(run(main)) == 1


def test_calls_at_the_same_time_have_greenlets_of_their_own(run):
    run(all_at_once, 7)
    assert len(parked()) == 7


def test_a_greenlet_whose_function_failed_is_reused(run):
    async def main():
        for _ in range(10):
            with pytest.raises(ZeroDivisionError):
                await spawn_greenlet(divmod, 1, 0)

    run(main)
    assert len(parked()) == 1


def test_a_greenlet_whose_function_was_cancelled_is_reused(run):
    async def main():
        task = asyncio.create_task(spawn_greenlet(await_, asyncio.Event().wait()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    run(main)
    assert len(parked()) == 1


def test_a_closed_greenlet_is_reused(bare):
    coroutine = spawn_greenlet(lambda: await_(bare()))
    coroutine.send(None)
    coroutine.close()
    assert len(parked()) == 1


def test_the_pool_is_bounded(run):
    run(all_at_once, _greenlets._IDLE_LIMIT + 10)
    assert len(parked()) == _greenlets._IDLE_LIMIT


def test_a_greenlet_that_the_pool_has_no_room_for_is_freed(run):
    before = alive()
    run(all_at_once, _greenlets._IDLE_LIMIT + 10)
    assert alive() - before == _greenlets._IDLE_LIMIT


# --- Death ----------------------------------------------------------------------------------------


def test_a_killed_greenlet_does_not_come_back_to_the_pool(run):
    def killed():
        raise GreenletExit

    async def main():
        with pytest.raises(GreenletExit):
            await spawn_greenlet(killed)

    run(main)
    assert parked() == []


def test_a_greenlet_killed_while_it_waits_does_not_come_back_to_the_pool(run):
    async def main():
        future = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(spawn_greenlet(await_, future))
        await asyncio.sleep(0)
        future.set_exception(GreenletExit())
        await asyncio.wait([task])
        return type(task.exception())

    assert run(main) is GreenletExit
    assert parked() == []


def test_a_kill_runs_the_finally_clauses_and_reaches_the_caller_as_what_was_raised(run):
    log = []
    reason = GreenletExit("enough")

    def killed():
        try:
            raise reason
        finally:
            log.append("finally")

    async def main():
        with pytest.raises(GreenletExit) as caught:
            await spawn_greenlet(killed)
        return caught.value

    assert run(main) is reason
    assert log == ["finally"]


def test_the_next_call_after_a_kill_gets_a_live_greenlet(run):
    def killed():
        raise GreenletExit

    async def main():
        with pytest.raises(GreenletExit):
            await spawn_greenlet(killed)
        return await spawn_greenlet(lambda: await_(asyncio.sleep(0, "alive")))

    assert run(main) == "alive"


# --- What a parked greenlet keeps -----------------------------------------------------------------
#
# The weak references are dead without the garbage collector's help: reference counts do it.


def test_a_parked_greenlet_keeps_no_argument(run):
    async def main():
        thing, other = Thing(), Thing()
        references = weakref.ref(thing), weakref.ref(other)
        await spawn_greenlet(lambda _, *, keyword: None, thing, keyword=other)
        del thing, other
        return [reference() for reference in references]

    assert run(main) == [None, None]
    assert len(parked()) == 1


def test_a_parked_greenlet_keeps_no_function(run):
    async def main():
        def function():
            pass

        reference = weakref.ref(function)
        await spawn_greenlet(function)
        del function
        return reference()

    assert run(main) is None


def test_a_parked_greenlet_keeps_no_result(run):
    async def main():
        return weakref.ref(await spawn_greenlet(Thing))()

    assert run(main) is None


def test_a_parked_greenlet_keeps_no_awaitable_and_not_what_it_gave(run):
    async def coroutine():
        await asyncio.sleep(0)
        return Thing()

    async def main():
        waiting = coroutine()
        references = [weakref.ref(waiting)]

        def ordinary(awaitable):
            references.append(weakref.ref(await_(awaitable)))

        await spawn_greenlet(ordinary, waiting)
        del waiting
        return [reference() for reference in references]

    assert run(main) == [None, None]


def test_a_parked_greenlet_keeps_no_exception(run):
    class Failure(Exception):
        pass

    def fail():
        raise Failure

    async def main():
        try:
            await spawn_greenlet(fail)
        except Failure as error:
            return weakref.ref(error)

    assert run(main)() is None


def test_an_exception_that_was_thrown_into_a_wait_is_freed(bare):
    class Failure(Exception):
        pass

    def ordinary():
        try:
            await_(bare())
        except Failure as error:
            return weakref.ref(error)

    coroutine = spawn_greenlet(ordinary)
    coroutine.send(None)
    with pytest.raises(StopIteration) as stop:
        coroutine.throw(Failure())
    assert stop.value.value() is None


@pytest.mark.parametrize("waits", [False, True])
def test_a_parked_greenlet_keeps_no_context(run, waits):
    references = []

    def ordinary():
        thing = Thing()
        references.append(weakref.ref(thing))
        held.set(thing)
        if waits:
            await_(asyncio.sleep(0))

    async def main():
        await asyncio.create_task(spawn_greenlet(ordinary))

    run(main)
    assert [reference() for reference in references] == [None]
    assert len(parked()) == 1


# --- Leaks ----------------------------------------------------------------------------------------


def test_a_thousand_runs_leave_no_greenlet_but_the_parked_ones(run):
    async def main():
        for _ in range(1000):
            await spawn_greenlet(lambda: await_(asyncio.sleep(0)))

    run(main)
    before = alive()
    run(main)
    assert alive() == before


def test_a_thousand_failed_runs_leave_no_greenlet_but_the_parked_ones(run):
    def fail():
        await_(asyncio.sleep(0))
        raise ValueError

    async def main():
        for _ in range(1000):
            with pytest.raises(ValueError):  # noqa: PT011 - the type is all there is
                await spawn_greenlet(fail)

    run(main)
    before = alive()
    run(main)
    assert alive() == before


def test_a_thread_that_ends_takes_its_parked_greenlets_with_it(run):
    before = alive()
    threads = [threading.Thread(target=run, args=[all_at_once, 5]) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert alive() == before


@pytest.mark.parametrize("error", [GreenletExit(), type("Own", (GreenletExit,), {})()])
def test_what_kills_a_greenlet_is_told_from_all_else(error):
    assert kills_greenlet(error)
    assert not any(map(kills_greenlet, [BaseException(), SystemExit(), GeneratorExit(), OSError()]))


# --- Counts ---------------------------------------------------------------------------------------


def test_greenlets_are_counted_while_they_are_used_and_while_they_are_kept(run):
    async def main():
        before = greenlet_counts()
        within = await spawn_greenlet(greenlet_counts)
        after = greenlet_counts()
        return [(each.used - before.used, each.idle) for each in (within, after)]

    run(all_at_once, 3)
    (used, kept), (unused, all_kept) = run(main)
    assert (used, unused) == (1, 0)
    assert all_kept == kept + 1
