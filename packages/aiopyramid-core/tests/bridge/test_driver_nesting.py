"""driver: greenlets within greenlets, and loops in several threads."""

import asyncio
import sys
import threading

import pytest

from aiopyramid_core import await_, spawn_greenlet


async def double(number):
    await asyncio.sleep(0)
    return 2 * number


# --- Reentrancy -----------------------------------------------------------------------------------


def test_synchronous_code_and_coroutines_may_call_each_other_to_any_depth(run):
    tasks = set()

    def ordinary(depth):
        return depth if depth == 50 else await_(coroutine(depth))

    async def coroutine(depth):
        tasks.add(asyncio.current_task())
        await asyncio.sleep(0)
        return ordinary(depth + 1)

    async def main():
        return await spawn_greenlet(ordinary, 0)

    assert run(main) == 50
    assert len(tasks) == 1


# The limit may be reached by the very call that hands the coroutine over.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_an_endless_recursion_is_the_error_that_it_is_elsewhere_and_does_no_lasting_harm(run):
    def ordinary():
        return await_(coroutine())

    async def coroutine():
        return ordinary()

    async def main():
        for _ in range(3):
            with pytest.raises(RecursionError):
                await spawn_greenlet(ordinary)
        return await spawn_greenlet(await_, asyncio.sleep(0, "fine"))

    assert run(main) == "fine"


def test_greenlets_may_be_spawned_within_greenlets_to_any_depth(run):
    def ordinary(depth):
        return depth if depth == 50 else await_(coroutine(depth))

    async def coroutine(depth):
        await asyncio.sleep(0)
        return await spawn_greenlet(ordinary, depth + 1)

    async def main():
        return await coroutine(0)

    assert run(main) == 50


def test_an_error_climbs_through_every_level_of_nesting(run):
    passed = []

    def ordinary(depth):
        if depth == 20:
            raise KeyError(depth)
        await_(coroutine(depth))

    async def coroutine(depth):
        try:
            await asyncio.sleep(0)
            await spawn_greenlet(ordinary, depth + 1)
        finally:
            passed.append(depth)

    async def main():
        with pytest.raises(KeyError):
            await coroutine(0)

    run(main)
    assert passed == list(range(19, -1, -1))


def test_a_greenlet_spawned_elsewhere_may_be_finished_in_a_greenlet(run, bare):
    # Closing is what the garbage collector does to an abandoned coroutine, wherever it happens to
    # run: the greenlet must come back to there and not to where it was started.
    log = []

    def abandoned():
        try:
            await_(bare())
        finally:
            log.append("cleaned up")

    async def main():
        coroutine = spawn_greenlet(abandoned)
        coroutine.send(None)
        await spawn_greenlet(coroutine.close)
        log.append("went on")

    run(main)
    assert log == ["cleaned up", "went on"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_an_eager_task_may_spawn_a_greenlet_from_within_a_greenlet(run):
    # The first step of an eager task runs in the greenlet that made it, all others do not.
    async def with_children():
        loop = asyncio.get_running_loop()
        children = [
            asyncio.Task(spawn_greenlet(await_, double(i)), loop=loop, eager_start=True)
            for i in range(3)
        ]
        await asyncio.sleep(0)
        return [await child for child in children]

    async def main():
        return await spawn_greenlet(lambda: await_(with_children()))

    assert run(main) == [0, 2, 4]


# --- Threads --------------------------------------------------------------------------------------


def test_the_function_runs_on_the_thread_of_the_loop(run):
    async def main():
        return await spawn_greenlet(threading.current_thread)

    assert run(main) is threading.current_thread()


def test_many_threads_may_each_have_a_loop_of_their_own(run):
    barrier = threading.Barrier(16, timeout=30)
    results = []

    async def main(number):
        def ordinary(index):
            return threading.get_ident(), await_(double(number + index))

        barrier.wait()
        return await asyncio.gather(*(spawn_greenlet(ordinary, i) for i in range(20)))

    def thread(number):
        ident = threading.get_ident()
        expected = [(ident, 2 * (number + index)) for index in range(20)]
        results.append(run(main, number) == expected)

    threads = [threading.Thread(target=thread, args=[number]) for number in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert results == [True] * 16
