"""time_limit, out_of_time: the time limit of requests in threads."""

import asyncio
import contextvars
import threading
import time

import pytest
from pyramid.config import Configurator
from pyramid.request import Request as PyramidRequest
from pyramid.response import Response
from webob import Request

from aiopyramid_core import await_, spawn_greenlet
from aiopyramid_core._isolation.scope import scope_here
from aiopyramid_core._requests import time_limit as _time_limit
from aiopyramid_core._requests.time_limit import TimeLimit
from aiopyramid_core._threads.of_process import request_threads
from aiopyramid_core.timeouts import RequestTimeout

LIMIT = 0.1
PATIENCE_SECONDS = 20


@pytest.fixture
def gate():
    """An event for which views wait until the test sets it."""
    gate = threading.Event()
    yield gate
    gate.set()


def build(configure, limit=LIMIT, **settings):
    config = Configurator(settings={"aiopyramid.request_timeout": str(limit), **settings})
    config.include("aiopyramid_core")
    configure(config)
    return config.make_wsgi_app()


def test_a_request_that_never_gets_a_thread_is_answered_and_never_starts(
    run, fetch, gate, monkeypatch, until, is_idle
):
    monkeypatch.setattr(request_threads(), "limit", 1)
    begun = []

    def view(request):
        begun.append(request.path)
        gate.wait(PATIENCE_SECONDS)
        return Response("")

    def configure(config):
        config.add_view(view)
        config.add_view(view, name="late")

    async def main():
        app = build(configure)
        blocker = build(configure, limit=PATIENCE_SECONDS)
        first = asyncio.create_task(fetch(blocker))
        await until(lambda: begun)
        late = await fetch(app, "/late")
        gate.set()
        await first
        await until(is_idle)
        return late.status_int

    assert run(main) == 503
    assert begun == ["/"]


def header_tween_factory(handler, registry):
    def header_tween(request):
        response = handler(request)
        response.headers["X-Tween"] = "has had its say"
        return response

    return header_tween


def test_tweens_and_exception_views_have_their_say(run, fetch, gate):
    def view(request):
        gate.wait(PATIENCE_SECONDS)
        return Response("")

    def page(error, request):
        return Response(f"{request.path}: {error.detail}", status=503)

    def configure(config):
        config.add_tween(f"{__name__}.header_tween_factory")
        config.add_view(view)
        config.add_exception_view(page, RequestTimeout)

    response = run(fetch, build(configure))
    assert (response.status_int, response.text) == (503, "/: The limit is 0.1 seconds.")
    assert response.headers["X-Tween"] == "has had its say"


def outcome_tween_factory(handler, registry):
    """Note how requests end, as a tween does that commits or rolls back."""

    def outcome_tween(request):
        response = handler(request)
        registry["outcomes"].append((request.environ.get("test.begun"), request.exception))
        return response

    return outcome_tween


def test_what_a_thread_did_is_rolled_back_when_its_time_is_over(run, fetch, gate, until, is_idle):
    def view(request):
        request.environ["test.begun"] = True
        gate.wait(PATIENCE_SECONDS)
        return Response("as if all was well")

    def configure(config):
        config.registry["outcomes"] = []
        config.add_tween(f"{__name__}.outcome_tween_factory")
        config.add_view(view)

    async def main():
        app = build(configure)
        status = (await fetch(app)).status_int
        gate.set()
        await until(is_idle)
        return status, app.registry["outcomes"]

    status, (in_its_place, in_the_thread) = run(main)
    assert status == 503
    assert (in_its_place[0], type(in_its_place[1])) == (None, RequestTimeout)
    # pyramid_tm aborts a request with an exception.
    assert (in_the_thread[0], type(in_the_thread[1])) == (True, RequestTimeout)


def test_a_body_that_is_being_read_is_left_alone(run, gate, until, is_idle):
    read = []

    def view(request):
        gate.wait(PATIENCE_SECONDS)
        read.append(request.body)
        return Response("")

    def page(error, request):
        return Response(repr(request.body), status=503)

    def configure(config):
        config.add_view(view)
        config.add_exception_view(page, RequestTimeout)

    async def main():
        request = Request.blank("/", method="POST", body=b"payload")
        answer = await spawn_greenlet(request.get_response, build(configure))
        gate.set()
        await until(lambda: read)
        await until(is_idle)
        return answer.text

    assert run(main) == "b''"
    assert read == [b"payload"]


def test_an_answer_that_takes_too_long_itself_is_a_plain_one(run, fetch, gate, until, is_idle):
    def view(request):
        gate.wait(PATIENCE_SECONDS)
        return Response("")

    def configure(config):
        config.add_view(view)
        config.add_exception_view(lambda error, request: view(request), RequestTimeout)

    async def main():
        response = await fetch(build(configure))
        gate.set()
        await until(is_idle)
        return response.status_int, "The limit is 0.1 seconds." in response.text

    assert run(main) == (503, True)


