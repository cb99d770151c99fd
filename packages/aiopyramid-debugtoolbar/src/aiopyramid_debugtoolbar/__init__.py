"""Panels for ``pyramid_debugtoolbar`` that show what a request on asyncio waited for.

Name this package in the development settings of an application that includes ``aiopyramid_core``::

    pyramid.includes = pyramid_debugtoolbar
    debugtoolbar.includes = aiopyramid_debugtoolbar

``README.md`` is the introduction. The modules, in reading order:

``_include``, ``_state``
    How the panels become a part of the toolbar, and what they share.
``_recorder``, ``_trace``, ``_places``, ``_queries``, ``_blocks``
    Recording a request.
``_drawing``, ``_chrome_trace``
    Its record as a waterfall, and in the format of Chrome and Perfetto.
``_connections``
    The open WebSockets and event streams.
``_html``, ``panels``, ``_pages``
    The panels in the toolbar, and pages of their own.
"""

from ._include import includeme
from .panels import ConnectionsPanel, WaterfallPanel

__all__ = ("ConnectionsPanel", "WaterfallPanel", "includeme")
