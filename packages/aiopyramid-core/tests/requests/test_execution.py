"""execution: a request keeps one thread from its first line to its last callback."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest
from pyramid.config import Configurator
from pyramid.events import NewRequest, NewResponse
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request as PyramidRequest
from pyramid.response import Response
from webob import Request

from aiopyramid_core import await_, call_off_loop, spawn_greenlet, synchronize
from aiopyramid_core._threads.of_process import request_threads
from aiopyramid_core.contract import ON_DISCONNECT
from aiopyramid_core.servers import in_threads

PATIENCE_SECONDS = 20
colour: ContextVar[str] = ContextVar("colour", default="none")


class Parts:
    """Which thread the parts of a request ran in."""

    def __init__(self):
        self.seen = {}

    def note(self, part):
        self.seen.setdefault(part, set()).add(threading.get_ident())

    @property
    def threads(self):
        return set().union(*self.seen.values())


def noting_tween_factory(handler, registry):
    def noting_tween(request):
        registry["parts"].note("tween before")
        response = handler(request)
        registry["parts"].note("tween after")
        return response

    return noting_tween


class Policy:
    def __init__(self, parts):
        self.parts = parts

    def identity(self, request):
        self.parts.note("identity")

    def authenticated_userid(self, request):
        return None

    def permits(self, request, context, permission):
        self.parts.note("permits")
        return True


def note_everything(config, parts):
    """Have all that Pyramid calls in a request note its thread."""
    config.registry["parts"] = parts

    def noting(part, result=None):
        def call(*args):
            parts.note(part)
            return result

        return call

    class NotingRequest(PyramidRequest):
        def __init__(self, environ):
            parts.note("request factory")
            super().__init__(environ)
            self.add_response_callback(noting("response callback"))
            self.add_finished_callback(noting("finished callback"))

    class Renderer:
        def __init__(self, info):
            pass

        def __call__(self, value, system):
            parts.note("renderer")
            return value

    def policy(environ, router):
        parts.note("execution policy")
        with router.request_context(environ) as request:
            return router.invoke_request(request)

    config.set_execution_policy(policy)
    config.set_request_factory(NotingRequest)
    config.add_subscriber(noting("NewRequest"), NewRequest)
    config.add_subscriber(noting("NewResponse"), NewResponse)
    config.add_tween(f"{__name__}.noting_tween_factory")
    config.set_root_factory(noting("root factory"))
    config.set_security_policy(Policy(parts))
    config.add_renderer("noting", Renderer)
    config.add_view_predicate("noted", lambda value, config: Noted(parts))


class Noted:
    """A view predicate that always matches."""

    def __init__(self, parts):
        self.parts = parts

    def text(self):
        return "noted"

    phash = text

    def __call__(self, context, request):
        self.parts.note("predicate")
        return True


ALL_PARTS = {
    "NewRequest",
    "NewResponse",
    "execution policy",
    "finished callback",
    "permits",
    "predicate",
    "renderer",
    "request factory",
    "response callback",
    "root factory",
    "tween before",
    "tween after",
    "view",
}


def noted_app(application, parts, view):
    def configure(config):
        note_everything(config, parts)
        config.add_view(view, renderer="noting", noted=True, permission="view")

    return application(configure)


def test_all_parts_of_a_synchronous_request_run_in_one_thread(run, application, fetch):
    parts = Parts()

    def view(request):
        parts.note("view")
        return "text"

    app = noted_app(application, parts, view)
    assert run(fetch, app).text == "text"
    assert set(parts.seen) == ALL_PARTS
    assert len(parts.threads) == 1
    assert threading.get_ident() not in parts.threads


def awaiting_tween_factory(handler, registry):
    async def tween(request):
        await asyncio.sleep(0)
        return handler(request)

    return tween


def awaiting_decorator(view):
    async def decorated(context, request):
        await asyncio.sleep(0)
        return view(context, request)

    return decorated


def awaiting_deriver(view, info):
    return awaiting_decorator(view)


async def awaiting_policy(environ, router):
    with router.request_context(environ) as request:
        return router.invoke_request(request)


@pytest.mark.parametrize("layer", ["tween", "decorator", "deriver", "execution policy"])
def test_so_they_do_below_a_layer_that_is_a_coroutine(run, application, fetch, layer):
    parts = Parts()

    def view(request):
        parts.note("view")
        return "text"

    def configure(config):
        note_everything(config, parts)
        options = {}
        if layer == "tween":
            config.add_tween(f"{__name__}.awaiting_tween_factory")
        elif layer == "deriver":
            config.add_view_deriver(awaiting_deriver)
        elif layer == "execution policy":
            config.commit()
            config.set_execution_policy(awaiting_policy)
        else:
            options = {"decorator": awaiting_decorator}
        config.add_view(view, renderer="noting", noted=True, permission="view", **options)

    assert run(fetch, application(configure)).text == "text"
    if layer == "execution policy":
        parts.seen.pop("request factory")  # by which the policy itself makes the request
    assert ALL_PARTS - {"execution policy", "request factory"} <= set(parts.seen)
    assert threading.get_ident() not in parts.threads


def test_so_they_do_with_an_execution_policy_that_is_set_after_a_commit(run, application, fetch):
    parts = Parts()

    def policy(environ, router):
        parts.note("execution policy")
        with router.request_context(environ) as request:
            return router.invoke_request(request)

    def configure(config):
        config.commit()
        config.set_execution_policy(policy)
        config.add_view(lambda request: Response("text"))

    assert run(fetch, application(configure)).text == "text"
    assert parts.seen
    assert threading.get_ident() not in parts.threads


def test_all_parts_of_a_coroutine_request_run_on_the_event_loop(run, application, fetch):
    parts = Parts()

    async def view(request):
        await asyncio.sleep(0)
        parts.note("view")
        return "text"

    app = noted_app(application, parts, view)
    assert run(fetch, app).text == "text"
    assert set(parts.seen) == ALL_PARTS
    assert parts.threads == {threading.get_ident()}


def test_what_one_part_leaves_in_its_thread_the_others_find(run, application, fetch):
    local = threading.local()

    def view(request):
        local.value = "left by the view"
        request.add_response_callback(
            lambda request, response: setattr(response, "text", local.value)
        )
        return Response("")

    assert run(fetch, application(lambda config: config.add_view(view))).text == "left by the view"


def test_what_a_request_sets_in_its_context_does_not_leave_its_thread(run, application, fetch):
    def view(request):
        before = colour.get()
        colour.set("red")
        return Response(before)

    async def main():
        app = application(lambda config: config.add_view(view))
        return [(await fetch(app)).text for _ in range(3)]

    assert run(main) == ["none"] * 3


# --- Views of the other kind ----------------------------------------------------------------------


def thread_of(request):
    return Response(str(threading.get_ident()))


async def coroutine_thread_of(request):
    await asyncio.sleep(0)
    return Response(str(threading.get_ident()))


def test_a_coroutine_view_in_a_synchronous_request_runs_on_the_loop(run, application, fetch):
    def configure(config):
        config.add_view(coroutine_thread_of, run_on="thread")

    assert int(run(fetch, application(configure)).text) == threading.get_ident()


def test_subrequests_there_and_back_again_are_in_the_same_thread(run, application, fetch):
    def outer(request):
        inner = request.invoke_subrequest(PyramidRequest.blank("/coroutine"))
        return Response(f"{threading.get_ident()} {inner.text}")

    async def coroutine(request):
        await asyncio.sleep(0)
        inner = request.invoke_subrequest(PyramidRequest.blank("/inner"))
        return Response(f"{threading.get_ident()} {inner.text}")

    def configure(config):
        config.add_view(outer)
        config.add_view(coroutine, name="coroutine")
        config.add_view(thread_of, name="inner")

    first, second, third = map(int, run(fetch, application(configure)).text.split())
    assert first == third
    assert second == threading.get_ident() != first


def test_so_are_those_with_all_threads_in_the_same_need(run, application, fetch, monkeypatch):
    monkeypatch.setattr(request_threads(), "limit", 2)

    def outer(request):
        return request.invoke_subrequest(PyramidRequest.blank("/coroutine"), use_tweens=True)

    async def coroutine(request):
        await asyncio.sleep(0.01)
        return request.invoke_subrequest(PyramidRequest.blank("/inner"), use_tweens=True)

    def configure(config):
        config.add_view(outer)
        config.add_view(coroutine, name="coroutine")
        config.add_view(thread_of, name="inner")

    async def main():
        app = application(configure)
        async with asyncio.timeout(PATIENCE_SECONDS):
            answers = await asyncio.gather(*(fetch(app) for _ in range(8)))
        return {answer.status_int for answer in answers}

    assert run(main) == {200}


@pytest.mark.parametrize("kind", ["coroutine", "synchronous"])
def test_an_exception_view_of_the_other_kind_answers(run, application, fetch, kind):
    def synchronous_view(request):
        raise LookupError

    async def coroutine_view(request):
        raise LookupError

    def configure(config):
        if kind == "coroutine":
            config.add_view(synchronous_view)
            config.add_exception_view(coroutine_thread_of, LookupError)
        else:
            config.add_view(coroutine_view)
            config.add_exception_view(thread_of, LookupError)

    thread = int(run(fetch, application(configure)).text)
    assert (thread == threading.get_ident()) == (kind == "coroutine")


def test_what_is_not_found_by_a_coroutine_request_is_answered(run, application, fetch):
    async def view(request):
        raise HTTPNotFound

    assert run(fetch, application(lambda config: config.add_view(view))).status_int == 404


def test_an_error_of_a_synchronous_request_reaches_the_server(run, application, fetch):
    def view(request):
        raise LookupError("nobody handles this")

    with pytest.raises(LookupError, match="nobody handles this"):
        run(fetch, application(lambda config: config.add_view(view)))


# --- An explicit word -----------------------------------------------------------------------------


def configured(configure, **settings):
    config = Configurator(settings={f"aiopyramid.{n}": value for n, value in settings.items()})
    config.include("aiopyramid_core")
    configure(config)
    return config.make_wsgi_app()


def test_a_synchronous_view_may_run_on_the_loop(run, fetch):
    app = configured(lambda config: config.add_view(thread_of, run_on="loop"))
    assert int(run(fetch, app).text) == threading.get_ident()


def test_with_the_setting_a_coroutine_request_has_a_thread(run, fetch):
    parts = Parts()

    async def view(request):
        parts.note("view")
        return "text"

    def configure(config):
        note_everything(config, parts)
        config.add_view(view, renderer="noting", noted=True)

    assert run(fetch, configured(configure, requests="thread")).text == "text"
    assert parts.seen.pop("view") == {threading.get_ident()}
    assert len(parts.threads) == 1
    assert threading.get_ident() not in parts.threads


def test_with_the_setting_only_the_view_of_a_synchronous_request_has_one(run, fetch):
    parts = Parts()

    def view(request):
        parts.note("view")
        return "text"

    def configure(config):
        note_everything(config, parts)
        config.add_view(view, renderer="noting", noted=True)

    assert run(fetch, configured(configure, requests="loop")).text == "text"
    elsewhere = parts.seen.pop("view") | parts.seen.pop("renderer")
    assert len(elsewhere) == 1
    assert parts.threads == {threading.get_ident()}


# --- Clients that go away -------------------------------------------------------------------------


@pytest.fixture
def one_thread(monkeypatch):
    monkeypatch.setattr(request_threads(), "limit", 1)


def start(app, path="/", **environ):
    request = Request.blank(path, environ=environ)
    return asyncio.create_task(spawn_greenlet(request.get_response, app))


def test_a_request_whose_client_has_gone_before_there_was_a_thread_never_starts(
    run, one_thread, until
):
    begun, release = [], threading.Event()

    def view(request):
        begun.append(request.path)
        release.wait(PATIENCE_SECONDS)
        return Response("")

    async def main():
        app = configured(lambda c: (c.add_view(view), c.add_view(view, name="gone")))
        first = start(app)
        await until(lambda: begun)
        callbacks = []
        second = start(app, "/gone", **{ON_DISCONNECT: callbacks.append})
        await until(lambda: callbacks)
        callbacks.pop()()
        await asyncio.wait([second])
        release.set()
        await first
        return second.cancelled()

    assert run(main) is True
    assert begun == ["/"]


def test_a_request_that_has_begun_is_left_alone_by_default(run, until):
    begun, release = threading.Event(), threading.Event()

    def view(request):
        begun.set()
        release.wait(PATIENCE_SECONDS)
        return Response("to the end")

    async def main():
        callbacks = []
        app = configured(lambda config: config.add_view(view))
        task = start(app, **{ON_DISCONNECT: callbacks.append})
        await until(begun.is_set)
        for callback in callbacks:
            callback()
        release.set()
        return (await task).text

    assert run(main) == "to the end"


def test_behind_middleware_in_a_thread_what_is_awaited_is_cancelled_when_the_client_goes(run):
    async def main():
        log, callbacks, waiting = [], [], asyncio.Event()
        askers = set()

        @synchronize
        async def wait():
            waiting.set()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                log.append("cancelled")

        def view(request):
            wait()

        app = configured(lambda config: config.add_view(view), cancel_on_disconnect="true")

        def middleware(environ, start_response):
            return app(environ, start_response)

        def on_disconnect(callback):
            askers.add(threading.get_ident())
            callbacks.append(callback)

        task = start(in_threads(middleware), **{ON_DISCONNECT: on_disconnect})
        await waiting.wait()
        callbacks.pop()()
        await asyncio.wait([task])
        return log, askers

    # Servers are not to be asked from other threads than their own.
    assert run(main) == (["cancelled"], {threading.get_ident()})


# --- Two pools ------------------------------------------------------------------------------------


def test_requests_that_wait_for_the_default_executor_do_not_hold_its_threads(run, fetch):
    def view(request):
        return Response(await_(asyncio.to_thread(lambda: "from a thread")))

    async def main():
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        app = configured(lambda config: config.add_view(view))
        async with asyncio.timeout(PATIENCE_SECONDS):
            answers = await asyncio.gather(*(fetch(app) for _ in range(8)))
        return {answer.text for answer in answers}

    assert run(main) == {"from a thread"}


def test_nor_those_that_the_task_of_somebody_else_needs(run, fetch, monkeypatch):
    monkeypatch.setattr(request_threads(), "limit", 2)

    async def main():
        task = None

        async def shared():
            await asyncio.sleep(0.05)
            # Some request needs a thread for a synchronous view.
            return (await fetch(app, "/inner")).text

        async def join():
            nonlocal task
            task = task or asyncio.create_task(shared())
            return await asyncio.shield(task)

        def view(request):
            return Response(await_(join()))

        def configure(config):
            config.add_view(view)
            config.add_view(lambda request: Response("inner"), name="inner")

        app = configured(configure)
        async with asyncio.timeout(PATIENCE_SECONDS):
            answers = await asyncio.gather(*(fetch(app) for _ in range(8)))
        return {answer.text for answer in answers}

    assert run(main) == {"inner"}


# --- When all threads are busy --------------------------------------------------------------------


def test_static_files_are_sent_all_the_same(run, application, fetch, monkeypatch, until, tmp_path):
    (tmp_path / "style.css").write_text("")
    monkeypatch.setattr(request_threads(), "limit", 1)
    begun, release = threading.Event(), threading.Event()

    def block(request):
        begun.set()
        release.wait(PATIENCE_SECONDS)
        return Response("")

    def configure(config):
        config.add_static_view("static", str(tmp_path))
        config.add_view(block)

    async def main():
        app = application(configure)
        blocked = asyncio.create_task(fetch(app))
        await until(begun.is_set)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS / 2):
                return (await fetch(app, "/static/style.css")).status_int
        finally:
            release.set()
            await blocked

    assert run(main) == 200


def test_requests_do_not_wait_for_each_other_for_what_one_of_them_holds(
    run, application, fetch, until, monkeypatch
):
    monkeypatch.setattr(request_threads(), "limit", 2)
    connection = threading.Semaphore(1)

    async def main():
        is_held, all_threads_wait = asyncio.Event(), asyncio.Event()

        async def view(request):
            assert call_off_loop(connection.acquire, timeout=PATIENCE_SECONDS)
            is_held.set()
            await all_threads_wait.wait()
            call_off_loop(connection.release)
            return Response("")

        app = application(lambda config: config.add_view(view))
        first = asyncio.create_task(fetch(app))
        await is_held.wait()
        others = [asyncio.create_task(fetch(app)) for _ in range(2)]
        await until(lambda: request_threads().counts.running == 2)
        all_threads_wait.set()
        return await asyncio.gather(first, *others)

    assert [each.status_int for each in run(main)] == [200] * 3
