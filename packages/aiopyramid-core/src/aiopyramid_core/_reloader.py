"""hupper, the reloader of ``pserve --reload``, which kills a server that does not exit in a second.

When a file has changed, hupper sends SIGTERM to the server's process, waits for a second, and sends
SIGKILL. But when the server returns, hupper's own code in that process joins a thread that sleeps
for a second at a time. So most servers were killed although they had stopped in time, which left
gunicorn's workers without their arbiter.
"""

import sys
import threading

__all__ = ("exit_quickly", "is_under_reloader")


def is_under_reloader() -> bool:
    """Return whether hupper watches this process, or the one that has forked it."""
    hupper = sys.modules.get("hupper")
    return hupper is not None and bool(hupper.is_active())


def exit_quickly() -> None:
    """Let this process exit without joining hupper's thread, if there is one.

    The thread is a daemon. Before it is joined, hupper has reported all modules that it looks for.
    """
    if not is_under_reloader():
        return
    for thread in threading.enumerate():
        if type(thread).__module__ == "hupper.worker":
            thread.join = _do_not_join  # type: ignore[method-assign]


def _do_not_join(timeout: float | None = None) -> None:
    pass
