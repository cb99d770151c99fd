"""New Relic's agent, which distinguishes requests by their greenlets.

Imported only where the agent is at work. It asks for the current greenlet only while it holds a
trace of any request. So it would remember the first coroutine request of an idle worker by the
thread of the event loop, and then look for it by its greenlet: the request would be recorded twice,
and other code that runs on the event loop in the meantime would be taken for a part of it.
"""

from newrelic.core.trace_cache import trace_cache

__all__ = ("tell_greenlets_apart",)


class _TraceOfNobody:
    """A trace without a transaction."""

    root = None
    transaction = None


_trace_of_nobody = _TraceOfNobody()  # the agent does not keep it alive


def tell_greenlets_apart() -> None:
    """Have the agent hold a trace at all times, by a key that no greenlet, Task or thread has."""
    trace_cache()[id(_trace_of_nobody)] = _trace_of_nobody
