"""Requests, responses and URLs."""

from typing import Any

from pyramid.config import Configurator
from pyramid.i18n import Localizer
from pyramid.interfaces import ILocalizer
from pyramid.renderers import JSON
from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import default_execution_policy
from pyramid.static import QueryStringCacheBuster

from ._table import Exchanges, Maker, extension_point, hello, marks

# --- Responses ------------------------------------------------------------------------------------


@extension_point("renderer", "`config.add_renderer`")
def renderer(config: Configurator, f: Maker) -> Exchanges:
    config.add_renderer("upper", lambda info: f(lambda value, system: value.upper()))
    config.add_view(lambda request: "hello", renderer="upper")
    return {"/": "200 HELLO"}


@extension_point("renderer factory", "`config.add_renderer`")
def renderer_factory(config: Configurator, f: Maker) -> Exchanges:
    config.add_renderer("upper", f(lambda info: lambda value, system: value.upper()))
    config.add_view(lambda request: "hello", renderer="upper")
    return {"/": "200 HELLO"}


@extension_point("adapter of the JSON renderer, `__json__`", "`JSON.add_adapter`")
def json_adapter(config: Configurator, f: Maker) -> Exchanges:
    class User:
        __json__ = f(lambda self, request: "ann")

    renderer = JSON()
    renderer.add_adapter(complex, f(lambda number, request: [number.real, number.imag]))
    config.add_renderer("json", renderer)
    config.add_view(lambda request: [User(), 1 + 2j], renderer="json")
    return {"/": '200 ["ann", [1.0, 2.0]]'}


@extension_point("response adapter", "`config.add_response_adapter`")
def response_adapter(config: Configurator, f: Maker) -> Exchanges:
    config.add_response_adapter(f(lambda text: Response(text)), str)
    config.add_view(lambda request: "adapted")
    return {"/": "200 adapted"}


@extension_point("response factory", "`config.set_response_factory`")
def response_factory(config: Configurator, f: Maker) -> Exchanges:
    config.set_response_factory(f(lambda request: Response(status=202)))
    config.add_view(lambda request: "accepted", renderer="string")
    return {"/": "202 accepted"}


@extension_point("response callback", "`request.add_response_callback`")
def response_callback(config: Configurator, f: Maker) -> Exchanges:
    def append(request: Any, response: Any) -> None:
        response.text += " called"

    def view(request: Any) -> Response:
        request.add_response_callback(f(append))
        return Response("hello")

    config.add_view(view)
    return {"/": "200 hello called"}


@extension_point("finished callback", "`request.add_finished_callback`")
def finished_callback(config: Configurator, f: Maker) -> Exchanges:
    def count(request: Any) -> None:
        request.registry.settings["finished"] = "finished"

    def view(request: Any) -> Response:
        request.add_finished_callback(f(count))
        return Response("hello")

    config.add_view(view)
    config.add_view(
        lambda request: Response(request.registry.settings.get("finished", "not yet")), name="after"
    )
    return {"/": "200 hello", "/after": "200 finished"}


# --- Requests -------------------------------------------------------------------------------------


@extension_point("request factory", "`config.set_request_factory`")
def request_factory(config: Configurator, f: Maker) -> Exchanges:
    def factory(environ: Any) -> Any:
        request = Request(environ)
        request.mark = "made"
        return request

    config.set_request_factory(f(factory))
    config.add_view(marks)
    return {"/": "200 made"}


@extension_point("execution policy", "`config.set_execution_policy`")
def execution_policy(config: Configurator, f: Maker) -> Exchanges:
    def policy(environ: Any, router: Any) -> Any:
        response = default_execution_policy(environ, router)
        response.text += " executed"
        return response

    config.set_execution_policy(f(policy))
    config.add_view(hello)
    return {"/": "200 hello executed"}


@extension_point("request property", "`config.add_request_method(..., property=True)`")
def request_property(config: Configurator, f: Maker) -> Exchanges:
    config.add_request_method(f(lambda request: request.GET["user"]), "user", property=True)
    config.add_view(lambda request: Response(request.user))
    return {"/?user=ann": "200 ann"}


@extension_point("request property that is kept", "`config.add_request_method(..., reify=True)`")
def reified_property(config: Configurator, f: Maker) -> Exchanges:
    config.add_request_method(f(lambda request: [request.GET["user"]]), "users", reify=True)
    config.add_view(lambda request: Response(f"{request.users} {request.users is request.users}"))
    return {"/?user=ann": "200 ['ann'] True"}


@extension_point("locale negotiator", "`config.set_locale_negotiator`")
def locale_negotiator(config: Configurator, f: Maker) -> Exchanges:
    config.set_locale_negotiator(f(lambda request: request.GET.get("lang")))
    config.add_view(lambda request: Response(request.locale_name))
    return {"/?lang=eo": "200 eo", "/": "200 en"}


@extension_point("translator", "`registry.registerUtility` as `ILocalizer`")
def localizer(config: Configurator, f: Maker) -> Exchanges:
    class Upper(Localizer):
        translate = f(lambda self, text, domain=None, mapping=None: text.upper())

    config.registry.registerUtility(Upper("en", None), ILocalizer, "en")
    config.add_view(lambda request: Response(request.localizer.translate("hello")))
    return {"/": "200 HELLO"}


# --- URLs -----------------------------------------------------------------------------------------


@extension_point("pregenerator", "`config.add_route`")
def pregenerator(config: Configurator, f: Maker) -> Exchanges:
    def add_language(request: Any, elements: Any, values: Any) -> Any:
        return elements, {**values, "language": "eo"}

    config.add_route("page", "/{language}/page", pregenerator=f(add_language))
    config.add_route("external", "https://example.org/{language}", pregenerator=f(add_language))
    config.add_view(lambda request: Response(request.route_path("page")))
    config.add_view(lambda request: Response(request.route_url("external")), name="external")
    return {"/": "200 /eo/page", "/external": "200 https://example.org/eo"}


@extension_point("cache buster", "`config.add_cache_buster`")
def cache_buster(config: Configurator, f: Maker) -> Exchanges:
    def bust(request: Any, subpath: str, values: Any) -> Any:
        return f"{subpath}-1", values

    config.add_static_view("static", "pyramid:")
    config.add_cache_buster("pyramid:", f(bust))
    config.add_view(lambda request: Response(request.static_path("pyramid:x.css")))
    return {"/": "200 /static/x.css-1"}


@extension_point("token of a cache buster, `tokenize`", "`config.add_cache_buster`")
def token(config: Configurator, f: Maker) -> Exchanges:
    class Version(QueryStringCacheBuster):
        tokenize = f(lambda self, request, subpath, values: f"{self.param}-1")

    config.add_static_view("static", "pyramid:")
    config.add_cache_buster("pyramid:", Version("v"))
    config.add_view(lambda request: Response(request.static_path("pyramid:x.css")))
    return {"/": "200 /static/x.css?v=v-1"}
