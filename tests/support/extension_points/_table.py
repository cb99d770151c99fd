"""How a row of the table is made, and what the rows share."""

import asyncio
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from wsgiref.util import shift_path_info

from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request

Maker = Callable[[Callable[..., Any]], Callable[..., Any]]
Exchanges = dict[str, str]
"""By path and query, perhaps after a method: status and body of the answer, or its beginning."""


@dataclass(frozen=True)
class ExtensionPoint:
    """A row of the table.

    Attributes:
        name: How the documents call it.
        directive: How the application registers it.
        configure: Configures an application, returns its exchanges.
    """

    name: str
    directive: str
    configure: Callable[[Configurator, Maker], Exchanges]


EXTENSION_POINTS: list[ExtensionPoint] = []


def extension_point(name: str, directive: str) -> Callable[..., Any]:
    def register(configure: Callable[[Configurator, Maker], Exchanges]) -> Any:
        EXTENSION_POINTS.append(ExtensionPoint(name, directive, configure))
        return configure

    return register


# --- What is made of a function -------------------------------------------------------------------


def coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a coroutine function of a synchronous one."""

    async def asynchronous(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args, **kwargs)

    return _like(function, asynchronous)


def hidden(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a synchronous function of it that returns a coroutine."""
    asynchronous = coroutine(function)
    return _like(function, lambda *args, **kwargs: asynchronous(*args, **kwargs))


def ordinary(function: Callable[..., Any]) -> Callable[..., Any]:
    """Leave it alone."""
    return function


KINDS: dict[str, Maker] = {"coroutine": coroutine, "hidden": hidden, "ordinary": ordinary}


def _like(function: Callable[..., Any], made: Callable[..., Any]) -> Callable[..., Any]:
    # Not functools.wraps, by which Python would see through what is hidden.
    made.__name__, made.__qualname__ = function.__name__, function.__qualname__
    made.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return made


def application(
    point: ExtensionPoint, make: Maker, *, plain: bool = False
) -> tuple[Any, Exchanges]:
    """Return a WSGI application that uses an extension point, and what it must answer.

    Args:
        point: The extension point.
        make: The wrapper for each function.
        plain: Whether to leave ``aiopyramid_core`` out.
    """
    config = Configurator(settings={"pyramid.csrf_trusted_origins": ""})
    if not plain:
        config.include("aiopyramid_core")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Pyramid's, of what it has of old
        exchanges = point.configure(config, make)
        return config.make_wsgi_app(), exchanges


def main(global_config: Any = None, **settings: Any) -> Any:
    """Return all applications of the table as one, at ``/NUMBER/KIND``, for servers."""
    mounts = {
        str(number): {kind: application(point, make)[0] for kind, make in KINDS.items()}
        for number, point in enumerate(EXTENSION_POINTS)
    }

    def mounted(environ: Any, start_response: Any) -> Any:
        number, kind = shift_path_info(environ), shift_path_info(environ)
        return mounts[number][kind](environ, start_response)

    return mounted


def said(answer: Response) -> str:
    """Return what is compared with an exchange."""
    return f"{answer.status_code} {answer.text}"


# --- Views of the rows ----------------------------------------------------------------------------


def hello(request: Any) -> Response:
    return Response("hello")


def secret(request: Any) -> Response:
    return Response("secret")


def forbidden(request: Any) -> Response:
    return Response("no", 403)


def not_found(request: Any) -> Response:
    return Response("nothing", 404)


def refused(request: Any) -> Response:
    return Response("refused", 400)


class Users:
    """A security policy of synchronous methods, whose user is in the query."""

    def identity(self, request: Any) -> Any:
        return request.GET.get("user")

    def authenticated_userid(self, request: Any) -> Any:
        return self.identity(request)

    def permits(self, request: Any, context: Any, permission: Any) -> bool:
        return bool(request.GET.get("user") == "ann")

    def remember(self, request: Any, userid: Any, **options: Any) -> Any:
        return [("X-Remembered", userid)]

    def forget(self, request: Any, **options: Any) -> Any:
        return [("X-Forgotten", "yes")]


def of(f: Maker, cls: type) -> Any:
    """Return an instance of a class whose methods have gone through ``f``."""
    methods = {
        name: f(value)
        for name, value in vars(cls).items()
        if inspect.isfunction(value) and not name.startswith("__")
    }
    return type(cls.__name__, (cls,), methods)()


def secure(config: Configurator) -> None:
    config.add_forbidden_view(forbidden)
    config.add_view(secret, permission="view")


def root_of_child(request: Any) -> Any:
    return {"child": "the child"}


def marking(event: Any) -> None:
    event.request.mark = "marked"


def marks(request: Any) -> Response:
    return Response(getattr(request, "mark", "nothing"))


def ask(app: Any, exchange: str) -> str:
    """Return the answer to an exchange; what is in the query of a POST is in its body, too."""
    method, _, path = exchange.rpartition(" ")
    form = dict(parse_qsl(urlsplit(path).query)) if method == "POST" else None
    return said(Request.blank(path, POST=form).get_response(app))
