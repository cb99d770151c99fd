"""Views, what is around them, and the resources they are views of."""

from typing import Any

from pyramid.config import Configurator
from pyramid.config.views import DefaultViewMapper
from pyramid.httpexceptions import HTTPForbidden, HTTPNotFound
from pyramid.interfaces import IRequest, IView, IViewClassifier
from pyramid.response import Response
from pyramid.traversal import ResourceTreeTraverser, ResourceURL
from zope.interface import Interface

from ._table import (
    Exchanges,
    Maker,
    extension_point,
    forbidden,
    hello,
    not_found,
    ordinary,
    root_of_child,
)

# --- Around the view ------------------------------------------------------------------------------


@extension_point("tween", "`config.add_tween`")
def tween(config: Configurator, f: Maker) -> Exchanges:
    def factory(handler: Any, registry: Any) -> Any:
        def tween(request: Any) -> Any:
            response = handler(request)
            response.text += " tween"
            return response

        return f(tween)

    _add_tween(config, "inner_tween_factory", factory)
    _add_tween(config, "outer_tween_factory", factory)
    config.add_view(hello)
    return {"/": "200 hello tween tween"}


@extension_point("factory of a tween", "`config.add_tween`")
def tween_factory(config: Configurator, f: Maker) -> Exchanges:
    def factory(handler: Any, registry: Any) -> Any:
        def tween(request: Any) -> Any:
            response = handler(request)
            response.text += " tween"
            return response

        return tween

    _add_tween(config, "made_tween_factory", f(factory))
    config.add_view(hello)
    return {"/": "200 hello tween"}


def _add_tween(config: Configurator, name: str, factory: Any) -> None:
    globals()[name] = factory  # Pyramid wants a name, and looks it up at once
    config.add_tween(f"{__name__}.{name}")


def appending(f: Maker, word: str) -> Any:
    """Return a decorator of views that appends a word to the response."""

    def decorator(view: Any) -> Any:
        def wrapper(context: Any, request: Any) -> Any:
            response = view(context, request)
            response.text += word
            return response

        return f(wrapper)

    return decorator


@extension_point("view made by a view deriver", "`config.add_view_deriver`")
def view_deriver(config: Configurator, f: Maker) -> Exchanges:
    inner, outer = appending(f, " inner"), appending(ordinary, " outer")
    config.add_view_deriver(lambda view, info: inner(view), "inner")
    config.add_view_deriver(lambda view, info: outer(view), "outer", over="inner")
    config.add_view(hello)
    return {"/": "200 hello inner outer"}


@extension_point("view deriver", "`config.add_view_deriver`")
def deriver(config: Configurator, f: Maker) -> Exchanges:
    append = appending(ordinary, " derived")
    config.add_view_deriver(f(lambda view, info: append(view)), "appending")
    config.add_view(hello)
    return {"/": "200 hello derived"}


@extension_point("view decorator", "`config.add_view(..., decorator=...)`")
def view_decorator(config: Configurator, f: Maker) -> Exchanges:
    config.add_view(hello, decorator=appending(f, " outer"))
    return {"/": "200 hello outer"}


@extension_point("view decorator below another one", "`config.add_view(..., decorator=(...))`")
def inner_decorator(config: Configurator, f: Maker) -> Exchanges:
    decorators = (appending(ordinary, " outer"), appending(f, " middle"), appending(f, " inner"))
    config.add_view(hello, decorator=decorators)
    return {"/": "200 hello inner middle outer"}


@extension_point("view mapper", "`config.set_view_mapper`, `config.add_view(..., mapper=...)`")
def view_mapper(config: Configurator, f: Maker) -> Exchanges:
    class Mapper(DefaultViewMapper):
        def __call__(self, view: Any) -> Any:
            mapped = super().__call__(view)
            return f(lambda context, request: mapped(context, request))

    config.add_view(lambda request: "hello", mapper=Mapper, renderer="string")
    return {"/": "200 hello"}


