"""sqlalchemy: code of SQLAlchemy waits in requests, tasks and threads as ``await_`` does."""

import asyncio
import os
import threading
import traceback
from contextvars import ContextVar

import pytest
import sqlalchemy
from greenlet import getcurrent
from pyramid.response import Response
from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only, greenlet_spawn
from webob import Request

from aiopyramid_core import ScopeError, await_, call_in_thread, spawn_greenlet, synchronize
from aiopyramid_core import run as run_script
from aiopyramid_core._bridge.driver import in_bridge
from aiopyramid_core._bridge.sqlalchemy import in_sqlalchemy
from aiopyramid_core._bridge.tasks import let_tasks_wait
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_core.streaming import EventStreamResponse

colour: ContextVar[str] = ContextVar("colour", default="none")


async def value():
    await asyncio.sleep(0)
    return 7


class Awaitable:
    """What aiosqlite's connection is: no coroutine, but it can be awaited."""

    def __await__(self):
        return value().__await__()


def future():
    return asyncio.ensure_future(value())


def shielded():
    return asyncio.shield(value())


each_awaitable = pytest.mark.parametrize("make", [value, Awaitable, future, shielded])


class TestAGreenletOfTheBridge:
    @each_awaitable
    def test_waits_for_whatever_a_dialect_awaits(self, run, make):
        async def main():
            return await spawn_greenlet(lambda: await_only(make()))

        assert run(main) == 7

    def test_waits_in_the_task_of_its_request(self, run):
        async def current():
            return asyncio.current_task()

        async def main():
            return asyncio.current_task(), await spawn_greenlet(lambda: await_only(current()))

        task, seen = run(main)
        assert seen is task

    def test_goes_on_while_others_wait(self, run):
        async def main():
            barrier = asyncio.Barrier(5)
            await asyncio.gather(
                *(spawn_greenlet(lambda: await_only(barrier.wait())) for _ in range(5))
            )

        run(main)

    def test_raises_what_the_awaitable_raises_with_the_frames_of_both_sides(self, run):
        async def fails():
            await asyncio.sleep(0)
            raise LookupError("gone")

        def synchronous_code():
            await_only(fails())

        async def main():
            try:
                await spawn_greenlet(synchronous_code)
            except LookupError as error:
                return [frame.name for frame in traceback.extract_tb(error.__traceback__)]

        names = run(main)
        assert names.index("main") < names.index("synchronous_code") < names.index("fails")

    def test_lets_the_caller_handle_the_error_and_go_on(self, run):
        async def fails():
            raise LookupError

        def synchronous_code():
            try:
                await_only(fails())
            except LookupError:
                return await_only(value())

        async def main():
            return await spawn_greenlet(synchronous_code)

        assert run(main) == 7

    def test_is_cancelled_where_it_waits(self, run):
        seen = []

        def synchronous_code():
            try:
                await_only(asyncio.sleep(60))
            except asyncio.CancelledError:
                seen.append(await_only(value()))
                raise

        async def main():
            task = asyncio.ensure_future(spawn_greenlet(synchronous_code))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(main)
        assert seen == [7]

    def test_observes_a_timeout_around_it(self, run):
        async def main():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await spawn_greenlet(lambda: await_only(asyncio.sleep(60)))

        run(main)

    def test_shares_its_context_with_the_awaitable(self, run):
        async def paint():
            seen = colour.get()
            colour.set("green")
            return seen

        def synchronous_code():
            colour.set("red")
            return await_only(paint()), colour.get()

        async def main():
            return await spawn_greenlet(synchronous_code)

        assert run(main) == ("red", "green")

    def test_lets_synchronous_code_below_the_awaitable_wait_in_turn(self, run):
        async def outer():
            return await_only(value()), await_(value())

        async def main():
            return await spawn_greenlet(lambda: await_only(outer()))

        assert run(main) == (7, 7)

    def test_is_not_taken_for_one_of_sqlalchemys(self, run):
        async def main():
            return await spawn_greenlet(lambda: (in_bridge(), in_sqlalchemy()))

        assert run(main) == (True, False)

    def test_shows_its_real_parent_to_other_greenlets(self, run):
        async def main():
            worker = await spawn_greenlet(getcurrent)
            return worker.parent

        assert type(run(main)).__name__ == "greenlet"

    def test_waits_below_sqlalchemys_own_greenlets(self, run):
        async def main():
            return await spawn_greenlet(
                lambda: await_only(greenlet_spawn(lambda: (await_only(value()), await_(value()))))
            )

        assert run(main) == (7, 7)

    def test_cannot_wait_in_a_child_process(self, run):
        def in_child():
            process = os.fork()
            if process:
                return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            try:
                await_only(value())
            except MissingGreenlet:
                os._exit(3)
            os._exit(4)

        async def main():
            return await spawn_greenlet(in_child)

        assert run(main) == 3


