"""transactions: ``transaction`` and ``pyramid_tm`` in coroutine requests, and elsewhere."""

import asyncio
import threading

import pytest
import transaction
from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_core import await_, call_in_thread
from aiopyramid_core._threads.of_process import request_threads

PATIENCE_SECONDS = 20


class Writes:
    """A database, as far as transactions are concerned."""

    def __init__(self):
        self.committed = []
        self.threads = set()
        self.before_commit = lambda: None

    def write(self, text, manager):
        manager.get().join(Resource(self, text))


class Resource:
    """The writes of one transaction (transaction.interfaces.IDataManager)."""

    def __init__(self, writes, text):
        self.writes = writes
        self.text = text

    def abort(self, txn):
        self.writes.threads.add(threading.get_ident())

    tpc_abort = commit = tpc_vote = tpc_begin = lambda self, txn: None

    def tpc_finish(self, txn):
        self.writes.before_commit()
        self.writes.threads.add(threading.get_ident())
        self.writes.committed.append(self.text)

    def sortKey(self):
        return "writes"


@pytest.fixture
def writes():
    return Writes()


@pytest.fixture
def build(writes):
    """Build an application with pyramid_tm and a view."""

    def build(view, manager_hook=None, **options):
        settings = {} if manager_hook is None else {"tm.manager_hook": manager_hook}
        config = Configurator(settings=settings)
        config.include("pyramid_tm")
        config.include("aiopyramid_core")
        config.registry["writes"] = writes
        config.add_route("path", "/*path")
        config.add_view(view, route_name="path", **options)
        return config.make_wsgi_app()

    return build


HOOKS = [None, "pyramid_tm.explicit_manager"]


def manager_of(request):
    """Return the manager that views of the kind under test use: by name, or by request."""
    by_name = request.registry.settings.get("tm.manager_hook") is None
    return transaction.manager if by_name else request.tm


async def interleaved(request):
    request.registry["writes"].write(request.path, manager_of(request))
    await request.registry["barrier"].wait()
    if request.path.endswith("fails"):
        raise LookupError
    return Response("")


def failures_are_answers(config):
    config.add_exception_view(lambda error, request: Response(status=500), LookupError)


@pytest.mark.parametrize("hook", HOOKS)
def test_coroutine_requests_do_not_see_each_others_transactions(run, fetch, build, writes, hook):
    async def main():
        app = build(interleaved, hook)
        app.registry["barrier"] = asyncio.Barrier(6)
        paths = [f"/{number}{'fails' if number % 3 == 0 else ''}" for number in range(6)]
        requests = [asyncio.create_task(fetch(app, path)) for path in paths]
        return await asyncio.gather(*requests, return_exceptions=True)

    outcomes = run(main)
    assert [type(outcome) is LookupError for outcome in outcomes] == [True, False, False] * 2
    assert sorted(writes.committed) == ["/1", "/2", "/4", "/5"]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("fails", [False, True])
def test_their_commit_and_abort_do_not_run_on_the_event_loop(
    run, fetch, build, writes, hook, fails
):
    async def view(request):
        writes.write("x", manager_of(request))
        if fails:
            request.tm.doom()
        return Response("")

    run(fetch, build(view, hook))
    assert len(writes.threads) == 1
    assert threading.get_ident() not in writes.threads


@pytest.mark.parametrize("hook", HOOKS)
def test_nor_do_they_where_pyramid_tm_is_included_after_a_commit(
    run, fetch, application, writes, hook
):
    async def view(request):
        writes.write("x", manager_of(request))
        return Response("")

    def configure(config):
        if hook is not None:
            config.registry.settings["tm.manager_hook"] = hook
        config.commit()
        config.include("pyramid_tm")
        config.add_view(view)

    run(fetch, application(configure))
    assert writes.committed == ["x"]
    assert threading.get_ident() not in writes.threads


