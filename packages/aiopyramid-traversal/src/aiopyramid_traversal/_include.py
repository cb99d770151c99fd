"""``config.include("aiopyramid_traversal")``: how this package becomes part of an application."""

from typing import Any

from .traverser import AsyncioTraverser

__all__ = ("includeme",)


def includeme(config: Any) -> None:
    """Let the ``__getitem__`` of the application's resources be coroutines.

    Includes ``aiopyramid_core`` and makes :class:`~aiopyramid_traversal.AsyncioTraverser` the
    traverser of all resource trees for which the application does not set another one with
    ``config.add_traverser``.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.
    """
    config.include("aiopyramid_core")
    config.add_traverser(AsyncioTraverser)
