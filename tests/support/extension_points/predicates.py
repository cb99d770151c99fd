"""Predicates, and subscribers to events."""

from typing import Any

from pyramid.config import Configurator, not_
from pyramid.events import ApplicationCreated, BeforeRender, NewRequest
from pyramid.response import Response

from ._table import (
    Exchanges,
    Maker,
    extension_point,
    hello,
    marking,
    marks,
    not_found,
    ordinary,
    root_of_child,
    secret,
)

# --- Predicates -----------------------------------------------------------------------------------


def predicate_of(f: Maker) -> type:
    class Mood:
        def __init__(self, value: Any, info: Any) -> None:
            self.value = value

        def text(self) -> str:
            return f"mood = {self.value}"

        phash = text
        __call__ = f(lambda self, context, request: request.GET.get("mood") == self.value)

    return Mood


@extension_point("view predicate", "`config.add_view_predicate`")
def view_predicate(config: Configurator, f: Maker) -> Exchanges:
    config.add_view_predicate("mood", predicate_of(f))
    config.add_view(hello, mood="good")
    config.add_view(secret, mood="better")
    config.add_notfound_view(not_found)
    return {"/?mood=good": "200 hello", "/?mood=better": "200 secret", "/": "404 nothing"}


@extension_point("view predicate, negated", "`config.add_view(..., x=not_(...))`")
def negated_predicate(config: Configurator, f: Maker) -> Exchanges:
    config.add_view_predicate("mood", predicate_of(f))
    config.add_view(hello, mood=not_("bad"))
    config.add_notfound_view(not_found)
    return {"/?mood=good": "200 hello", "/?mood=bad": "404 nothing"}


@extension_point("predicate function", "`custom_predicates`")
def custom_predicate(config: Configurator, f: Maker) -> Exchanges:
    def good(info: Any, request: Any) -> bool:
        return bool(request.GET.get("mood") == "good")

    config.add_view(hello, custom_predicates=(f(good),))
    config.add_route("route", "/route", custom_predicates=(f(good),))
    config.add_view(hello, route_name="route")
    config.add_notfound_view(not_found)
    return {
        "/?mood=good": "200 hello",
        "/": "404 nothing",
        "/route?mood=good": "200 hello",
        "/route": "404 nothing",
    }


@extension_point("route predicate", "`config.add_route_predicate`")
def route_predicate(config: Configurator, f: Maker) -> Exchanges:
    config.add_route_predicate("mood", predicate_of(f))
    config.add_route("good", "/", mood="good")
    config.add_route("any", "/")
    config.add_view(hello, route_name="good")
    config.add_view(not_found, route_name="any")
    return {"/?mood=good": "200 hello", "/": "404 nothing"}


@extension_point("route predicate that says where to traverse", "`config.add_route_predicate`")
def traversing_predicate(config: Configurator, f: Maker) -> Exchanges:
    def to_child(info: Any, request: Any) -> bool:
        info["match"]["traverse"] = ("child",)
        return True

    config.add_route("route", "/route", custom_predicates=(f(to_child),), factory=root_of_child)
    config.add_view(lambda request: Response(request.context), route_name="route", context=str)
    return {"/route": "200 the child"}


@extension_point("factory of a predicate", "`config.add_view_predicate`")
def predicate_factory(config: Configurator, f: Maker) -> Exchanges:
    mood = predicate_of(ordinary)
    config.add_view_predicate("mood", f(lambda value, info: mood(value, info)))
    config.add_view(hello, mood="good")
    config.add_notfound_view(not_found)
    return {"/?mood=good": "200 hello", "/": "404 nothing"}


@extension_point("subscriber predicate", "`config.add_subscriber_predicate`")
def subscriber_predicate(config: Configurator, f: Maker) -> Exchanges:
    class Mood(predicate_of(ordinary)):  # type: ignore[misc]  # made here
        __call__ = f(lambda self, event: event.request.GET.get("mood") == self.value)

    config.add_subscriber_predicate("mood", Mood)
    config.add_subscriber(marking, NewRequest, mood="good")
    config.add_view(marks)
    return {"/?mood=good": "200 marked", "/": "200 nothing"}


# --- Events ---------------------------------------------------------------------------------------


@extension_point("subscriber", "`config.add_subscriber`")
def subscriber(config: Configurator, f: Maker) -> Exchanges:
    config.add_subscriber(f(marking), NewRequest)
    config.add_view(marks)
    return {"/": "200 marked"}


@extension_point("subscriber", "`registry.registerHandler`")
def registered_subscriber(config: Configurator, f: Maker) -> Exchanges:
    config.commit()
    config.registry.registerHandler(f(marking), (NewRequest,))
    config.add_view(marks)
    return {"/": "200 marked"}


@extension_point("subscriber to what is rendered", "`config.add_subscriber`")
def before_render(config: Configurator, f: Maker) -> Exchanges:
    def add_name(event: Any) -> None:
        event["name"] = "ann"

    config.add_subscriber(f(add_name), BeforeRender)
    config.add_renderer("name", lambda info: lambda value, system: system["name"])
    config.add_view(lambda request: {}, renderer="name")
    return {"/": "200 ann"}


@extension_point("subscriber to the application's creation", "`config.add_subscriber`")
def application_created(config: Configurator, f: Maker) -> Exchanges:
    def name_it(event: Any) -> None:
        event.app.registry.settings["name"] = "ann"

    config.add_subscriber(f(name_it), ApplicationCreated)
    config.add_view(lambda request: Response(request.registry.settings["name"]))
    return {"/": "200 ann"}
