"""docs/guides/blocked-loop.md: what it says of the locks of threads."""

import asyncio
import threading
from typing import Any

from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request

from aiopyramid_core import call_off_loop, spawn_greenlet, synchronize

PATIENCE_SECONDS = 20


class Section:
    """A critical section that awaits."""

    def __init__(self, lock: Any) -> None:
        self.lock = lock
        self.inside = self.most = 0

    @synchronize
    async def wait(self) -> None:
        await asyncio.sleep(0.01)

    def enter(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.wait()
            self.inside -= 1


def most_inside(section: Section, view: Any) -> int:
    """Serve five requests at once, and return how many were in the section at a time."""
    config = Configurator()
    config.include("aiopyramid_core")
    config.add_view(view)
    application = config.make_wsgi_app()

    async def get() -> Response:
        return await spawn_greenlet(Request.blank("/").get_response, application)

    async def main() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(asyncio.create_task(get()) for _ in range(5)))

    asyncio.run(main())
    return section.most


def test_an_rlock_excludes_no_coroutine_request() -> None:
    section = Section(threading.RLock())

    async def view(request: Any) -> Response:
        section.enter()
        return Response("")

    assert most_inside(section, view) == 5


def test_synchronous_requests_may_hold_a_lock_while_they_wait() -> None:
    for section in (Section(threading.Lock()), Section(threading.RLock())):

        def view(request: Any, section: Section = section) -> Response:
            section.enter()
            return Response("")

        assert most_inside(section, view) == 1


def test_so_may_what_a_coroutine_request_calls_off_the_loop() -> None:
    section = Section(threading.Lock())

    async def view(request: Any) -> Response:
        call_off_loop(section.enter)
        return Response("")

    assert most_inside(section, view) == 1
