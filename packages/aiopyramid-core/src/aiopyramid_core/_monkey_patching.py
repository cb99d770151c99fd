"""Detection of libraries that replace the threads of a process by greenlets."""

import sys

from pyramid.exceptions import ConfigurationError

__all__ = ("monkey_patched_by", "refuse_monkey_patching")


def monkey_patched_by() -> str | None:
    """Return ``gevent`` or ``eventlet`` if it has replaced the threads of this process, or None.

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
        ConfigurationError: A library has replaced them.
    """
    name = monkey_patched_by()
    if name is not None:
        raise ConfigurationError(
            f"{name} has replaced the threads of this process (monkey patching), and asyncio needs"
            f" real ones. Take {name}'s monkey patching out of the application, and serve it by a"
            f" server or a worker other than {name}'s; or do not include aiopyramid_core."
        )
