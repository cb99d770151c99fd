"""The panels of ``pyramid_debugtoolbar`` that count on one request per thread.

Imported only where an application includes the toolbar. Synchronous requests have a thread each,
and coroutine requests take turns on one:

* *Performance* holds a lock while it profiles. A second coroutine request would wait for that lock
  on the thread on which the first one had to go on. So coroutine requests are not profiled, and the
  panel says so.
* *Logging* collects messages by thread. Here it does by context, so that a coroutine request does
  not show those of its neighbours, and any request shows those of the threads that it has called.
"""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from pyramid.util import DottedNameResolver
from pyramid_debugtoolbar.panels import logger
from pyramid_debugtoolbar.panels.performance import PerformanceDebugPanel
from pyramid_debugtoolbar.toolbar import IPanelMap, IToolbarWSGIApp

from .scope import CoroutineRequestScope, scope_here

__all__ = ("ContextHandler", "LoggingPanel", "PerformancePanel", "replace_panels")

Handler = Callable[[Any], Any]
Records = list[dict[str, Any]]

_PANEL_SETTINGS: Final = ("debugtoolbar.panels", "debugtoolbar.extra_panels")

_records: Final[ContextVar[Records | None]] = ContextVar("aiopyramid_log_records", default=None)
"""What was logged in the current request; its greenlet, Tasks and threads share the list."""


_NO_PROFILE: Final = """\
<p>This was a coroutine request. It shared the thread of the event loop with others, so that all but
the elapsed time is of the whole process, and it was not profiled: the profiler would have counted
their calls, too. Requests with synchronous views are profiled.</p>
"""


class PerformancePanel(PerformanceDebugPanel):
    """How long a request took; and a profile, if it had a thread to itself."""

    _has_company = False

    def _wrap_profile_handler(self, handler: Handler) -> Handler:
        self._has_company = type(scope_here()) is CoroutineRequestScope
        return handler if self._has_company else super()._wrap_profile_handler(handler)

    def render_content(self, request: Any) -> str:
        """Return the panel's HTML."""
        content: str = super().render_content(request)
        if not self._has_company:
            return content
        # Not a template of our own: Pyramid does not find those of a package that pytest, for the
        # plugin in it, has imported in its own way.
        return content.partition("<h4>Profile</h4>")[0] + _NO_PROFILE


class ContextHandler(logger.ThreadTrackingHandler):
    """Collects log records by context instead of by thread."""

    def get_records(self, thread: object = None) -> Records:
        """Return the list of the current request; outside of a request, one to throw away."""
        records = _records.get()
        return [] if records is None else records


class LoggingPanel(logger.LoggingPanel):
    """What was logged while a request was handled, in whatever thread."""

    handler = ContextHandler()

    def __init__(self, request: Any) -> None:
        super().__init__(request)
        _records.set([])
        # Not at import: a server may read a logging configuration after the application is loaded,
        # and that takes all handlers away which it does not know.
        logging.root.addHandler(self.handler)

    def get_and_delete(self) -> Records:
        """Return the records; the list goes away with the request's context."""
        return self.handler.get_records()


_REPLACEMENTS: Final = {PerformanceDebugPanel: PerformancePanel, logger.LoggingPanel: LoggingPanel}


def replace_panels(registry: Any) -> None:
    """Put the panels in the place of those that they are made of.

    Panels that the application has put there itself are left alone.

    Args:
        registry: The registry of the application, all of whose configuration is done.
    """
    toolbar = registry.queryUtility(IToolbarWSGIApp)
    if toolbar is None:
        return
    # It would keep what all threads log for ever.
    logging.root.removeHandler(logger.handler)
    panel_map = toolbar.registry.getUtility(IPanelMap)
    for key, panel in panel_map.items():
        panel_map[key] = _REPLACEMENTS.get(panel, panel)
    for name in _PANEL_SETTINGS:
        panels = registry.settings.get(name)
        if panels:
            registry.settings[name] = [_REPLACEMENTS.get(_resolved(p), p) for p in panels]


def _resolved(panel: Any) -> Any:
    """Return the class that a setting names; a short name is left to the toolbar's own map."""
    if isinstance(panel, str) and "." not in panel:
        return panel
    return DottedNameResolver(None).maybe_resolve(panel)
