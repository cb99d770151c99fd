"""Replacements for the panels of ``pyramid_debugtoolbar`` that rely on one request per thread.

Imported only where an application includes the toolbar. Synchronous requests have a thread each,
and coroutine requests take turns on one:

* *Performance* holds a lock while it profiles. A second coroutine request would wait for that lock
  on the thread on which the first one had to go on. So coroutine requests are not profiled, and the
  panel says so.
* *Logging* collects messages by thread. The replacement collects them by context: a coroutine
  request shows only its own messages, and any request also shows those of the threads that it has
  called.
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
"""The records of the current request; its greenlet, Tasks and threads share the list."""


_NO_PROFILE: Final = """\
<p>This was a coroutine request. It shared the thread of the event loop with others, so that all but
the elapsed time is of the whole process, and it was not profiled: the profiler would have counted
their calls, too. Requests with synchronous views are profiled.</p>
"""


class PerformancePanel(PerformanceDebugPanel):
    """The duration of a request, with a profile if it had a thread to itself."""

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
        """Return the list of the current request; outside of requests, a new one."""
        records = _records.get()
        return [] if records is None else records


class LoggingPanel(logger.LoggingPanel):
    """The records of a request, from all its threads."""

    handler = ContextHandler()

    def __init__(self, request: Any) -> None:
        super().__init__(request)
        _records.set([])
        # Not at import: a server may read a logging configuration after the application is loaded,
        # which removes all other handlers.
        logging.root.addHandler(self.handler)

    def get_and_delete(self) -> Records:
        """Return the records; the list is freed with the request's context."""
        return self.handler.get_records()


_REPLACEMENTS: Final = {PerformanceDebugPanel: PerformancePanel, logger.LoggingPanel: LoggingPanel}


def replace_panels(registry: Any) -> None:
    """Replace the panels of the toolbar by those of this module.

    The application's own panels are not changed.

    Args:
        registry: The registry of the application, all of whose configuration is done.
    """
    toolbar = registry.queryUtility(IToolbarWSGIApp)
    if toolbar is None:
        return
    # It would keep the records of all threads forever.
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
