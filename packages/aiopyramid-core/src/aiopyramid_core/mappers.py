"""The view mappers: how Pyramid calls a view.

A view mapper (Pyramid, "Using a View Mapper") turns a view callable of any signature into a
function of context and request. These three mappers decide once, when the application is
configured, whether a view is awaited in the request's greenlet or called as synchronous code in a
thread.
"""

import inspect
from collections.abc import Callable
from types import CoroutineType, GeneratorType
from typing import Any, ClassVar

from pyramid.config.views import DefaultViewMapper
from pyramid.exceptions import ConfigurationError
from pyramid.util import object_description

from ._callables import called_by, is_coroutine_callable, is_coroutine_outside, prepare_generators
from .awaiting import await_
from .executor import call_off_loop

__all__ = (
    "CoroutineMapper",
    "CoroutineOrExecutorMapper",
    "ExecutorMapper",
)

MappedView = Callable[[Any, Any], Any]


class _AsyncioMapper(DefaultViewMapper):
    """Base class of the mappers: it classifies views and calls them in either of two ways."""

    attr: str | None

    runs_on_loop: ClassVar[bool | None] = None
    """Where requests for the views run; None if it depends on the view.

    See :mod:`._requests.view_records`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._on_loop = options.get("run_on") == "loop"

    def is_coroutine_view(self, view: Any) -> bool:
        """Return whether ``view`` (with the mapper's ``attr``) is a coroutine."""
        return is_coroutine_callable(called_by(view, self.attr))

    def describe(self, view: Any) -> str:
        """Return the description of ``view`` for error messages."""
        description: str = object_description(view)
        return f"attr {self.attr} of {description}" if self.attr else description

    def map_coroutine(self, view: Any) -> MappedView:
        """Return a view that awaits ``view`` in the request's own greenlet."""
        prepare_generators(called_by(view, self.attr))
        mapped: MappedView = super().__call__(view)

        def coroutine_view(context: Any, request: Any) -> Any:
            result = mapped(context, request)
            return await_(result) if type(result) is CoroutineType else _awaited(result)

        return _with_text_of(mapped, coroutine_view)

    def map_synchronous(self, view: Any) -> MappedView:
        """Return a view that calls ``view`` in a thread, unless the request already has one."""
        mapped: MappedView = super().__call__(view)

        def executor_view(context: Any, request: Any) -> Any:
            # The view may be a decorator or a lambda that hides a coroutine function. Its
            # coroutine is awaited all the same.
            return _awaited(call_off_loop(mapped, context, request))

        def quick_view(context: Any, request: Any) -> Any:
            return _awaited(mapped(context, request))

        return _with_text_of(mapped, quick_view if self._on_loop else executor_view)


class CoroutineMapper(_AsyncioMapper):
    """Run a view as a coroutine, on the event loop.

    For ``async def`` functions and methods and for generator functions that delegate with
    ``yield from``. Such a view must not block.

    Raises:
        ConfigurationError: The view is not a coroutine. Raised during configuration.
    """

    def __call__(self, view: Any) -> MappedView:
        """Map ``view`` to a function of context and request."""
        if not self.is_coroutine_view(view):
            raise ConfigurationError(
                f"CoroutineMapper cannot map {self.describe(view)}: it is not a coroutine. Declare"
                " it with 'async def', or use ExecutorMapper."
            )
        return self.map_coroutine(view)


class ExecutorMapper(_AsyncioMapper):
    """Run a synchronous view in the thread of its request.

    In a coroutine request, the view gets a thread of its own. A synchronous decorator around a
    coroutine function counts as a synchronous view, because a decorator that runs an event loop of
    its own, as ``asyncio.run`` does, needs such a thread.

    Raises:
        ConfigurationError: The view is a coroutine. Raised during configuration.
    """

    runs_on_loop = False

    def __call__(self, view: Any) -> MappedView:
        """Map ``view`` to a function of context and request."""
        if is_coroutine_outside(called_by(view, self.attr)):
            raise ConfigurationError(
                f"ExecutorMapper cannot map {self.describe(view)}: it is a coroutine, which runs"
                " on the event loop and not in a thread. Use CoroutineMapper."
            )
        return self.map_synchronous(view)


class CoroutineOrExecutorMapper(_AsyncioMapper):
    """Run coroutines on the event loop and all other views in threads.

    This is the default mapper of an application that includes ``aiopyramid_core``. Existing views
    stay as they are and can become coroutines one at a time.
    """

    def __call__(self, view: Any) -> MappedView:
        """Map ``view`` to a function of context and request."""
        if self.is_coroutine_view(view):
            return self.map_coroutine(view)
        return self.map_synchronous(view)


def _awaited(result: Any) -> Any:
    # Not inspect.isawaitable for all, which takes longer than the bridge itself.
    kind = type(result)
    if hasattr(kind, "__await__") or (kind is GeneratorType and inspect.isawaitable(result)):
        return await_(result)
    return result


def _with_text_of(mapped: MappedView, view: MappedView) -> MappedView:
    """Give ``view`` the description that Pyramid shows in its debug messages."""
    text = getattr(mapped, "__text__", None)
    if text is not None:
        view.__text__ = text  # type: ignore[attr-defined]
    return view
