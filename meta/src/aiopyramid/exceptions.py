"""The exception, where aiopyramid 0.x had it; new code: ``aiopyramid_core``."""

from aiopyramid_core import ScopeError

__all__ = ("ScopeError",)