class TestAThread:
    @pytest.mark.parametrize("make", [value, Awaitable])
    def test_waits_for_whatever_a_dialect_awaits(self, run, make):
        async def main():
            return await call_in_thread(None, lambda: await_only(make()))

        assert run(main) == 7

    def test_hands_the_awaitable_to_the_event_loop(self, run):
        async def place():
            return threading.current_thread(), asyncio.get_running_loop()

        async def main():
            seen = await call_in_thread(None, lambda: await_only(place()))
            return seen == (threading.current_thread(), asyncio.get_running_loop())

        assert run(main) is True

    def test_uses_one_greenlet_for_one_call_after_another(self, run):
        def greenlet():
            return threading.get_ident(), getcurrent()

        async def main():
            return [await call_in_thread(None, greenlet) for _ in range(50)]

        seen = run(main)
        assert len(set(seen)) == len({thread for thread, _ in seen})

    def test_shares_its_context_with_the_awaitable(self, run):
        async def paint():
            seen = colour.get()
            colour.set("green")
            return seen

        def synchronous_code():
            colour.set("red")
            return await_only(paint()), colour.get()

        async def main():
            return await call_in_thread(None, synchronous_code), colour.get()

        assert run(main) == (("red", "green"), "green")

    def test_raises_what_the_awaitable_raises(self, run):
        async def fails():
            raise LookupError("gone")

        async def main():
            with pytest.raises(LookupError, match="gone"):
                await call_in_thread(None, lambda: await_only(fails()))
            return await call_in_thread(None, lambda: await_only(value()))

        assert run(main) == 7

    def test_is_cancelled_where_it_waits(self, run):
        entered = threading.Event()
        seen = []

        async def wait():
            entered.set()
            await asyncio.sleep(60)

        def synchronous_code():
            try:
                await_only(wait())
            except asyncio.CancelledError:
                seen.append(await_only(value()))
            finally:
                left.set()

        left = threading.Event()

        async def main():
            task = asyncio.ensure_future(call_in_thread(None, synchronous_code))
            await asyncio.to_thread(entered.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(left.wait)

        run(main)
        assert seen == [7]

    def test_still_waits_for_synchronized_coroutines(self, run):
        @synchronize
        async def synchronized():
            return await value()

        async def main():
            return await call_in_thread(None, lambda: (synchronized(), await_only(value())))

        assert run(main) == (7, 7)

    def test_that_runs_a_loop_of_its_own_is_told_to_await(self, run):
        async def wrong():
            await_only(value())

        async def main():
            with pytest.raises(ScopeError, match="await it directly"):
                await call_in_thread(None, lambda: asyncio.run(wrong()))

        run(main)


def test_a_script_waits():
    assert run_script(lambda: await_only(value())) == 7


def test_a_synchronous_view_waits_under_a_server_with_threads(application):
    def view(request):
        return Response(str(await_only(value())))

    app = application(lambda config: config.add_view(view))
    assert Request.blank("/").get_response(app).text == "7"


def test_a_body_of_a_synchronous_view_waits_under_a_server_with_threads(application):
    def body():
        yield str(await_only(value())).encode()

    app = application(lambda config: config.add_view(lambda request: Response(app_iter=body())))
    assert Request.blank("/").get_response(app).text == "7"


def test_a_synchronous_view_waits_in_a_thread_of_the_worker(run, application, fetch):
    def view(request):
        return Response(f"{await_only(value())} {threading.current_thread().name}")

    app = application(lambda config: config.add_view(view))

    async def main():
        return (await fetch(app)).text, threading.current_thread().name

    answer, thread = run(main)
    assert answer.startswith("7 ")
    assert thread not in answer


def test_a_startup_function_a_background_task_and_a_shutdown_function_wait(run, application):
    seen = []

    def start(registry):
        seen.append(("startup", await_only(value())))

    async def task():
        seen.append(("task", await_only(value())))

    async def stop(registry):
        seen.append(("shutdown", await_only(value())))

    def configure(config):
        config.add_startup(start)
        config.add_shutdown(stop)

    app = application(configure)

    async def main():
        lifespan = lifespan_of(app.registry)
        await lifespan.start()
        lifespan.spawn(task())
        await lifespan.stop()

    run(main)
    assert seen == [("startup", 7), ("task", 7), ("shutdown", 7)]


def test_events_of_an_event_stream_wait(run, application, fetch):
    async def events():
        yield str(await_only(value()))

    async def view(request):
        return EventStreamResponse(events())

    app = application(lambda config: config.add_view(view))

    async def main():
        return await spawn_greenlet(lambda: asyncio_text(app))

    def asyncio_text(app):
        return Request.blank("/").get_response(app).text

    assert "data: 7" in run(main)


def test_child_tasks_of_a_request_wait_if_tasks_can_wait(run):
    async def child():
        return await_only(value())

    async def parent():
        return await asyncio.gather(child(), child())

    async def main():
        let_tasks_wait(asyncio.get_running_loop())
        return await spawn_greenlet(lambda: await_(parent()))

    assert run(main) == [7, 7]


def test_an_engine_with_an_asyncio_driver_queries_for_synchronous_code(run):
    def query(engine):
        with engine.connect() as connection:
            return connection.scalar(sqlalchemy.text("select 7"))

    async def main():
        engine = create_async_engine("sqlite+aiosqlite://")
        try:
            in_bridge = await spawn_greenlet(query, engine.sync_engine)
            return in_bridge, await call_in_thread(None, query, engine.sync_engine)
        finally:
            await engine.dispose()

    assert run(main) == (7, 7)
