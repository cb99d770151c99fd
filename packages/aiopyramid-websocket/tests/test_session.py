"""_session: how handlers end, and what is made of it."""

import asyncio
import logging
import time

import pytest
from pyramid.config import Configurator
from pyramid.threadlocal import get_current_request

from aiopyramid_core import ScopeError, await_, synchronize
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_core.watchdog import Watchdog
from aiopyramid_websocket import (
    WebSocket,
    WebSocketClosed,
    WebSocketConnectionView,
    WebSocketMapper,
)
from aiopyramid_websocket.testing import connect

pytestmark = pytest.mark.usefixtures("loop_factory")

PATIENCE_SECONDS = 20.0


def build(view, mapper=WebSocketMapper, **options):
    config = Configurator()
    config.include("aiopyramid_websocket")
    config.add_route("view", "/")
    config.add_view(view, route_name="view", mapper=mapper.configure(**options))
    return config.make_wsgi_app()


@pytest.fixture
def failures(caplog):
    """What the log says of handlers that have failed: the exceptions."""

    def failures():
        return [
            record.exc_info[1]
            for record in caplog.records
            if record.levelno >= logging.ERROR and "has failed" in record.message
        ]

    return failures


# --- With exceptions ------------------------------------------------------------------------------


class Panic(BaseException):
    """As of libraries that do not want to be caught."""


