"""tweens: the request logger."""

import asyncio
import logging
import re
import threading
import time

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response
from webob import Request

from aiopyramid_core import tweens
from aiopyramid_core.lifespan import lifespan_of

PATIENCE_SECONDS = 20


class Handler(logging.Handler):
    """A log handler that is as slow as the test wants it to be."""

    def __init__(self):
        super().__init__()
        self.lines = []
        self.threads = set()
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def emit(self, record):
        self.reached.set()
        self.go_on.wait(PATIENCE_SECONDS)
        self.threads.add(threading.current_thread())
        self.lines.append(record.getMessage())

    @property
    def paths(self):
        return [line.split()[1] for line in self.lines]


@pytest.fixture
def handler():
    """A handler of the logger ``aiopyramid_core.requests``."""
    handler = Handler()
    logger = logging.getLogger("aiopyramid_core.requests")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    handler.go_on.set()
    logger.removeHandler(handler)
    logger.setLevel(level)


async def view(request):
    return Response("served")


async def crash(request):
    raise LookupError("a bug")


async def missing(request):
    raise HTTPNotFound


@pytest.fixture
def app():
    """An application that logs its requests."""
    config = Configurator()
    config.include("aiopyramid_core")
    config.add_tween("aiopyramid_core.tweens.request_logger_tween_factory")
    config.add_route("number", "/number/{number}")
    config.add_view(view, route_name="number")
    config.add_view(crash, name="crash")
    config.add_view(missing, name="missing")
    return config.make_wsgi_app()


@pytest.fixture
def serving(run, app):
    """Run a coroutine function of the application while it is started, then stop it."""

    def serving(main):
        async def start_and_stop():
            lifespan = lifespan_of(app.registry)
            await lifespan.start()
            result = await asyncio.wait_for(main(app), PATIENCE_SECONDS)
            await lifespan.stop()
            return result

        return run(start_and_stop)

    return serving


def test_each_request_is_a_line(serving, fetch, handler):
    async def main(app):
        await fetch(app, "/number/1?secret=2")
        await fetch(app, "/missing")

    serving(main)
    first, second = handler.lines
    assert re.fullmatch(r"GET /number/1 200 \d+\.\d ms", first)
    assert re.fullmatch(r"GET /missing 404 \d+\.\d ms", second)


def test_a_request_that_fails_is_logged_as_what_it_will_be(serving, fetch, handler):
    async def main(app):
        with pytest.raises(LookupError):
            await fetch(app, "/crash")

    serving(main)
    assert handler.lines[0].startswith("GET /crash 500 ")


def test_the_lines_are_in_the_order_of_the_answers(serving, fetch, handler):
    async def main(app):
        for number in range(300):
            await fetch(app, f"/number/{number}")

    serving(main)
    assert handler.paths == [f"/number/{number}" for number in range(300)]


def test_the_loop_never_writes(serving, fetch, handler):
    async def main(app):
        for number in range(5):
            await fetch(app, f"/number/{number}")

    serving(main)
    assert threading.current_thread() not in handler.threads


def test_a_handler_that_blocks_delays_no_request_and_no_line_is_lost(serving, fetch, handler):
    handler.go_on.clear()

    async def main(app):
        for number in range(50):
            await fetch(app, f"/number/{number}")
        written = len(handler.lines)
        handler.go_on.set()
        return written

    assert serving(main) == 0
    assert handler.paths == [f"/number/{number}" for number in range(50)]


def test_when_too_many_lines_are_behind_requests_wait(serving, fetch, handler, monkeypatch):
    monkeypatch.setattr(tweens, "_QUEUE_LINES", 3)
    handler.go_on.clear()

    async def main(app):
        await fetch(app, "/number/0")
        await asyncio.to_thread(handler.reached.wait, PATIENCE_SECONDS)
        # The line that is being written does not wait any more; three may.
        for number in range(1, 4):
            await fetch(app, f"/number/{number}")
        late = [asyncio.create_task(fetch(app, f"/number/{n}")) for n in range(4, 8)]
        await asyncio.wait(late, timeout=0.1)
        waiting = [not task.done() for task in late]
        handler.go_on.set()
        await asyncio.gather(*late)
        return waiting

    assert serving(main) == [True] * 4
    assert sorted(handler.paths) == [f"/number/{number}" for number in range(8)]


def test_a_request_that_is_cancelled_is_logged_as_well(serving, fetch, handler, app):
    waiting = []

    async def wait(request):
        waiting.append(request)
        await asyncio.get_running_loop().create_future()

    config = Configurator()
    config.include("aiopyramid_core")
    config.add_tween("aiopyramid_core.tweens.request_logger_tween_factory")
    config.add_view(wait)
    other = config.make_wsgi_app()

    async def main(_app):
        task = asyncio.create_task(fetch(other))
        while not waiting:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await lifespan_of(other.registry).start()
        await lifespan_of(other.registry).stop()
        return task.cancelled()

    assert serving(main) is True
    assert handler.lines[0].startswith("GET / 500 ")


def test_a_handler_that_fails_costs_its_own_line_only(serving, fetch, handler, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    emit = handler.emit

    def failing(record):
        if "/number/1 " in record.getMessage():
            try:
                raise OSError("disk full")
            except OSError:
                handler.handleError(record)
        else:
            emit(record)

    handler.emit = failing

    async def main(app):
        for number in range(3):
            await fetch(app, f"/number/{number}")

    serving(main)
    assert handler.paths == ["/number/0", "/number/2"]


def test_under_a_server_with_threads_each_request_is_a_line(app, handler):
    for number in range(3):
        Request.blank(f"/number/{number}").get_response(app)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(handler.lines) < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert handler.paths == ["/number/0", "/number/1", "/number/2"]
    assert threading.current_thread() not in handler.threads
