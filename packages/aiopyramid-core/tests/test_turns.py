"""_turns: callbacks that are called a few at a time. The time is that of looptime's event loop."""

import asyncio
import itertools

import looptime
import pytest

from aiopyramid_core._turns import Turns


@pytest.fixture
def called():
    """Return when each of so many callbacks was called, in seconds after they were added."""

    def called(count, seconds, *, change=lambda turns: None):
        times = {}

        async def main():
            loop = asyncio.get_running_loop()
            begin = loop.time()
            turns = Turns(loop, seconds)
            for number in range(count):
                turns.add(number, lambda number=number: times.update({number: loop.time() - begin}))
            change(turns)
            assert not times  # not before the next iteration
            await asyncio.sleep(60)

        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            runner.run(main())
        return times

    return called


def test_a_few_are_called_at_once(called):
    assert set(called(10, 2).values()) == {0}


def test_more_are_called_one_after_the_other_five_hundred_a_second(called):
    times = called(300, 2)
    assert list(times) == sorted(times)
    assert times[299] == pytest.approx(0.58)
    counts = [len(list(group)) for _, group in itertools.groupby(times.values())]
    assert counts == [10] * 30


@pytest.mark.parametrize("count", [1500, 20000])
def test_many_are_called_evenly_within_the_time(called, count):
    times = called(count, 2)
    assert len(times) == count
    assert max(times.values()) <= 2
    for tenth in range(1, 10):
        done = sum(time < 2 * tenth / 10 for time in times.values())
        assert done == pytest.approx(count * tenth / 10, abs=0.02 * count)


def test_without_a_time_all_are_called_at_once(called):
    assert set(called(1000, 0).values()) == {0}


def test_one_that_was_removed_is_not_called(called):
    def change(turns):
        turns.remove(0)
        turns.remove(0)

    assert sorted(called(3, 2, change=change)) == [1, 2]


def test_one_that_is_added_after_the_others_were_called_has_its_turn_at_once():
    seen = []

    async def main():
        turns = Turns(asyncio.get_running_loop(), 2)
        turns.add(1, lambda: seen.append(1))
        await asyncio.sleep(1)
        turns.add(2, lambda: seen.append(2))
        await asyncio.sleep(0.01)
        assert seen == [1, 2]
        await asyncio.sleep(10)
        for number in range(3, 103):  # the time is over
            turns.add(number, lambda number=number: seen.append(number))
        await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(main())
    assert seen == list(range(1, 103))


def test_one_that_fails_is_reported_and_keeps_no_other_from_its_turn():
    seen = []

    def fail():
        raise ValueError("on purpose")

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: seen.append(str(context["exception"])))
        turns = Turns(loop, 2)
        for number in range(30):
            turns.add(number, fail if number % 2 else lambda: seen.append("called"))
        await asyncio.sleep(2)

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(main())
    assert seen == ["called", "on purpose"] * 15
