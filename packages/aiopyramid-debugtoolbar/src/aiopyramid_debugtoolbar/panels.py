"""The panels: the waterfall of a request, and the open connections of the process."""

import time
from typing import Any

from pyramid.renderers import render
from pyramid_debugtoolbar.panels import DebugPanel

from ._drawing import draw, milliseconds
from ._state import BLOCKS, CONNECTIONS
from ._trace import Trace, current_trace

__all__ = ("ConnectionsPanel", "WaterfallPanel", "connections_html", "waterfall_html")


class WaterfallPanel(DebugPanel):
    """What a request waited for, in the order of time.

    Args:
        request: Pyramid's request.

    Attributes:
        trace: The record of the request; None if the application does not include
            ``aiopyramid_core``.
    """

    name = "waterfall"
    title = "Waterfall of the request"
    nav_title = "Waterfall"
    template = "aiopyramid_debugtoolbar:templates/waterfall.dbtmako"
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
    template = "aiopyramid_debugtoolbar:templates/connections.dbtmako"
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


def waterfall_html(request: Any, trace: Trace, identity: str, page_url: str | None = None) -> str:
    """Return the waterfall of a request as HTML.

    Args:
        request: The request for the page.
        trace: The record of the request.
        identity: The toolbar's name of the request.
        page_url: The page to link to that shows nothing else, if any.
    """
    values = {
        "drawing": draw(trace, BLOCKS.between(trace.began_at, trace.ended_at)),
        "trace": trace,
        "page_url": page_url,
        "export_url": request.route_url("debugtoolbar.waterfall_export", request_id=identity),
    }
    html: str = render(WaterfallPanel.template, values, request=request)
    return html


def connections_html(request: Any, page_url: str | None = None) -> str:
    """Return the list of connections as HTML.

    Args:
        request: The request for the page.
        page_url: The page to link to that shows nothing else, if any.
    """
    now = time.time()
    values = {
        "open": CONNECTIONS.open(),
        "closed": tuple(CONNECTIONS.closed),
        "ago": lambda then: milliseconds(now - then) if now - then < 60 else _minutes(now - then),
        "size": _size,
        "page_url": page_url,
    }
    html: str = render(ConnectionsPanel.template, values, request=request)
    return html


def _minutes(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _size(size_bytes: int) -> str:
    if size_bytes < 1024:
        return f"{size_bytes} B"
    if size_bytes < 1 << 20:
        return f"{size_bytes / 1024:.1f} KiB"
    return f"{size_bytes / (1 << 20):.1f} MiB"
