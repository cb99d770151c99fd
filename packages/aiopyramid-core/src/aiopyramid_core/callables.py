"""Inspection of callables, for extensions of Pyramid that call views or wrap them."""

from ._callables import called_by, is_coroutine_callable, prepare_generators

__all__ = ("called_by", "is_coroutine_callable", "prepare_generators")
