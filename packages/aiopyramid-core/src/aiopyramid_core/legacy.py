"""Support for code written for aiopyramid 0.x that switches greenlets itself."""

from ._bridge.by_hand import run_in_greenlet

__all__ = ("run_in_greenlet",)
