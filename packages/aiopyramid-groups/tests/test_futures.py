"""_futures: futures for which several wait."""

import asyncio

import pytest

from aiopyramid_groups._futures import shared_result


async def test_one_who_gives_up_does_not_cancel_it_for_others(loop_factory):
    future = asyncio.get_running_loop().create_future()
    impatient, patient = (asyncio.create_task(shared_result(future)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    assert impatient.cancelled()
    future.set_result("here")
    assert await patient == "here"


async def test_a_failure_after_that_is_logged_by_nobody(loop_factory):
    loop = asyncio.get_running_loop()
    logged = []
    loop.set_exception_handler(lambda loop, context: logged.append(context))
    future = loop.create_future()
    waiting = asyncio.create_task(shared_result(future))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    future.set_exception(OSError("away"))
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="away"):
        future.result()
    assert logged == []
