"""Spans of OpenTelemetry for coroutine views and for calls in threads.

::

    config.include("aiopyramid_metrics.spans")

Each coroutine view gets a span, and so does each call in a thread, from the time at which it began
to wait for one. They are children of the span that is current: usually that of the request, which
``opentelemetry-instrumentation-pyramid`` makes. Include this after it, if at all.
"""

import time
from typing import Any, Final
from weakref import WeakKeyDictionary

from opentelemetry import context as contexts
from opentelemetry import trace

from aiopyramid_core.callables import called_by, is_coroutine_callable
from aiopyramid_core.observing import Observer, ThreadCall, add_observer, remove_observer

__all__ = ("ThreadSpans", "includeme")

FUNCTION: Final = "code.function.name"
WAIT: Final = "aiopyramid.thread.wait_seconds"
THREAD: Final = "thread.name"


class ThreadSpans(Observer):
    """Makes a span of each call in a thread, other than those of whole requests.

    Args:
        provider: An OpenTelemetry ``TracerProvider``; by default that of the application.
    """

    def __init__(self, provider: Any = None) -> None:
        self._tracer = trace.get_tracer("aiopyramid_metrics", tracer_provider=provider)
        self._spans: WeakKeyDictionary[ThreadCall, tuple[trace.Span, Any]] = WeakKeyDictionary()

    def call_began(self, call: ThreadCall) -> None:
        """Begin the span, in the thread, at the time when the call was queued."""
        if call.is_request or call.began_at is None:
            return
        wait_seconds = call.began_at - call.queued_at
        name = getattr(call.function, "__qualname__", None) or repr(call.function)
        module = getattr(call.function, "__module__", None)
        span = self._tracer.start_span(
            f"thread {name}",
            start_time=time.time_ns() - int(wait_seconds * 1e9),
            attributes={
                FUNCTION: f"{module}.{name}" if module else name,
                WAIT: wait_seconds,
                THREAD: call.thread_name,
            },
        )
        token = contexts.attach(trace.set_span_in_context(span))
        self._spans[call] = span, token

    def call_ended(self, call: ThreadCall) -> None:
        """End the span."""
        found = self._spans.pop(call, None)
        if found is not None:
            span, token = found
            contexts.detach(token)
            span.end()


def includeme(config: Any) -> None:
    """Make spans for coroutine views and for calls in threads.

    Includes ``aiopyramid_core``.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.
    """
    config.include("aiopyramid_core")
    spans = ThreadSpans()

    async def start(registry: Any) -> None:
        add_observer(spans)

    async def stop(registry: Any) -> None:
        remove_observer(spans)

    config.add_startup(start)
    config.add_shutdown(stop)
    config.add_view_deriver(_span_of_view, name="aiopyramid_metrics_span")


def _span_of_view(view: Any, info: Any) -> Any:
    function = called_by(info.original_view, info.options.get("attr"))
    if not is_coroutine_callable(function):
        return view
    tracer = trace.get_tracer("aiopyramid_metrics")
    name = getattr(function, "__qualname__", None) or repr(function)
    attributes = {FUNCTION: f"{getattr(function, '__module__', '')}.{name}"}

    def view_in_span(context: Any, request: Any) -> Any:
        with tracer.start_as_current_span(f"view {name}", attributes=attributes):
            return view(context, request)

    return view_in_span
