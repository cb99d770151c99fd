"""The traverser, where aiopyramid 0.x had it; new code: ``aiopyramid_traversal``."""

from aiopyramid_traversal import AsyncioTraverser

__all__ = ("AsyncioTraverser",)