@pytest.mark.parametrize("hook", HOOKS)
def test_a_commit_gets_a_thread_though_all_are_taken_by_those_who_wait_for_it(
    run, fetch, build, writes, hook, monkeypatch
):
    monkeypatch.setattr(request_threads(), "limit", 2)
    lock = threading.Lock()  # as a database locks a row, from the write to the commit
    writes.before_commit = lock.release

    async def view(request):
        await call_in_thread(None, lock.acquire)
        writes.write(request.path, manager_of(request))
        return Response("")

    def synchronous(request):
        lock.acquire()
        writes.write(request.path, manager_of(request))
        return Response("")

    async def main():
        app = build(view, hook)
        other = build(synchronous, hook)
        async with asyncio.timeout(PATIENCE_SECONDS):
            requests = [
                asyncio.create_task(fetch(a, f"/{n}")) for n in range(20) for a in (app, other)
            ]
            await asyncio.gather(*requests)

    run(main)
    assert len(writes.committed) == 40


@pytest.mark.parametrize("hook", HOOKS)
def test_a_request_that_is_cancelled_while_it_commits_does_not_abort_at_the_same_time(
    run, fetch, build, writes, hook
):
    begun, go_on = threading.Event(), threading.Event()

    def before_commit():
        begun.set()
        go_on.wait(PATIENCE_SECONDS)
        writes.aborted_meanwhile = bool(writes.threads)

    async def view(request):
        writes.write("x", manager_of(request))
        return Response("")

    async def main():
        writes.before_commit = before_commit
        task = asyncio.create_task(fetch(build(view, hook)))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=0.1)
        go_on.set()
        await asyncio.wait([task])
        return bool(done), task.cancelled()

    ended_early, cancelled = run(main)
    assert not ended_early
    assert cancelled
    assert not writes.aborted_meanwhile
    assert writes.committed == ["x"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_synchronous_request_that_is_cancelled_leaves_no_transaction_open(
    run, fetch, build, writes, hook
):
    waits = threading.Event()

    async def for_ever():
        waits.set()
        await asyncio.get_running_loop().create_future()

    def view(request):
        writes.write("cancelled", manager_of(request))
        await_(for_ever())

    async def main():
        task = asyncio.create_task(fetch(build(view, hook)))
        while not waits.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not writes.threads:  # where it was aborted
                await asyncio.sleep(0.001)

    run(main)
    assert writes.committed == []
    assert threading.get_ident() not in writes.threads


@pytest.mark.parametrize("hook", HOOKS)
def test_a_request_that_is_cancelled_leaves_no_transaction_open(run, fetch, build, writes, hook):
    async def view(request):
        manager = manager_of(request)
        writes.write("cancelled", manager)
        request.registry["transaction"] = manager.get()
        await asyncio.get_running_loop().create_future()

    async def main():
        app = build(view, hook)
        task = asyncio.create_task(fetch(app))
        while "transaction" not in app.registry:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main) is True
    assert writes.committed == []
    assert writes.threads  # where it was aborted
    assert threading.get_ident() not in writes.threads


def test_a_thread_that_writes_after_the_end_of_its_request_leaves_no_transaction_open(
    run, fetch, writes
):
    begun, go_on, ended = (threading.Event() for _ in range(3))

    def view(request):
        begun.set()
        go_on.wait(PATIENCE_SECONDS)
        writes.write("late", transaction.manager)
        ended.set()
        return Response("")

    async def main():
        settings = {"aiopyramid.requests": "loop", "aiopyramid.request_timeout": "0.1"}
        config = Configurator(settings=settings)
        config.include("pyramid_tm")
        config.include("aiopyramid_core")
        config.add_view(view)
        status = (await fetch(config.make_wsgi_app())).status_int
        assert begun.is_set()
        go_on.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (ended.is_set() and writes.threads):
                await asyncio.sleep(0.001)
        return status

    assert run(main) == 503
    assert writes.committed == []


def test_a_blocking_call_of_a_coroutine_request_joins_its_transaction(run, fetch, build, writes):
    async def view(request):
        await call_in_thread(None, writes.write, "in a thread", transaction.manager)
        return Response("")

    run(fetch, build(view))
    assert writes.committed == ["in a thread"]


def test_a_coroutine_that_a_synchronous_request_waits_for_joins_its_transaction(
    run, fetch, build, writes
):
    async def later():
        await asyncio.sleep(0)
        writes.write("on the loop", transaction.manager)

    def view(request):
        writes.write("in the thread", transaction.manager)
        await_(later())
        return Response("")

    run(fetch, build(view))
    assert sorted(writes.committed) == ["in the thread", "on the loop"]


def test_so_does_a_coroutine_view_in_a_thread(run, fetch, build, writes):
    async def view(request):
        await asyncio.sleep(0)
        transaction.manager.get().join(Resource(writes, "x"))
        return Response("")

    run(fetch, build(view, run_on="thread"))
    assert writes.committed == ["x"]


