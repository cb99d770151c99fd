"""Transfer of the state that Python keeps per thread of execution.

Context variables: greenlets, coroutines and the Task of one request share one
``contextvars.Context``. But only one thread at a time can enter a context, so another thread works
in a copy, and its changes are copied back when it has finished.

Exceptions: each greenlet and each thread has an exception state of its own, which
``sys.exception()`` and ``traceback.format_exc()`` show, and by which an exception gets its
``__context__``.
"""

from collections.abc import Callable
from contextvars import Context
from typing import Any, Final, NoReturn, TypeVar

__all__ = ("bring_back", "call_handling", "reraise")

T = TypeVar("T")

_MISSING: Final = object()


def bring_back(context: Context) -> None:
    """Set every variable that differs in ``context`` in the current context as well.

    A variable that the other thread *reset* to having no value keeps its value here: there is no
    way to unset a variable without the token of its ``set``.

    Args:
        context: A copy of the current context in which another thread has worked.
    """
    for variable, value in context.items():
        if variable.get(_MISSING) is not value:
            variable.set(value)


def call_handling(
    error: BaseException | None, function: Callable[..., T], /, *args: Any, **kwargs: Any
) -> T:
    """Call a function as if from an ``except`` clause that handles ``error``.

    Each greenlet and each thread has an exception state of its own. Exception views that call
    ``traceback.format_exc()`` need that of the caller.
    """
    if error is None:
        return function(*args, **kwargs)
    frames = error.__traceback__
    try:
        raise error
    except BaseException:
        error.__traceback__ = frames  # omits this frame, which would not help a reader
        return function(*args, **kwargs)
    finally:
        del error, frames


def reraise(error: BaseException) -> NoReturn:
    """Raise an exception from another greenlet or thread, as if it had passed through frames.

    A plain ``raise`` would replace its context by the exception that is being handled here.
    """
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context
        del error, context  # breaks the cycle exception -> traceback -> this frame