def test_an_answer_may_be_written_by_the_callable_of_start_response(run, fetch, gate):
    def view(request):
        gate.wait(PATIENCE_SECONDS)
        return Response("")

    class Writing(Response):
        def __call__(self, environ, start_response):
            start_response("503 Out of time", [("Content-Type", "text/plain")])(b"written, ")
            return [b"returned"]

    def configure(config):
        config.add_view(view)
        config.add_exception_view(lambda error, request: Writing(), RequestTimeout)

    response = run(fetch, build(configure))
    assert (response.status, response.text) == ("503 Out of time", "written, returned")


def test_what_outlives_an_answer_is_in_no_scope_of_its_thread(run, fetch, gate):
    contexts, scopes = [], []

    def view(request):
        gate.wait(PATIENCE_SECONDS)
        return Response("")

    def page(error, request):
        contexts.append(contextvars.copy_context())  # as a background task gets it
        scopes.append(scope_here())
        return Response("", status=503)

    def configure(config):
        config.add_view(view)
        config.add_exception_view(page, RequestTimeout)

    assert run(fetch, build(configure)).status_int == 503
    assert contexts[0].run(scope_here) is not scopes[0]


def test_a_thread_that_waits_answers_by_itself(run, fetch, monkeypatch):
    monkeypatch.setattr(_time_limit, "HEAD_START_SECONDS", PATIENCE_SECONDS)
    factories = []

    def view(request):
        await_(asyncio.sleep(PATIENCE_SECONDS))

    def factory(environ):
        factories.append(environ)
        return PyramidRequest(environ)

    def configure(config):
        config.set_request_factory(factory)
        config.add_view(view)

    assert run(fetch, build(configure)).status_int == 503
    assert len(factories) == 1  # no second request stands in for it


def slow_tween_factory(handler, registry):
    def slow_tween(request):
        registry["slow"].wait(LIMIT * 2)
        response = handler(request)
        registry["slow"].wait(LIMIT * 2)
        return response

    return slow_tween


def test_tweens_are_not_timed_in_a_thread_either(run, fetch):
    def configure(config):
        config.registry["slow"] = threading.Event()
        config.add_tween(f"{__name__}.slow_tween_factory")
        config.add_view(lambda request: Response("in time"))

    assert run(fetch, build(configure)).text == "in time"


# --- Attempts -------------------------------------------------------------------------------------


class TryAgain(Exception):
    """An error after which an execution policy such as that of pyramid_retry tries again."""


def trying_twice(config):
    def policy(environ, router):
        try:
            with router.request_context(environ) as request:
                return router.invoke_request(request)
        except TryAgain:
            with router.request_context(environ) as request:
                return router.invoke_request(request)

    config.set_execution_policy(policy)


def test_each_attempt_of_a_request_is_timed(run, fetch, gate, until, is_idle):
    attempts = []

    def view(request):
        attempts.append(request)
        if len(attempts) == 1:
            raise TryAgain
        gate.wait(PATIENCE_SECONDS)
        return Response("late")

    def configure(config):
        trying_twice(config)
        config.add_view(view)

    async def main(app):
        try:
            return await fetch(app)
        finally:
            gate.set()
            await until(is_idle)

    assert run(main, build(configure)).status_int == 503
    assert len(attempts) == 2


def test_a_request_out_of_time_is_not_tried_again(run, fetch, gate, until, is_idle):
    attempts = []

    def view(request):
        attempts.append(request)
        gate.wait(PATIENCE_SECONDS)
        raise TryAgain

    def configure(config):
        trying_twice(config)
        config.add_view(view)

    async def main(app):
        response = await fetch(app)
        gate.set()
        await until(is_idle)
        return response

    assert run(main, build(configure)).status_int == 503
    assert len(attempts) == 1


def test_a_thread_that_ends_before_the_loop_has_noticed_does_not_answer(run, gate, is_idle):
    started = []

    def view(request):
        gate.wait(PATIENCE_SECONDS)
        return Response("late")

    def serve(app):
        list(app(Request.blank("/").environ, lambda status, *args: started.append(status)))

    async def main(app):
        limits = []
        look = TimeLimit._look

        def look_and_hold_up(limit):
            look(limit)
            if limit.is_over and not limits:
                # Code that waits for the answer continues in the loop's next iteration at the
                # earliest.
                limits.append(limit)
                gate.set()
                end = time.monotonic() + PATIENCE_SECONDS
                while not is_idle() and time.monotonic() < end:
                    time.sleep(0.001)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TimeLimit, "_look", look_and_hold_up)
            await spawn_greenlet(serve, app)

    run(main, build(lambda config: config.add_view(view)))
    assert started == ["503 Service Unavailable"]
