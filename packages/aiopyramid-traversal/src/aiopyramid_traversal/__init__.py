"""Traversal with coroutines: to come.

This package has no public name yet. A later release will hold a traverser that awaits resources
whose `__getitem__` is a coroutine function.
"""

__all__: tuple[str, ...] = ()
