"""The panels: the waterfall of a request, and the open connections of the process."""

from typing import Any

from pyramid_debugtoolbar.panels import DebugPanel

from ._html import connections_html, waterfall_html
from ._state import CONNECTIONS
from ._trace import current_trace

__all__ = ("ConnectionsPanel", "WaterfallPanel")


class WaterfallPanel(DebugPanel):
    """The waits, calls and tasks of a request, in the order of time.

    Args:
        request: Pyramid's request.

    Attributes:
        trace: The record of the request; None if the application does not include
            ``aiopyramid_core``.
    """

    name = "waterfall"
    title = "Waterfall of the request"
    nav_title = "Waterfall"
    has_content = True

    def __init__(self, request: Any) -> None:
        super().__init__(request)
        self.trace = current_trace.get()
        self._id = request.pdtb_id

    @property
    def nav_subtitle(self) -> str:
        """The side on which the request ran."""
        if self.trace is None:
            return ""
        return "loop" if self.trace.on_loop else "thread"

    def render_content(self, request: Any) -> str:
        """Return the panel's HTML.

        Args:
            request: The request for the toolbar's page.
        """
        if self.trace is None:
            return "<p>Not recorded: the application does not include aiopyramid_core.</p>"
        page_url = request.route_url("debugtoolbar.waterfall", request_id=self._id)
        return waterfall_html(request, self.trace, self._id, page_url)


class ConnectionsPanel(DebugPanel):
    """The open WebSockets and event streams of the process, as they are now."""

    name = "connections"
    title = "WebSockets and event streams"
    nav_title = "Connections"
    has_content = True

    @property
    def nav_subtitle(self) -> str:
        """How many are open."""
        return str(len(CONNECTIONS.open()))

    def render_content(self, request: Any) -> str:
        """Return the panel's HTML.

        Args:
            request: The request for the toolbar's page.
        """
        return connections_html(request, request.route_url("debugtoolbar.connections"))
