"""Exceptions of coroutines, in the form that Pyramid understands.

If a child of a ``TaskGroup`` raises ``HTTPNotFound``, the view raises a group that contains it;
here the group is replaced by the exception. Errors that beginners often see get a note about what
to do.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from pyramid.httpexceptions import HTTPException

__all__ = ("failing_as_pyramid_expects",)

Handler = Callable[[Any], Any]


def failing_as_pyramid_expects(handler: Handler) -> Handler:
    """Return a handler for the tween that calls exception views.

    Args:
        handler: The next tween or the router.
    """

    def failing_handler(request: Any) -> Any:
        try:
            return handler(request)
        except BaseExceptionGroup as group:
            error = _agreed(group)
            if error is None:
                raise
            raise error from group
        except (AttributeError, RuntimeError, TypeError, ValueError) as error:
            _explain(error)
            raise

    return failing_handler


def _agreed(group: BaseExceptionGroup[Any]) -> HTTPException | None:
    """Return the HTTP exception in a group if all its leaves stand for the same response."""
    leaves = list(_leaves(group))
    first = leaves[0]
    if isinstance(first, HTTPException) and len({_answer(leaf) for leaf in leaves}) == 1:
        return first
    return None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _answer(error: BaseException) -> Any:
    """Return a value that is equal for exceptions that stand for the same response."""
    return type(error), getattr(error, "location", None)


# --- Explanations ---------------------------------------------------------------------------------


_EXPLANATIONS: Final = (
    (
        r"There is no current event loop in thread|no running event loop",
        "This function makes tasks, which only a coroutine can do. Put it into one and wait for"
        " that: 'async def both(): return await asyncio.gather(a(), b())', and"
        " 'aiopyramid_core.await_(both())'.",
    ),
    (
        r"Could not convert return value .* <coroutine object",
        "The view returned a coroutine: write 'await' before the call that made it.",
    ),
    (
        r"['\"]coroutine['\"]|[Oo]bject of type coroutine"
        r"|coroutine found$|not coroutine$|non-iterable coroutine",
        "A coroutine was used like its result: write 'await' before the call that made it. If a"
        " library makes the call, decorate the coroutine function with"
        " aiopyramid_core.synchronize.",
    ),
    (
        # The second is Python 3.14's.
        r"object .* can't be used in 'await' expression|object can't be awaited",
        "Pyramid passes synchronous functions to coroutines, too: the handler of a tween, the view"
        " inside a decorator or a view deriver. Call it without 'await'.",
    ),
    (
        r"'(\S+\.)?Async\w+' object does not support the context manager protocol",
        "It is of an asynchronous library: write 'async with', in a coroutine.",
    ),
)
"""Patterns of error messages, each with a note about what to do."""


def _explain(error: Exception) -> None:
    said = str(error)
    for pattern, explanation in _EXPLANATIONS:
        if re.search(pattern, said, re.DOTALL):
            error.add_note(explanation)
