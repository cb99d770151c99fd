"""scope: what is one per request, where threads do not tell requests apart."""

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from pyramid.response import Response

from aiopyramid_core import await_, call_in_thread, request_scope, spawn
from aiopyramid_core._isolation.scope import (
    CoroutineRequestScope,
    ThreadRequestScope,
    current_scope,
    scope_here,
)
from aiopyramid_core._threads.of_process import request_threads


async def coroutine_scopes(request):
    before = request_scope()
    await asyncio.sleep(0)
    in_task = await asyncio.create_task(scope_in_task())
    in_thread = await call_in_thread(None, request_scope)
    request.registry["scopes"].append({before, in_task, in_thread, request_scope()})
    return Response("coroutine")


async def scope_in_task():
    return request_scope()


def configure(config):
    config.registry["scopes"] = []
    config.add_view(coroutine_scopes)


def test_outside_of_requests_it_is_one_per_thread():
    assert request_scope() == request_scope() == threading.get_ident()


def test_a_coroutine_request_has_one_in_all_that_belongs_to_it(run, application, fetch):
    app = application(configure)
    run(fetch, app)
    (scopes,) = app.registry["scopes"]
    assert len(scopes) == 1
    assert scopes != {threading.get_ident()}


def test_no_two_requests_under_way_have_the_same(run, application, fetch):
    async def view(request):
        scope = request_scope()
        request.registry["scopes"].append(scope)
        await request.registry["barrier"].wait()
        assert request_scope() == scope
        return Response("")

    async def main():
        def with_barrier(config):
            config.registry["scopes"] = []
            config.registry["barrier"] = asyncio.Barrier(20)
            config.add_view(view)

        app = application(with_barrier)
        await asyncio.gather(*(asyncio.create_task(fetch(app)) for _ in range(20)))
        return app.registry["scopes"]

    scopes = run(main)
    assert len(set(scopes)) == 20


def test_later_requests_use_them_again(run, application, fetch):
    async def main():
        app = application(configure)
        for _ in range(50):
            await asyncio.create_task(fetch(app))
        return app.registry["scopes"]

    used = set().union(*run(main))
    gc.collect()
    assert len(used) < 50


def test_not_as_long_as_a_background_task_may_use_it(run, application, fetch):
    async def main():
        go_on = asyncio.Event()
        seen = []

        async def background():
            await go_on.wait()
            seen.append(request_scope())

        async def view(request):
            spawn(background())
            request.registry["scopes"].append(request_scope())
            return Response("")

        def with_task(config):
            config.registry["scopes"] = []
            config.add_view(view)

        app = application(with_task)
        for _ in range(5):
            await asyncio.create_task(fetch(app))
        go_on.set()
        while len(seen) < 5:
            await asyncio.sleep(0.001)
        return app.registry["scopes"], seen

    scopes, seen = run(main)
    assert len(set(scopes)) == 5
    assert sorted(seen) == sorted(scopes)


def test_a_request_within_another_one_has_its_own_and_leaves_the_outer_one(run, application, fetch):
    async def inner(request):
        return Response(repr(request_scope()))

    inner_app = application(lambda config: config.add_view(inner))

    async def outer(request):
        before = request_scope()
        within = (await fetch(inner_app)).text
        return Response(str((repr(before) == repr(request_scope()), repr(before) != within)))

    async def main():
        return (await fetch(application(lambda config: config.add_view(outer)))).text

    assert run(main) == "(True, True)"


def noting_tween_factory(handler, registry):
    def noting_tween(request):
        registry["scopes"].append((request_scope(), threading.get_ident()))
        return handler(request)

    return noting_tween


def test_a_coroutine_that_a_synchronous_request_waits_for_has_its_threads(run, application, fetch):
    async def coroutine(request):
        await asyncio.sleep(0)
        request.registry["scopes"].append((request_scope(), threading.get_ident()))
        return Response("")

    def in_thread(config):
        config.registry["scopes"] = []
        config.add_view(coroutine, run_on="thread")
        config.add_tween(f"{__name__}.noting_tween_factory")

    app = application(in_thread)
    run(fetch, app)
    (of_tween, thread), (of_coroutine, loop_thread) = app.registry["scopes"]
    assert of_tween == thread == of_coroutine
    assert loop_thread != thread


def test_all_that_outlives_a_synchronous_request_has_one_scope():
    scope = ThreadRequestScope()
    context = copy_context()
    context.run(current_scope.set, scope)
    assert context.run(scope_here) is scope
    scope.has_ended = True
    with ThreadPoolExecutor(4) as threads:
        found = [threads.submit(context.copy().run, scope_here) for _ in range(100)]
    (successor,) = {context.run(scope_here), *(each.result() for each in found)}
    assert type(successor) is CoroutineRequestScope


def test_what_outlives_a_synchronous_request_does_not_have_its_threads_any_more(
    run, application, fetch
):
    later = asyncio.Event()
    tasks = []

    async def outlive():
        before = request_scope()
        await later.wait()
        return before, request_scope()

    async def start():
        tasks.append(asyncio.create_task(outlive()))
        await asyncio.sleep(0)

    def view(request):
        await_(start())
        request.registry["thread"] = threading.get_ident()
        return Response("")

    async def main(app):
        await fetch(app)
        async with asyncio.timeout(20):
            while request_threads().counts.running:  # until the thread is free for another request
                await asyncio.sleep(0.001)
        later.set()
        return await tasks[0]

    app = application(lambda config: config.add_view(view))
    before, behind = run(main, app)
    assert before == app.registry["thread"]
    assert behind != before
