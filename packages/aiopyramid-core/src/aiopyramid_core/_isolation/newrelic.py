"""New Relic's agent, which tells requests apart by their greenlets.

Imported only if the agent is running. It looks up the current greenlet only while it holds a trace
of a request. So it would remember the first coroutine request of an idle worker by the thread of
the event loop, and then look for it by its greenlet: the request would be recorded twice, and other
code that runs on the event loop in the meantime would be taken for a part of it.
"""

from newrelic.core.trace_cache import trace_cache

__all__ = ("tell_greenlets_apart",)


class _TraceOfNobody:
    """A trace without a transaction."""

    root = None
    transaction = None


_trace_of_nobody = _TraceOfNobody()  # the agent does not keep it alive


def tell_greenlets_apart() -> None:
    """Give the agent a permanent trace, by a key that no greenlet, Task or thread has."""
    trace_cache()[id(_trace_of_nobody)] = _trace_of_nobody
