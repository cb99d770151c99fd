"""Closures: reading and replacing the variables of the enclosing function."""

import functools
from collections.abc import Callable, Mapping
from types import CellType, FunctionType
from typing import Any

__all__ = ("outer_variables", "replace_outer_variable", "with_outer_variables")


def outer_variables(function: FunctionType) -> dict[str, Any]:
    """Return the variables of the enclosing function that a function uses and that have a value."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def with_outer_variables(function: FunctionType, values: Mapping[str, Any]) -> FunctionType:
    """Return a copy of a closure with other values of the enclosing function's variables.

    Args:
        function: A closure.
        values: New values of the variables, by name. If there are none, the function itself is
            returned.
    """
    if not values:
        return function
    closure = tuple(
        CellType(values[name]) if name in values else cell
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        )
    )
    made = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, closure
    )
    made.__kwdefaults__ = function.__kwdefaults__
    # Not functools.wraps, which would set __wrapped__.
    for name in functools.WRAPPER_ASSIGNMENTS:
        if hasattr(function, name):
            setattr(made, name, getattr(function, name))
    vars(made).update(vars(function))
    return made


def replace_outer_variable(
    function: FunctionType, name: str, replacement: Callable[[Any], Any]
) -> None:
    """Replace the value of an enclosing function's variable, for all closures that share it.

    Args:
        function: A closure.
        name: The variable's. Nothing happens if the function uses no such variable.
        replacement: Returns the new value for the old one.
    """
    if name in outer_variables(function):
        index = function.__code__.co_freevars.index(name)
        assert function.__closure__ is not None  # it has such a variable
        cell = function.__closure__[index]
        cell.cell_contents = replacement(cell.cell_contents)
