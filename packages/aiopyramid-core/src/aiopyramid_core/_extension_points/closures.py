"""Functions that were made by functions: other values for the variables of the outer one."""

import functools
from collections.abc import Callable, Mapping
from types import CellType, FunctionType
from typing import Any

__all__ = ("outer_variables", "replace_outer_variable", "with_outer_variables")


def outer_variables(function: FunctionType) -> dict[str, Any]:
    """Return what a function uses of the one around it, by name, less what has no value yet."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def with_outer_variables(function: FunctionType, values: Mapping[str, Any]) -> FunctionType:
    """Return a copy of a function that uses other values; the original keeps its own.

    Args:
        function: A function that was made by a function.
        values: New values of the outer function's variables, by name. Without any, the function
            itself is returned.
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
    # Not functools.wraps, by which the copy would wrap the original.
    for name in functools.WRAPPER_ASSIGNMENTS:
        if hasattr(function, name):
            setattr(made, name, getattr(function, name))
    vars(made).update(vars(function))
    return made


def replace_outer_variable(
    function: FunctionType, name: str, replacement: Callable[[Any], Any]
) -> None:
    """Give a function, and all that were made with it, another value of an outer one's variable.

    Args:
        function: A function that was made by a function.
        name: The variable's. Nothing happens if the function uses no such variable.
        replacement: Returns the new value for the old one.
    """
    if name in outer_variables(function):
        index = function.__code__.co_freevars.index(name)
        assert function.__closure__ is not None  # or else it has no such variable
        cell = function.__closure__[index]
        cell.cell_contents = replacement(cell.cell_contents)