# --- Views ----------------------------------------------------------------------------------------


@extension_point("view", "`config.add_view`")
def view(config: Configurator, f: Maker) -> Exchanges:
    config.add_view(f(hello))
    config.add_view(f(lambda request: "rendered"), name="rendered", renderer="string")
    return {"/": "200 hello", "/rendered": "200 rendered"}


@extension_point("view", "`registry.registerAdapter`")
def registered_view(config: Configurator, f: Maker) -> Exchanges:
    def native(context: Any, request: Any) -> Response:
        return Response("hello")

    required = (IViewClassifier, IRequest, Interface)
    config.registry.registerAdapter(f(native), required, IView)
    return {"/": "200 hello"}


@extension_point("exception view", "`config.add_exception_view`")
def exception_view(config: Configurator, f: Maker) -> Exchanges:
    def failing(request: Any) -> Response:
        raise KeyError("lost")

    config.add_exception_view(f(lambda error, request: Response(str(error), 500)), context=KeyError)
    config.add_view(failing)
    return {"/": "500 'lost'"}


@extension_point("not-found view", "`config.add_notfound_view`")
def notfound_view(config: Configurator, f: Maker) -> Exchanges:
    def raising(request: Any) -> Response:
        raise HTTPNotFound()

    config.add_notfound_view(f(not_found))
    config.add_view(raising, name="raising")
    return {"/missing": "404 nothing", "/raising": "404 nothing"}


@extension_point("forbidden view", "`config.add_forbidden_view`")
def forbidden_view(config: Configurator, f: Maker) -> Exchanges:
    def raising(request: Any) -> Response:
        raise HTTPForbidden()

    config.add_forbidden_view(f(forbidden))
    config.add_view(raising)
    return {"/": "403 no"}


# --- Resources ------------------------------------------------------------------------------------


@extension_point("root factory", "`config.set_root_factory`")
def root_factory(config: Configurator, f: Maker) -> Exchanges:
    config.set_root_factory(f(root_of_child))
    config.add_view(lambda request: Response(request.context), context=str)
    return {"/child": "200 the child"}


@extension_point("root factory of a route", "`config.add_route`")
def route_factory(config: Configurator, f: Maker) -> Exchanges:
    config.add_route("route", "/route*traverse", factory=f(root_of_child))
    config.add_view(lambda request: Response(request.context), context=str, route_name="route")
    return {"/route/child": "200 the child"}


@extension_point("traverser", "`config.add_traverser`")
def traverser(config: Configurator, f: Maker) -> Exchanges:
    class Traverser(ResourceTreeTraverser):
        __call__ = f(
            lambda self, request: ResourceTreeTraverser.__call__(self, request) | {"view_name": "x"}
        )

    config.add_traverser(Traverser)
    config.add_view(hello, name="x")
    return {"/": "200 hello"}


@extension_point("resource URL adapter", "`config.add_resource_url_adapter`")
def resource_url_adapter(config: Configurator, f: Maker) -> Exchanges:
    def elsewhere(resource: Any, request: Any) -> Any:
        url = ResourceURL(resource, request)
        url.virtual_path = "/elsewhere"
        return url

    config.add_resource_url_adapter(f(elsewhere))
    config.add_view(lambda request: Response(request.resource_path(request.context)))
    return {"/": "200 /elsewhere"}


@extension_point("`__resource_url__`, a method of a resource", "—")
def resource_url(config: Configurator, f: Maker) -> Exchanges:
    class Root:
        __parent__ = None
        __name__ = ""
        __resource_url__ = f(
            lambda self, request, info: f"https://example.org{info['virtual_path']}"
        )

        def __init__(self, request: Any) -> None:
            """Be made by Pyramid."""

    config.set_root_factory(Root)
    config.add_view(lambda request: Response(request.resource_url(request.context, "page")))
    return {"/": "200 https://example.org/page"}
