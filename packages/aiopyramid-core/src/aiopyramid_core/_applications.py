"""The applications of the process, which their server starts and stops together."""

import math
import os
import weakref
from typing import Final

from ._bridge.process_loop import before_stop
from .lifespan import Lifespan

__all__ = ("announce", "announce_stop", "includes_any_application", "shutdown", "startup")

_applications: Final[list["weakref.ref[Lifespan]"]] = []


def announce(lifespan: Lifespan) -> None:
    """Add an application, which the server of the process will start and stop.

    Args:
        lifespan: The application's lifespan, to which only a weak reference is kept.
    """
    _applications.append(weakref.ref(lifespan, _applications.remove))


def includes_any_application() -> bool:
    """Return whether an application of this process includes ``aiopyramid_core``."""
    return bool(_alive())


async def startup(*, again: bool = False) -> None:
    """Start all applications of this process.

    For servers, which call this on the loop that will serve, before they accept connections.

    Args:
        again: Whether to continue, after a failure, with the function that has failed.

    Raises:
        StartupError: A startup function has failed.
    """
    for lifespan in _alive():
        await lifespan.start(again=again)


def announce_stop(at_most_seconds: float = math.inf) -> None:
    """Notify all applications of this process that it is going to stop.

    Servers call this when they begin to stop, before they wait for the requests in progress, so
    that load balancers send no more requests.

    Args:
        at_most_seconds: How long the server waits for its clients to go. Those of event streams and
            WebSockets are asked to within half of this time.
    """
    for lifespan in _alive():
        lifespan.announce_stop(at_most_seconds)


async def shutdown(at_most_seconds: float = math.inf) -> None:
    """Stop all applications of this process.

    For servers, which call this on the loop that served, after the last response.

    Args:
        at_most_seconds: How long to wait: for background tasks if that is less than the
            applications' own limit, and for those that serve a client.
    """
    for lifespan in reversed(_alive()):
        await lifespan.stop(at_most_seconds)


def _alive() -> list[Lifespan]:
    return [lifespan for ref in _applications if (lifespan := ref()) is not None]


def _start_afresh_in_child() -> None:
    # Otherwise an exiting child would run the shutdown functions of applications that its parent
    # has started.
    for lifespan in _alive():
        lifespan.start_afresh()


before_stop(shutdown)
os.register_at_fork(after_in_child=_start_afresh_in_child)