def test_a_synchronous_request_has_the_manager_of_its_thread(run, fetch, build):
    managers = []

    def view(request):
        managers.append((transaction.manager.manager, transaction.manager.thread_manager))
        return Response("")

    run(fetch, build(view))
    ((of_request, of_thread),) = managers
    assert of_request is of_thread
    assert of_request is not transaction.manager.manager  # that of this thread


def test_the_functions_of_the_package_mean_the_requests_own_transaction(run, fetch, build, writes):
    async def view(request):
        transaction.begin()
        writes.write("aborted", transaction)
        transaction.abort()
        transaction.begin()
        writes.write("committed", transaction)
        transaction.commit()
        return Response("")

    run(fetch, build(view))
    assert writes.committed == ["committed"]
    assert threading.get_ident() not in writes.threads


def test_outside_of_requests_it_is_one_per_thread_as_ever(application):
    application(lambda config: None)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(transaction.manager.manager))
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert type(seen[0]) is transaction.TransactionManager
    assert seen[0] is not transaction.manager.manager is transaction.manager.manager


def test_the_package_can_still_be_used_as_a_context_manager(application, writes):
    application(lambda config: None)
    with transaction.manager as txn:
        txn.join(Resource(writes, "x"))
    assert writes.committed == ["x"]


def test_the_hook_of_an_application_without_pyramid_tm_is_left_alone():
    config = Configurator(settings={"tm.manager_hook": "somewhere.else"})
    config.include("aiopyramid_core")
    assert config.make_wsgi_app().registry.settings["tm.manager_hook"] == "somewhere.else"


# --- Transactions that await ----------------------------------------------------------------------


class AwaitingResource(Resource):
    """A session with an asyncio driver, as zope.sqlalchemy joins it."""

    class session:
        class bind:
            class dialect:
                is_async = True

    def abort(self, txn):
        await_(asyncio.sleep(0))
        super().abort(txn)

    def tpc_finish(self, txn):
        await_(asyncio.sleep(0))
        super().tpc_finish(txn)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("fails", [False, True])
def test_a_transaction_of_asyncio_drivers_ends_on_the_event_loop(
    run, fetch, build, writes, hook, fails
):
    async def view(request):
        manager_of(request).get().join(AwaitingResource(writes, "x"))
        if fails:
            request.tm.doom()
        return Response("")

    run(fetch, build(view, hook))
    assert writes.threads == {threading.get_ident()}
    assert writes.committed == ([] if fails else ["x"])


@pytest.mark.parametrize("hook", HOOKS)
def test_one_with_another_resource_as_well_ends_in_a_thread(run, fetch, build, writes, hook):
    async def view(request):
        manager_of(request).get().join(AwaitingResource(writes, "x"))
        writes.write("y", manager_of(request))
        return Response("")

    run(fetch, build(view, hook))
    assert threading.get_ident() not in writes.threads
    assert sorted(writes.committed) == ["x", "y"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_request_that_is_cancelled_while_it_commits_commits_as_a_whole(
    run, fetch, build, writes, hook
):
    async def view(request):
        for name in "xy":
            manager_of(request).get().join(AwaitingResource(writes, name))
        return Response("")

    async def main():
        app = build(view, hook)
        request = asyncio.create_task(fetch(app))
        writes.before_commit = request.cancel
        with pytest.raises(asyncio.CancelledError):
            await request

    run(main)
    assert sorted(writes.committed) == ["x", "y"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_synchronous_request_that_is_cancelled_while_it_commits_commits_as_a_whole(
    run, fetch, build, writes, hook
):
    def view(request):
        for name in "xy":
            manager_of(request).get().join(AwaitingResource(writes, name))
        request.add_finished_callback(lambda request: ended.set())
        return Response("")

    async def main():
        app = build(view, hook)
        request = asyncio.create_task(fetch(app))
        loop = asyncio.get_running_loop()
        writes.before_commit = lambda: loop.call_soon_threadsafe(request.cancel)
        with pytest.raises(asyncio.CancelledError):
            await request
        await asyncio.to_thread(ended.wait, PATIENCE_SECONDS)

    ended = threading.Event()
    run(main)
    assert sorted(writes.committed) == ["x", "y"]
