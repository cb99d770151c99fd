"""The panels as pages of their own, and the export, all within the toolbar's application.

The toolbar serves its application only to the hosts of its setting ``debugtoolbar.hosts``, so the
same holds for these pages.
"""

import json
from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response

from ._chrome_trace import chrome_trace
from ._html import connections_html, waterfall_html
from ._state import BLOCKS
from ._trace import Trace
from .panels import WaterfallPanel

__all__ = ("includeme",)

_PAGE = "aiopyramid_debugtoolbar:templates/page.dbtmako"


def includeme(config: Any) -> None:
    """Add the pages to the toolbar's application.

    Args:
        config: Its configurator.
    """
    config.add_route("debugtoolbar.waterfall", "/{request_id}/waterfall")
    config.add_route("debugtoolbar.waterfall_export", "/{request_id}/waterfall.json")
    config.add_route("debugtoolbar.connections", "/open/connections")
    config.add_view(waterfall_page, route_name="debugtoolbar.waterfall", renderer=_PAGE)
    config.add_view(waterfall_export, route_name="debugtoolbar.waterfall_export")
    config.add_view(connections_page, route_name="debugtoolbar.connections", renderer=_PAGE)


def waterfall_page(request: Any) -> dict[str, Any]:
    """Show the waterfall of a request."""
    trace = _trace(request)
    content = waterfall_html(request, trace, request.matchdict["request_id"])
    return {"title": f"Waterfall of {trace.path}", "content": content, "refreshes": False}


def waterfall_export(request: Any) -> Response:
    """Return the trace of a request as a file that Perfetto opens."""
    trace = _trace(request)
    document = chrome_trace(trace, BLOCKS.between(trace.began_at, trace.ended_at))
    response = Response(json.dumps(document), content_type="application/json", charset="utf-8")
    response.content_disposition = 'attachment; filename="waterfall.json"'
    return response


def connections_page(request: Any) -> dict[str, Any]:
    """Show the open WebSockets and event streams."""
    content = connections_html(request)
    return {"title": "WebSockets and event streams", "content": content, "refreshes": True}


def _trace(request: Any) -> Trace:
    """Return the record of the request that the URL names."""
    toolbar = request.pdtb_history.get(request.matchdict["request_id"])
    for panel in () if toolbar is None else toolbar.panels:
        if isinstance(panel, WaterfallPanel) and panel.trace is not None:
            return panel.trace
    raise HTTPNotFound("The toolbar does not remember this request.")
