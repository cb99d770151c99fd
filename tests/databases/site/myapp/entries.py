"""The one table of the applications that are served here, and gates between their requests."""

import asyncio
import os
import threading

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

PATIENCE_SECONDS = 15


class Base(DeclarativeBase):
    pass


class Entry(Base):
    __tablename__ = "entry"

    name: Mapped[str] = mapped_column(primary_key=True)
    price: Mapped[int] = mapped_column(default=0)


class Gate:
    """Holds up views until the test opens it, whether they wait in a thread or on the loop."""

    def __init__(self):
        self.waiting = set()  # names, of which a set needs no lock
        self._open = threading.Event()

    def open(self):
        self._open.set()

    def wait(self, name):
        self.waiting.add(name)
        assert self._open.wait(PATIENCE_SECONDS), "the test has opened no gate"

    async def wait_on_loop(self, name):
        self.waiting.add(name)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not self._open.is_set():
                    await asyncio.sleep(0.002)
        finally:
            self.waiting.discard(name)


def gate_of(request):
    """Return the gate that a request names, the same for all requests that do."""
    return request.registry["gates"].setdefault(request.params["gate"], Gate())


async def open_gate(request):
    gate_of(request).open()
    return {}


async def waiting(request):
    """Tell who waits at a gate; on the loop, so that it answers when all threads are taken."""
    return {"waiting": sorted(gate_of(request).waiting)}


async def pid(request):
    return {"pid": os.getpid()}


def includeme(config):
    config.registry["gates"] = {}
    add_views(config, open_gate, waiting, pid)


def add_views(config, *views):
    """Have each view answer in JSON, below its own name."""
    for view in views:
        name = view.__name__
        config.add_route(name, f"/{name}")
        config.add_view(view, route_name=name, renderer="json")
