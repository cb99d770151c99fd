"""Run any Pyramid application on asyncio, unmodified; its views become coroutines one at a time.

This distribution pulls in all the packages of aiopyramid. New code imports from these packages;
nothing in them imports from here.
"""

from pyramid.config import Configurator

__all__ = ("includeme",)


def includeme(config: Configurator) -> None:
    """Set up the application for asyncio: ``config.include("aiopyramid")``.

    Args:
        config: the application's configurator; ``aiopyramid_core`` is included into it.
    """
    config.include("aiopyramid_core")
