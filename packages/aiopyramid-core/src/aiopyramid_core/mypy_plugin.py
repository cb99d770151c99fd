"""A plugin for mypy, for classes that are decorated with :func:`~aiopyramid_core.synchronize`.

Python's type system cannot say that a decorator changes the methods of a class. With this plugin
mypy checks such a class as if each of its coroutine methods were decorated::

    [tool.mypy]
    plugins = ["aiopyramid_core.mypy_plugin"]

Methods that the class inherits keep their types. Other type checkers have no plugins: for them,
decorate the methods instead of the class, which all type checkers understand.
"""

from collections.abc import Callable
from typing import Final

from mypy.nodes import (
    MDEF,
    Decorator,
    Expression,
    FuncDef,
    RefExpr,
    SymbolTableNode,
    TypeInfo,
    Var,
)
from mypy.plugin import ClassDefContext, Plugin
from mypy.traverser import has_yield_expression

from ._coroutines import ASYNC_PROTOCOLS

__all__ = ("SynchronizePlugin", "plugin")

_SYNCHRONIZE: Final = "aiopyramid_core.decorators.synchronize"
_KEEP_COROUTINES: Final = {
    "abc.abstractmethod",
    "builtins.classmethod",
    "builtins.staticmethod",
    "typing.override",
    "typing_extensions.override",
}
"""Decorators below which a method is still a coroutine function."""


class SynchronizePlugin(Plugin):
    """The hooks that mypy calls for classes with the decorator ``synchronize``."""

    def get_class_decorator_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        """Return the function that changes a class with the decorator of this name.

        Args:
            fullname: The full name of the decorator.
        """
        return _synchronize_methods if fullname == _SYNCHRONIZE else None


def plugin(version: str) -> type[Plugin]:
    """Return the plugin; mypy calls this.

    Args:
        version: The version of mypy.
    """
    return SynchronizePlugin


def _synchronize_methods(context: ClassDefContext) -> None:
    """Apply the decorator of a class to each of its coroutine methods."""
    body, info = context.cls.defs.body, context.cls.info
    for index, statement in enumerate(body):
        if isinstance(statement, FuncDef) and _is_coroutine(statement):
            body[index] = method = _decorated(statement, context.reason, info)
            info.names[method.name] = SymbolTableNode(MDEF, method)
        elif isinstance(statement, Decorator) and _is_coroutine(statement.func):
            _decorate_again(statement, context.reason)


def _decorated(function: FuncDef, decorator: Expression, info: TypeInfo) -> Decorator:
    """Return a method as mypy represents it if it is written with this decorator."""
    variable = Var(function.name)
    variable.set_line(function)
    variable.is_ready = False
    variable.info = info
    variable.is_initialized_in_class = True
    variable._fullname = function.fullname
    function.is_decorated = True
    method = Decorator(function, [decorator], variable)
    method.set_line(function)
    return method


def _decorate_again(method: Decorator, decorator: Expression) -> None:
    """Add a decorator below those that a method has, unless they make something else of it."""
    others = [each for each in method.original_decorators if each is not decorator]
    if all(isinstance(each, RefExpr) and each.fullname in _KEEP_COROUTINES for each in others):
        method.original_decorators = [*others, decorator]
        if decorator not in method.decorators:
            method.decorators.append(decorator)


def _is_coroutine(function: FuncDef) -> bool:
    return (
        function.is_coroutine
        and function.name not in ASYNC_PROTOCOLS
        and not has_yield_expression(function)
    )
