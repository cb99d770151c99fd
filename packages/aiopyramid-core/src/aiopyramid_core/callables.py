"""For extensions of Pyramid that call views, or wrap them: which callables are coroutines."""

from ._callables import called_by, is_coroutine_callable, prepare_generators

__all__ = ("called_by", "is_coroutine_callable", "prepare_generators")
