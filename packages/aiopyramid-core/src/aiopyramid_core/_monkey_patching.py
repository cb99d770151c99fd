"""Libraries that put greenlets of their own in the place of a process's threads."""

import sys

from pyramid.exceptions import ConfigurationError

__all__ = ("monkey_patched_by", "refuse_monkey_patching")


def monkey_patched_by() -> str | None:
    """Return what has replaced the threads of this process: ``gevent``, ``eventlet``, or None.

    For servers that run an event loop, which needs real threads.
    """
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return "gevent"
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        return "eventlet"
    return None


def refuse_monkey_patching() -> None:
    """Raise an error if this process has no real threads.

    Raises:
        ConfigurationError: It has none.
    """
    name = monkey_patched_by()
    if name is not None:
        raise ConfigurationError(
            f"{name} has replaced the threads of this process (monkey patching), and asyncio needs"
            f" real ones. Take {name}'s monkey patching out of the application, and serve it by a"
            f" server or a worker other than {name}'s; or do not include aiopyramid_core."
        )
