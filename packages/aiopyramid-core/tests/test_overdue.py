"""_overdue: startup and shutdown functions that take long."""

import asyncio
import logging

import pytest

from aiopyramid_core import StartupError, _overdue
from aiopyramid_core.lifespan import Lifespan


class Registry(dict):
    """Something that weak references may point to."""


async def hang(registry):
    await asyncio.get_running_loop().create_future()


SOON_SECONDS = 0.3
"""More than a busy machine may stop for."""


@pytest.fixture
def soon(monkeypatch, caplog):
    """Let the log name what runs for longer than a moment."""
    monkeypatch.setattr(_overdue, "_PATIENCE_SECONDS", SOON_SECONDS)
    caplog.set_level(logging.WARNING, "aiopyramid_core")
    return caplog


def messages(caplog):
    return [record.getMessage() for record in caplog.records]


def test_a_startup_function_that_takes_long_is_named_again_and_again(run, soon):
    async def warm_up(registry):
        while len(messages(soon)) < 2:
            await asyncio.sleep(0.001)

    registry = Registry()
    lifespan = Lifespan(registry, 1.0)
    lifespan.add_startup(warm_up)
    run(lifespan.start)
    assert messages(soon)[0].endswith("warm_up is still running after 0 seconds")
    assert all("The startup function" in message for message in messages(soon))


def test_what_is_quick_is_not_named(run, soon):
    async def quick(registry):
        await asyncio.sleep(0)

    async def main():
        await lifespan.start()
        await lifespan.stop()
        await asyncio.sleep(2 * SOON_SECONDS)

    registry = Registry()
    lifespan = Lifespan(registry, 1.0)
    lifespan.add_startup(quick)
    lifespan.add_shutdown(quick)
    run(main)
    assert messages(soon) == []


def test_a_startup_function_that_hangs_is_cancelled_and_fails(run):
    registry = Registry()
    lifespan = Lifespan(registry, 1.0, 0.05)
    lifespan.add_startup(hang)
    with pytest.raises(StartupError) as caught:
        run(lifespan.start)
    assert str(caught.value) == (
        "The startup function hang has failed: TimeoutError: it has not ended within 0.05 seconds"
        " (aiopyramid.startup_timeout)"
    )


def test_a_timeout_of_the_functions_own_is_not_that_of_the_setting(run):
    async def own(registry):
        raise TimeoutError("of its own")

    registry = Registry()
    lifespan = Lifespan(registry, 1.0)
    lifespan.add_startup(own)
    with pytest.raises(StartupError, match="TimeoutError: of its own"):
        run(lifespan.start)


@pytest.mark.parametrize(("setting", "at_most"), [(0.05, 60.0), (60.0, -1.0)])
def test_shutdown_functions_that_hang_are_cancelled_one_by_one(
    run, monkeypatch, caplog, setting, at_most
):
    async def main():
        await lifespan.start()
        await lifespan.stop(at_most)

    monkeypatch.setattr("aiopyramid_core.lifespan._LEAST_SECONDS", 0.05)
    registry, log = Registry(), []
    lifespan = Lifespan(registry, setting)
    lifespan.add_shutdown(lambda registry: log.append("the first to start"))
    lifespan.add_shutdown(hang)
    lifespan.add_shutdown(hang)
    run(main)
    assert log == ["the first to start"]
    assert messages(caplog).count("The shutdown function hang has failed") == 2
    assert "it has not ended within 0.05 seconds (aiopyramid.shutdown_timeout)" in caplog.text


def test_a_start_that_has_failed_goes_on_with_the_function_that_has(run):
    async def main():
        with pytest.raises(StartupError):
            await lifespan.start()
        with pytest.raises(StartupError):  # no more than that, for a request
            await lifespan.start()
        await lifespan.start(again=True)
        await lifespan.start(again=True)

    def connect(registry):
        log.append("connect")
        if log.count("connect") == 1:
            raise ConnectionError("no database")

    registry, log = Registry(), []
    lifespan = Lifespan(registry, 1.0)
    lifespan.add_startup(lambda registry: log.append("first"))
    lifespan.add_startup(connect)
    lifespan.add_startup(lambda registry: log.append("last"))
    run(main)
    assert log == ["first", "connect", "connect", "last"]
