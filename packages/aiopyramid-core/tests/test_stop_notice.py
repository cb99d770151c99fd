"""_stop_notice: callbacks for when a server begins to stop."""

import asyncio
import threading

import pytest

from aiopyramid_core._stop_notice import StopNotice


def test_callbacks_are_called_on_their_loop_in_order(run):
    seen = []

    async def main():
        notice = StopNotice()
        ended = asyncio.Event()
        notice.call(lambda: seen.append(threading.current_thread()))
        notice.call(ended.set)
        giver = threading.Thread(target=notice.give)
        giver.start()
        await asyncio.wait_for(ended.wait(), 30)
        giver.join()
        assert notice.is_given

    run(main)
    assert seen == [threading.main_thread()]


def test_a_callback_that_was_withdrawn_is_not_called(run):
    seen = []

    async def main():
        notice = StopNotice()
        withdraw = notice.call(lambda: seen.append("called"))
        withdraw()
        withdraw()
        notice.give()
        await asyncio.sleep(0)
        withdraw()

    run(main)
    assert seen == []


@pytest.mark.parametrize("in_turn", [False, True])
def test_a_callback_that_another_one_withdraws_is_not_called(run, in_turn):
    seen = []

    async def main():
        notice = StopNotice()
        withdrawals = []
        notice.call(lambda: [withdraw() for withdraw in withdrawals], in_turn=in_turn)
        withdrawals.append(notice.call(lambda: seen.append("withdrawn"), in_turn=in_turn))
        notice.call(lambda: seen.append("called"), in_turn=in_turn)
        notice.give(1)
        async with asyncio.timeout(30):
            while not seen:
                await asyncio.sleep(0)

    run(main)
    assert seen == ["called"]


def test_a_notice_that_is_given_while_a_callback_is_being_registered_is_not_missed(run):
    seen = []

    class Callbacks(dict):
        def __setitem__(self, key, value):
            notice.give()  # a handler of a signal may run between any two steps
            super().__setitem__(key, value)

    notice = StopNotice()
    notice._callbacks = Callbacks()

    async def main():
        notice.call(lambda: seen.append("called"))
        await asyncio.sleep(0)

    run(main)
    assert seen == ["called"]


def test_after_the_notice_a_callback_is_called_soon(run):
    seen = []

    async def main():
        notice = StopNotice()
        notice.give()
        notice.call(lambda: seen.append("called"))
        notice.call(lambda: seen.append("withdrawn"))()
        assert seen == []
        await asyncio.sleep(0)

    run(main)
    assert seen == ["called"]


def test_a_callback_is_called_once(run):
    seen = []

    async def main():
        notice = StopNotice()
        notice.call(lambda: seen.append("called"))
        notice.give()
        notice.give()
        await asyncio.sleep(0)

    run(main)
    assert seen == ["called"]


def test_a_callback_that_fails_keeps_no_other_from_being_called(run):
    seen = []

    def fail():
        raise ValueError("on purpose")

    async def main():
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: seen.append(str(context["exception"]))
        )
        notice = StopNotice()
        for callback in (fail, fail, lambda: seen.append("called")):
            notice.call(callback)
        notice.give()
        async with asyncio.timeout(30):
            while len(seen) < 3:
                await asyncio.sleep(0)

    run(main)
    assert seen == ["on purpose", "on purpose", "called"]


def test_many_callbacks_wake_their_loop_once():
    class Loop(asyncio.SelectorEventLoop):
        woken = 0

        def call_soon_threadsafe(self, *args, **kwargs):
            self.woken += 1
            return super().call_soon_threadsafe(*args, **kwargs)

    seen = []

    async def main():
        notice = StopNotice()
        for number in range(100):
            notice.call(lambda number=number: seen.append(number))
        before = runner.get_loop().woken
        notice.give()
        await asyncio.sleep(0)
        assert runner.get_loop().woken == before + 1

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main())
    assert seen == list(range(100))


def test_a_loop_that_was_closed_is_passed_over(run):
    notice = StopNotice()

    async def main():
        notice.call(lambda: None)

    run(main)
    notice.give()
    assert notice.is_given


def test_callbacks_in_turn_are_called_a_few_at_a_time(run):
    seen = []

    async def main():
        notice = StopNotice()
        for number in range(30):
            notice.call(lambda number=number: seen.append(number), in_turn=True)
        notice.call(lambda: seen.append("at once"))
        withdraw = notice.call(lambda: seen.append("withdrawn"), in_turn=True)
        notice.give(1)
        late = notice.call(lambda: seen.append("late"), in_turn=True)
        notice.call(lambda: seen.append("withdrawn"), in_turn=True)()
        while len(seen) < 12:
            await asyncio.sleep(0)
        assert len(seen) < 32
        withdraw()
        async with asyncio.timeout(30):
            while "late" not in seen or len(seen) < 32:
                await asyncio.sleep(0.01)
        late()

    run(main)
    assert seen[0] == "at once"
    assert [each for each in seen if type(each) is int] == list(range(30))
    assert "withdrawn" not in seen


def test_without_a_time_callbacks_in_turn_do_not_wait_for_it(run):
    seen = []

    async def main():
        notice = StopNotice()
        for number in range(30):
            notice.call(lambda number=number: seen.append(number), in_turn=True)
        notice.give()
        await asyncio.sleep(0)  # the server cancels all requests then
        assert seen == list(range(30))
        notice.call(lambda: seen.append("late"), in_turn=True)
        await asyncio.sleep(0)
        assert seen[30:] == ["late"]

    run(main)


def test_a_callback_in_turn_may_be_withdrawn_before_its_loop_has_begun(run):
    seen = []

    async def main():
        notice = StopNotice()
        withdraw = notice.call(lambda: seen.append("called"), in_turn=True)
        notice.give(1)
        withdraw()
        await asyncio.sleep(0.05)

    run(main)
    assert seen == []
