"""The location of a resource in its tree: its parent, its name, and its own URL.

Pyramid reads ``__parent__`` and ``__name__`` in many places, also outside of requests: when it
makes a URL, finds the root, or reads the access control lists of the parents. A coroutine there
would count as a parent without a list, and would appear in a URL as ``"<coroutine object ...>"``.
So it is refused. ``__resource_url__`` is a method, and is awaited.

Pyramid has no hook for this. The functions that read the attributes are replaced here, once per
process, by functions that check them and then call the originals.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

import pyramid.authorization
import pyramid.location
import pyramid.traversal
from pyramid.exceptions import ConfigurationError
from pyramid.url import URLMethodsMixin
from pyramid.util import object_description

from .._coroutines import close, is_coroutine
from .awaiting import awaited

__all__ = ("install", "refuse_coroutine_as_parent", "resource_itself")

_lineage: Final[Callable[[Any], Iterator[Any]]] = pyramid.location.lineage
_path_list: Final[Callable[..., list[Any]]] = pyramid.traversal._resource_path_list
_resource_url: Final[Callable[..., str]] = URLMethodsMixin.resource_url


def install() -> None:
    """Let Pyramid check a resource's attributes before it uses them."""
    for module in (pyramid.location, pyramid.traversal, pyramid.authorization):
        module.lineage = _lineage_checked
    pyramid.traversal._resource_path_list = _path_list_checked
    URLMethodsMixin.resource_url = URLMethodsMixin.model_url = _resource_url_awaiting


# --- Parents and names ----------------------------------------------------------------------------


def _lineage_checked(resource: Any) -> Iterator[Any]:
    below = resource
    for each in _lineage(resource):
        refuse_coroutine_as_parent(each, below)
        yield each
        below = each


def refuse_coroutine_as_parent(parent: Any, resource: Any) -> None:
    """Raise an error if the ``__parent__`` of a resource is a coroutine, which is closed."""
    if is_coroutine(parent):
        _refuse("__parent__", parent, resource)


def _path_list_checked(resource: Any, *elements: Any) -> list[Any]:
    names = _path_list(resource, *elements)
    if any(is_coroutine(name) for name in names):
        resources = _lineage_checked(resource)
        for name, each in zip(
            reversed(names[: len(names) - len(elements)]), resources, strict=True
        ):
            if is_coroutine(name):
                _refuse("__name__", name, each)
    return names


def _refuse(attribute: str, value: Any, resource: Any) -> NoReturn:
    close(value)
    raise ConfigurationError(
        f"Pyramid reads {attribute} of {object_description(resource)}, a resource, as a plain"
        " attribute, and it is a coroutine. Set it when the resource is made, in the parent's"
        " __getitem__ for example, which may be a coroutine (with aiopyramid-traversal)."
    )


# --- URLs -----------------------------------------------------------------------------------------


def _resource_url_awaiting(request: Any, resource: Any, *elements: Any, **options: Any) -> str:
    if getattr(resource, "__resource_url__", None) is not None:
        resource = _ResourceWithURL(resource)
    return _resource_url(request, resource, *elements, **options)


_resource_url_awaiting.__doc__ = _resource_url.__doc__


class _ResourceWithURL:
    """A proxy of a resource whose ``__resource_url__`` is awaited."""

    __slots__ = ("_resource",)

    def __init__(self, resource: Any) -> None:
        self._resource = resource

    @property  # type: ignore[misc]  # never set
    def __class__(self) -> Any:
        return type(self._resource)

    def __resource_url__(self, request: Any, info: Any) -> Any:
        return awaited(self._resource.__resource_url__(request, info))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resource, name)


def resource_itself(resource: Any) -> Any:
    """Return the application's resource, for code of the application."""
    return resource._resource if type(resource) is _ResourceWithURL else resource
