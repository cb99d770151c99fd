"""``debugtoolbar.includes = aiopyramid_debugtoolbar``: the panels become part of the toolbar."""

import logging
from typing import Any

from pyramid.settings import asbool

from aiopyramid_core.lifespan import is_installed

from . import _pages, _state
from .panels import ConnectionsPanel, WaterfallPanel

__all__ = ("includeme",)

_log = logging.getLogger("aiopyramid_debugtoolbar")


def includeme(config: Any) -> None:
    """Add the panels to the toolbar, which calls this because of ``debugtoolbar.includes``.

    Args:
        config: The configurator of the toolbar's own application.
    """
    config.add_debugtoolbar_panel(WaterfallPanel)
    config.add_debugtoolbar_panel(ConnectionsPanel, is_global=True)
    config.include(_pages)
    config.inject_parent_action(_observe)


def _observe(config: Any) -> None:
    """Record the requests of the application, once it is configured."""
    registry = config.registry
    if not asbool(registry.settings.get("debugtoolbar.enabled", True)):
        return
    if not is_installed(registry):
        _log.warning(
            "The panels of aiopyramid_debugtoolbar stay empty: the application does not include"
            " aiopyramid_core. Call config.include('aiopyramid_core')"
        )
        return
    config.add_startup(_state.start)
    config.add_shutdown(_state.stop)
