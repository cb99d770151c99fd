"""_startup: attempts to start the application, and a stop in between."""

import asyncio
import logging

import pytest

from aiopyramid_core import StartupError
from aiopyramid_gunicorn import _startup
from aiopyramid_gunicorn._startup import finishes_before, start_application

pytestmark = pytest.mark.usefixtures("loop_factory")
logger = logging.getLogger("test")


class GivenUp(Exception):
    pass


def give_up():
    raise GivenUp


@pytest.fixture
def failing(monkeypatch):
    """Let the next attempts fail; return the pauses between them, which take no time."""

    def failing(times):
        left, pauses = [LookupError("a bug")] * times, []

        async def startup(*, again):
            if left:
                raise StartupError("connect", left.pop())

        async def sleep(seconds):
            pauses.append(seconds)

        monkeypatch.setattr(_startup, "startup", startup)
        monkeypatch.setattr(_startup.asyncio, "sleep", sleep)
        return pauses

    return failing


async def test_a_start_that_fails_is_tried_again_after_growing_pauses(failing, caplog):
    pauses = failing(8)
    await start_application("worker", logger, has_served=True, give_up=give_up)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert "worker could not start; next attempt in 16s" in caplog.text


async def test_a_start_that_fails_before_any_worker_has_served_is_given_up(failing, caplog):
    pauses = failing(1)
    with pytest.raises(GivenUp):
        await start_application("worker", logger, has_served=False, give_up=give_up)
    assert pauses == []
    assert "The startup function connect has failed" in caplog.text


async def test_a_coroutine_may_finish_before_the_event():
    assert await finishes_before(asyncio.Event(), asyncio.sleep(0))


async def test_a_coroutine_that_fails_raises_its_error():
    async def fail():
        raise LookupError

    with pytest.raises(LookupError):
        await finishes_before(asyncio.Event(), fail())


async def test_the_event_cancels_the_coroutine():
    ended = []

    async def wait():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    assert not await finishes_before(stop, wait())
    assert ended == [True]
