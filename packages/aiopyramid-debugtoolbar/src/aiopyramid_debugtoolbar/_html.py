"""The waterfall and the list of connections as HTML, for the panels and for pages of their own."""

import time
from typing import Any, Final

from pyramid.renderers import render

from ._drawing import draw, milliseconds
from ._state import BLOCKS, CONNECTIONS
from ._trace import Trace

__all__ = ("connections_html", "waterfall_html")

_WATERFALL: Final = "aiopyramid_debugtoolbar:templates/waterfall.dbtmako"
_CONNECTIONS: Final = "aiopyramid_debugtoolbar:templates/connections.dbtmako"


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
    html: str = render(_WATERFALL, values, request=request)
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
    html: str = render(_CONNECTIONS, values, request=request)
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
