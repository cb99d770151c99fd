"""SQL statements of SQLAlchemy's engines, recorded beside the waits of their request.

The toolbar's own panel shows the statements with their parameters and results; this one shows when
they ran. Imported only where SQLAlchemy is installed.
"""

import sys
import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from ._places import callers, find_place
from ._trace import Span, current_trace

__all__ = ("record_queries", "stop_recording_queries")


def record_queries() -> None:
    """Record the statements of all engines of the process from now on."""
    for name, function in _LISTENERS:
        if not event.contains(Engine, name, function):
            event.listen(Engine, name, function)


def stop_recording_queries() -> None:
    """Record no more statements."""
    for name, function in _LISTENERS:
        if event.contains(Engine, name, function):
            event.remove(Engine, name, function)


def _before(
    conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: Any
) -> None:
    trace = current_trace.get()
    if trace is not None:
        place = find_place(callers(sys._getframe()))
        span = Span("sql", statement, time.perf_counter(), place=place)
        trace.begin(id(cursor), span)


def _after(
    conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: Any
) -> None:
    trace = current_trace.get()
    if trace is not None:
        trace.end(id(cursor))


def _failed(context: Any) -> None:
    trace = current_trace.get()
    if trace is not None and context.execution_context is not None:
        trace.end(id(context.execution_context.cursor))


_LISTENERS = (
    ("before_cursor_execute", _before),
    ("after_cursor_execute", _after),
    ("handle_error", _failed),
)
