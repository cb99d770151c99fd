"""_stop_notice: callbacks for when a server begins to stop."""

import asyncio
import threading

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


def test_a_loop_that_was_closed_is_passed_over(run):
    notice = StopNotice()

    async def main():
        notice.call(lambda: None)

    run(main)
    notice.give()
    assert notice.is_given
