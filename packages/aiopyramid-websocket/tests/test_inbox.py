"""inbox: messages wait for the handler."""

import asyncio

import pytest

from aiopyramid_websocket import AlreadyReceiving
from aiopyramid_websocket._inbox import Inbox


@pytest.mark.usefixtures("loop_factory")
async def test_only_one_task_at_a_time_may_wait_for_a_message():
    inbox = Inbox(asyncio.get_running_loop(), 16, 1000)
    first = asyncio.create_task(inbox.receive())
    await asyncio.sleep(0)
    with pytest.raises(AlreadyReceiving):
        await inbox.receive()
    inbox.end()
    inbox.wake()
    assert await first is None
