"""All public names, used with types, for mypy; nothing here runs."""

from pyramid.config import Configurator

from aiopyramid_debugtoolbar import ConnectionsPanel, WaterfallPanel, includeme


def include(config: Configurator) -> None:
    includeme(config)


def subtitles(waterfall: WaterfallPanel, connections: ConnectionsPanel) -> tuple[str, str]:
    return waterfall.nav_subtitle, connections.nav_subtitle
