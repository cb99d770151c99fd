"""Predicates of views, routes and subscribers, which are awaited for Pyramid.

A coroutine is true, so a predicate that returns one would match every request.
"""

from typing import Any

from pyramid.predicates import CustomPredicate, Notted

from .awaiting import AwaitingCollection, awaiting

__all__ = ("AwaitingPredicates", "await_predicate")


class AwaitingPredicates(AwaitingCollection):
    """A predicate list whose predicates are awaited.

    Args:
        predicates: Pyramid's :class:`~pyramid.config.predicates.PredicateList`.
    """

    __slots__ = ()

    def make(self, config: Any, **values: Any) -> tuple[int, list[Any], str]:
        """Return the result of Pyramid's list, with predicates that are awaited."""
        factories = self.sorter.name2val
        for name, factory in factories.items():
            factories[name] = awaiting(factory, f"the factory of the predicate {name}")
        order, predicates, phash = self._original.make(config, **values)
        return order, [await_predicate(predicate) for predicate in predicates], phash


def await_predicate(predicate: Any) -> Any:
    """Return a predicate whose answer is awaited.

    Args:
        predicate: A predicate of a view, a route or a subscriber. Pyramid's own are returned as
            they are, except the two that call another one.
    """
    kind = type(predicate)
    if kind is Notted:
        # It negates the other predicate's answer, and the negation of a coroutine is False.
        predicate.predicate = await_predicate(predicate.predicate)
        return predicate
    if kind.__module__ == CustomPredicate.__module__ and kind is not CustomPredicate:
        return predicate
    return awaiting(predicate, "a predicate")
