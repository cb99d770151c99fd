"""The debug toolbar's panels that count on one request per thread, made fit for many.

On the event loop the requests take turns on one thread. All panels of ``pyramid_debugtoolbar``
work there as they are, but for two:

* *Performance* can profile a request (a checkbox in the toolbar). It holds a lock meanwhile: a
  second request on the loop's thread would wait for that lock for ever, since the first one could
  not go on to release it. The profiler would count the calls of all requests on the thread,
  anyway. Here is the panel without the profiler.
* *Logging* collects messages by thread: it would show a request the messages of its neighbours
  and none of those logged in executor threads. Here it collects them by context.

Copy this module to your own application, and name it in ``debugtoolbar.includes``.
"""

import logging
from contextvars import ContextVar
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid_debugtoolbar.panels import logger
from pyramid_debugtoolbar.panels.performance import PerformanceDebugPanel

Records = list[dict[str, Any]]

# The log records of the current request: its greenlet, Tasks and threads share the list.
_records: ContextVar[Records | None] = ContextVar("records", default=None)


class PerformancePanel(PerformanceDebugPanel):
    """How long the request took, and what the whole process used in that time."""

    template = "aiopyramid_demo:templates/performance.dbtmako"
    user_activate = False  # no checkbox in the toolbar's settings, ...
    # ... and a cookie that was set elsewhere does not switch the profiler on, either.
    is_active = property(lambda self: False, lambda self, value: None)


class ContextHandler(logger.ThreadTrackingHandler):
    """Collects log records by context instead of by thread."""

    def get_records(self, thread: object = None) -> Records:
        """Return the list of the current request; outside of a request, one to throw away."""
        records = _records.get()
        return [] if records is None else records


class LoggingPanel(logger.LoggingPanel):
    """What was logged while the request was handled, in whatever thread."""

    handler = ContextHandler()

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        _records.set([])
        # Not at import: the server reads the logging sections of development.ini after the
        # application is loaded, and that takes all handlers away which it does not know.
        logging.root.addHandler(self.handler)

    def get_and_delete(self) -> Records:
        """Return the records; the list goes away with the request's context."""
        return self.handler.get_records()


def includeme(config: Configurator) -> None:
    """Put the panels in the place of those with the same names."""
    # It would keep what executor threads log for ever.
    logging.root.removeHandler(logger.handler)
    config.add_debugtoolbar_panel(PerformancePanel)
    config.add_debugtoolbar_panel(LoggingPanel)
