"""Predicates whose ``__call__`` is a coroutine method."""

from pyramid.config import not_

from aiopyramid_core import synchronize

from .common import add, after_pause


@synchronize
class Param:
    """True if the request's parameter ``mood`` has a value."""

    def __init__(self, value, config):
        self.value = value

    def text(self):
        return f"mood = {self.value}"

    phash = text

    async def __call__(self, context_or_info, request):
        return await after_pause(request.params.get("mood") == self.value)


def answering(answer):
    async def view(request):
        return await after_pause(answer)

    return view


def includeme(config):
    config.add_route_predicate("route_mood", Param)
    config.add_view_predicate("mood", Param)
    config.add_route("of-route", "/predicate/route", route_mood="good")
    config.add_view(answering("good route"), route_name="of-route", renderer="json")
    path = "/predicate/view"
    add(config, path, answering("good"), mood="good")
    for mood in ("bad", not_("bad")):
        answer = "bad" if mood == "bad" else "anything else"
        request_method = "GET" if mood == "bad" else "POST"
        config.add_view(
            answering(answer),
            route_name=path,
            renderer="json",
            mood=mood,
            request_method=request_method,
        )