@pytest.mark.parametrize(
    "error",
    [
        LookupError("a bug"),
        Panic("a bug"),
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        asyncio.CancelledError(),
        BaseExceptionGroup("bugs", [Panic(), LookupError()]),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("bridge", [True, False])
async def test_whatever_a_handler_raises_closes_with_1011_and_is_logged_once(
    loop_factory, failures, error, bridge
):
    finished = []

    async def handler(request, ws):
        request.add_finished_callback(finished.append)
        await ws.recv()
        raise error

    async with connect(build(handler, bridge=bridge)) as client:
        await client.send("go")
        assert await client.recv() is None
        assert (client.close_code, client.close_reason) == (1011, "internal error")
    assert failures() == [error]
    assert len(finished) == 1


async def test_what_was_cancelled_below_a_handler_is_not_a_restart_of_the_server(
    loop_factory, failures
):
    async def handler(ws):
        task = asyncio.create_task(asyncio.sleep(PATIENCE_SECONDS))
        task.cancel()
        await task

    async with connect(handler) as client:
        assert await client.recv() is None
        assert client.close_code == 1011
    assert [type(each) for each in failures()] == [asyncio.CancelledError]


async def test_a_cancelled_handler_is_not_a_restart_of_the_server(loop_factory, failures):
    async def handler(ws):
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
        await ws.recv()

    async with connect(handler) as client:
        assert await client.recv() is None
        assert client.close_code == 1011


async def test_a_handler_that_is_cancelled_since_the_server_stops_closes_with_1012(
    loop_factory, failures
):
    async def handler(ws):
        await ws.send("begun")
        await ws.recv()

    application = build(handler)
    async with connect(application) as client:
        assert await client.recv() == "begun"
        # As a server that does not tell its connections before.
        await lifespan_of(application.registry).stop(0)
        assert await client.recv() is None
        assert client.close_code == 1012
    assert failures() == []


# --- Without the bridge ---------------------------------------------------------------------------


async def test_synchronous_code_may_wait_unless_the_view_does_without_the_bridge(
    loop_factory, failures
):
    async def handler(ws):
        while await ws.recv() is not None:
            await_(asyncio.sleep(0))
            await ws.send("has waited")

    async with connect(build(handler)) as client:
        await client.send("wait")
        assert await client.recv() == "has waited"
    async with connect(build(handler, bridge=False)) as client:
        await client.send("wait")
        assert await client.recv() is None
        assert client.close_code == 1011
    assert [type(each) for each in failures()] == [ScopeError]


async def test_finished_callbacks_may_wait_even_without_the_bridge(loop_factory, failures):
    finished = []

    def wait(request):
        await_(asyncio.sleep(0))
        finished.append(request)

    async def handler(request, ws):
        request.add_finished_callback(wait)

    async with connect(build(handler, bridge=False)):
        pass
    assert len(finished) == 1
    assert failures() == []


async def test_a_handler_without_the_bridge_sees_the_context_of_its_request(loop_factory):
    async def handler(request, ws):
        request.add_finished_callback(lambda request: None)
        await ws.send(str(get_current_request() is request))

    async with connect(build(handler, bridge=False)) as client:
        assert await client.recv() == "True"


# --- At the end of the request --------------------------------------------------------------------


@pytest.mark.parametrize("error", [LookupError("a bug"), Panic("a bug")])
async def test_a_finished_callback_that_fails_keeps_no_other_from_running(
    loop_factory, failures, error
):
    finished = []

    def fail(request):
        raise error

    async def handler(request, ws):
        request.add_finished_callback(fail)
        request.add_finished_callback(finished.append)

    async with connect(handler):
        pass
    assert len(finished) == 1
    assert failures() == [error]


async def test_a_websocket_class_that_fails_closes_with_1011(loop_factory, failures):
    class Failing(WebSocket):
        def __init__(self, *args):
            raise LookupError("a bug")

    class Mapper(WebSocketMapper):
        def websocket_class(self):
            return Failing

    async def handler(ws):
        raise AssertionError("it cannot begin")

    async with connect(build(handler, Mapper)) as client:
        assert await client.recv() is None
        assert client.close_code == 1011
    assert [str(each) for each in failures()] == ["a bug"]


# --- With the end of the connection ---------------------------------------------------------------


async def leave(ws):
    async for _ in ws:
        pass


async def tick(ws):
    while True:
        await ws.send("tick")
        await asyncio.sleep(0)


async def test_a_task_group_that_only_the_end_of_the_connection_ends_has_not_failed(
    loop_factory, failures
):
    async def handler(ws):
        async with asyncio.TaskGroup() as group:
            group.create_task(leave(ws))
            for _ in range(2):
                group.create_task(tick(ws))

    async with connect(handler) as client:
        assert await client.recv() == "tick"
    assert failures() == []


async def test_a_task_group_in_a_task_group_has_not_failed_either(loop_factory, failures):
    async def inner(ws):
        async with asyncio.TaskGroup() as group:
            group.create_task(tick(ws))

    async def handler(ws):
        async with asyncio.TaskGroup() as group:
            group.create_task(inner(ws))
            group.create_task(tick(ws))

    async with connect(handler) as client:
        assert await client.recv() == "tick"
    assert failures() == []


async def test_a_task_group_in_which_something_else_fails_as_well_has_failed(
    loop_factory, failures
):
    async def stumble(ws):
        try:
            await tick(ws)
        except WebSocketClosed:
            raise LookupError("a bug") from None

    async def handler(ws):
        async with asyncio.TaskGroup() as group:
            group.create_task(tick(ws))
            group.create_task(stumble(ws))

    async with connect(handler) as client:
        assert await client.recv() == "tick"
    ((first, second),) = [group.exceptions for group in failures()]
    assert {type(first), type(second)} == {WebSocketClosed, LookupError}


@pytest.mark.parametrize("grouped", [False, True])
async def test_the_end_of_another_connection_is_a_failure_of_this_one(
    loop_factory, failures, grouped
):
    error = WebSocketClosed(1000)

    async def handler(ws):
        raise BaseExceptionGroup("group", [error]) if grouped else error

    async with connect(handler) as client:
        assert await client.recv() is None
        assert client.close_code == 1011
    assert len(failures()) == 1


# --- When the client has gone ---------------------------------------------------------------------


async def test_a_handler_that_does_not_notice_that_its_client_has_gone_is_cancelled(
    loop_factory, failures, caplog
):
    log = []

    async def handler(ws):
        await ws.send("hello")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            log.append("tidied up")

    async with connect(build(handler, handler_timeout=0.05)) as client:
        await client.recv()
        await asyncio.sleep(0.1)  # not while the client is there
        assert log == []
    assert log == ["tidied up"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "has not read or written for 0.05 seconds" in record.message
    assert "aiopyramid.websocket.handler_timeout" in record.message
    assert failures() == []


async def test_a_handler_that_reads_on_when_its_client_has_gone_has_its_time(loop_factory, caplog):
    took = []

    async def handler(ws):
        await ws.recv()
        async for message in ws:
            await asyncio.sleep(0.12)  # each of them less than the limit, all of them more
            took.append(message)

    async with connect(build(handler, handler_timeout=1)) as client:
        for number in range(11):
            await client.send(str(number))
    assert took == [str(number) for number in range(1, 11)]
    assert caplog.records == []


async def test_a_handler_that_has_ended_in_time_is_not_cancelled(loop_factory, caplog):
    @synchronize
    async def wait():
        await asyncio.sleep(0.1)

    async def handler(request, ws):
        request.add_finished_callback(lambda request: wait())

    async with connect(build(handler, handler_timeout=0.05)):
        pass
    assert caplog.records == []


async def test_the_wait_may_be_unlimited(loop_factory):
    gone, ended = asyncio.Event(), []

    async def handler(ws):
        await gone.wait()
        ended.append(ws.closed)

    application = build(handler, handler_timeout="none")

    async with connect(application) as client:
        asyncio.get_running_loop().call_later(0.1, gone.set)
        await client.close()
    assert ended == [True]


# --- Blocking -------------------------------------------------------------------------------------


class Blocking(WebSocketConnectionView):
    def on_message(self, message):
        time.sleep(0.5)


async def blocking(ws):
    await ws.recv()
    time.sleep(0.5)


@pytest.mark.parametrize(
    ("view", "name"), [(blocking, "blocking"), (Blocking, "Blocking.on_message")]
)
async def test_a_handler_that_blocks_the_loop_is_named_by_the_watchdog(
    loop_factory, caplog, view, name
):
    watchdog = Watchdog(0.1)
    watchdog.start()
    try:
        async with connect(view) as client:
            await client.send("go")
    finally:
        watchdog.stop()
    # On a busy machine, other code may block the loop as well.
    culprit = f" by {__name__}.{name} ({__file__}:"
    (report,) = [each.message for each in caplog.records if culprit in each.message]
    assert report.startswith("The event loop has been blocked")
