"""_flow: waiting for room in the write buffer."""

import asyncio

import pytest

from aiopyramid_core.exceptions import ClientDisconnected
from aiopyramid_gunicorn._flow import WriteFlow


async def test_with_room_in_the_buffer_nobody_waits(loop_factory):
    drain = WriteFlow(asyncio.get_running_loop()).drain()
    with pytest.raises(StopIteration):
        drain.send(None)


async def test_with_a_full_buffer_the_writer_waits_until_there_is_room(loop_factory):
    flow = WriteFlow(asyncio.get_running_loop())
    flow.pause()
    waiting = asyncio.create_task(flow.drain())
    await asyncio.sleep(0)
    assert (flow.full, waiting.done()) == (True, False)
    flow.resume()
    await waiting
    assert flow.full is False


async def test_a_buffer_that_fills_up_again_at_once_keeps_the_writer_waiting(loop_factory):
    flow = WriteFlow(asyncio.get_running_loop())
    flow.pause()
    waiting = asyncio.create_task(flow.drain())
    await asyncio.sleep(0)
    flow.resume()
    flow.pause()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    flow.resume()
    await waiting


async def test_a_disconnect_ends_the_wait_with_an_error(loop_factory):
    flow = WriteFlow(asyncio.get_running_loop())
    flow.pause()
    waiting = asyncio.create_task(flow.drain())
    await asyncio.sleep(0)
    flow.disconnect()
    with pytest.raises(ClientDisconnected):
        await waiting


async def test_after_a_disconnect_nobody_can_write(loop_factory):
    flow = WriteFlow(asyncio.get_running_loop())
    flow.disconnect()
    with pytest.raises(ClientDisconnected):
        await flow.drain()


async def test_a_cancelled_wait_does_not_disturb_a_later_resume(loop_factory):
    flow = WriteFlow(asyncio.get_running_loop())
    flow.pause()
    waiting = asyncio.create_task(flow.drain())
    await asyncio.sleep(0)
    waiting.cancel()
    flow.resume()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_two_writers_are_both_resumed(loop_factory):
    # A view may call write() from several threads.
    flow = WriteFlow(asyncio.get_running_loop())
    flow.pause()
    writers = [asyncio.create_task(flow.drain()) for _ in range(2)]
    await asyncio.sleep(0)
    flow.resume()
    done, _ = await asyncio.wait(writers, timeout=1)
    for writer in writers:
        writer.cancel()
    assert len(done) == 2
