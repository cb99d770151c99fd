"""Extension points in any combination, with failures and cancellations: a property test.

Nothing is left that nobody has awaited, no request sees another one's identity, and each is
finished.
"""

import asyncio
import gc
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest
from extension_points import KINDS
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyramid.config import Configurator
from pyramid.events import BeforeTraversal, NewRequest, NewResponse
from pyramid.request import Request
from pyramid.response import Response
from pyramid.threadlocal import get_current_request

from aiopyramid_core import spawn_greenlet

Maker = Callable[[Callable[..., Any]], Callable[..., Any]]
user_of_context: ContextVar[str] = ContextVar("user_of_context")


class Failure(Exception):
    """The exception of an extension point that was configured to fail."""


def visit(request: Any, point: str) -> None:
    """Look at a request from a point: is everything its own? Fail if it is told to."""
    seen = request.registry["seen"]
    user = request.GET["user"]
    if get_current_request() is not request or user_of_context.get() != user:
        seen.append((point, user, "of another request"))
    if request.identity != user:
        seen.append((point, user, request.identity))
    if request.GET.get("fail") == point:
        raise Failure(point)


# --- The points -----------------------------------------------------------------------------------


def policy(config: Configurator, f: Maker) -> None:
    class Policy:
        identity = f(lambda self, request: request.GET["user"])
        authenticated_userid = f(lambda self, request: request.GET["user"])

        @f
        def permits(self, request: Any, context: Any, permission: str) -> bool:
            visit(request, "policy")
            return not request.GET["user"].startswith("stranger")

    config.set_security_policy(Policy())


def predicate(config: Configurator, f: Maker) -> None:
    class Known:
        def __init__(self, value: Any, info: Any) -> None:
            self.text = self.phash = lambda: f"known = {value}"

        @f
        def __call__(self, context: Any, request: Any) -> bool:
            visit(request, "predicate")
            return not request.GET["user"].startswith("unknown")

    config.add_view_predicate("known", Known)


def tween(config: Configurator, f: Maker) -> None:
    def factory(handler: Any, registry: Any) -> Any:
        def tween(request: Any) -> Any:
            user_of_context.set(request.GET["user"])
            visit(request, "tween")
            response = handler(request)
            visit(request, "tween")
            return response

        return f(tween)

    globals()["together_tween_factory"] = factory
    config.add_tween(f"{__name__}.together_tween_factory")


def subscribers(config: Configurator, f: Maker) -> None:
    for event_type in (NewRequest, BeforeTraversal, NewResponse):
        config.add_subscriber(f(lambda event: visit(event.request, "subscribers")), event_type)


def root_factory(config: Configurator, f: Maker) -> None:
    @f
    def factory(request: Any) -> Any:
        visit(request, "root_factory")
        return {}

    config.set_root_factory(factory)


def renderer(config: Configurator, f: Maker) -> None:
    @f
    def render(value: Any, system: Any) -> str:
        visit(system["request"], "renderer")
        return str(value)

    config.add_renderer("said", lambda info: render)


def decorator(f: Maker) -> Any:
    def decorator(view: Any) -> Any:
        def wrapper(context: Any, request: Any) -> Any:
            visit(request, "decorator")
            return view(context, request)

        return f(wrapper)

    return decorator


def view(f: Maker) -> Any:
    @f
    def view(request: Any) -> Any:
        visit(request, "view")
        request.add_response_callback(f(lambda request, response: visit(request, "callback")))
        return f"{request.identity} {request.name}"

    return view


POINTS = ("policy", "predicate", "tween", "subscribers", "root_factory", "renderer", "decorator")
POINTS += ("view", "callback", "property", "finished")


def application(kinds: dict[str, Maker]) -> Any:
    config = Configurator(package="pyramid")
    config.registry["seen"] = []
    config.registry["open"] = 0
    config.include("aiopyramid_core")
    for add in (policy, predicate, tween, subscribers, root_factory, renderer):
        add(config, kinds[add.__name__])

    @kinds["property"]
    def name(request: Any) -> str:
        visit(request, "property")
        return request.GET["user"].upper()

    config.add_request_method(name, "name", reify=True)

    @kinds["finished"]
    def finished(request: Any) -> None:
        visit(request, "finished")

    def close(request: Any) -> None:
        request.registry["open"] -= 1

    def begin(event: Any) -> None:
        event.request.registry["open"] += 1
        # First the one that counts: a coroutine may itself be cancelled.
        event.request.add_finished_callback(close)
        event.request.add_finished_callback(finished)

    config.add_subscriber(begin, NewRequest)
    config.add_view(
        view(kinds["view"]),
        decorator=decorator(kinds["decorator"]),
        permission="view",
        known=True,
        renderer="said",
    )
    config.add_forbidden_view(lambda request: Response("forbidden", 403))
    config.add_notfound_view(lambda request: Response("not found", 404))
    config.add_exception_view(lambda error, request: Response("failed", 500), context=Failure)
    return config.make_wsgi_app()


def answer(app: Any, query: str) -> str:
    user_of_context.set(Request.blank(f"/?{query}").GET["user"])
    return str(Request.blank(f"/?{query}").get_response(app).text)


def expected(query: str) -> set[str]:
    """Return what may be answered: whom the predicate does not know, no policy has seen."""
    user, _, failing = query.removeprefix("user=").partition("&fail=")
    failures = {"failed", "raised"} if failing else set()
    if user.startswith("unknown"):
        return {"not found"} | failures
    if user.startswith("stranger"):
        return {"forbidden"} | failures
    return failures or {f"{user} {user.upper()}"}


# --- The property ---------------------------------------------------------------------------------

kinds = st.fixed_dictionaries({point: st.sampled_from(sorted(KINDS)) for point in POINTS})
failing = st.sampled_from(
    ["", *(f"&fail={point}" for point in POINTS if point not in ("finished",))]
)
queries = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", "stranger", "unknown"]), failing),
    min_size=2,
    max_size=6,
).map(lambda drawn: [f"user={user}{n}{fail}" for n, (user, fail) in enumerate(drawn)])
cancelled_after = st.dictionaries(st.integers(0, 5), st.integers(0, 30), max_size=3)


@pytest.fixture(autouse=True)
def warnings_are_errors() -> Any:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", RuntimeWarning)
        yield
        gc.collect()
    assert [str(each.message) for each in seen if each.category is RuntimeWarning] == []


def attempt(app: Any, query: str) -> str:
    try:
        return answer(app, query)
    except Failure:
        return "raised"  # outside of Pyramid's exception views


@settings(max_examples=15, deadline=None, phases=[Phase.generate])
@given(kinds=kinds, queries=queries, cancelled_after=cancelled_after)
def test_any_combination_works_on_the_loop(
    until: Any,
    is_idle: Any,
    kinds: dict[str, str],
    queries: list[str],
    cancelled_after: dict[int, int],
) -> None:
    app = application({point: KINDS[kind] for point, kind in kinds.items()})

    async def main() -> list[Any]:
        tasks = [asyncio.create_task(spawn_greenlet(attempt, app, query)) for query in queries]
        for step in range(31):
            for number, after in cancelled_after.items():
                if after == step and number < len(tasks):
                    tasks[number].cancel()
            await asyncio.sleep(0)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await until(is_idle)  # a thread that nobody waits for goes on to the end
        return answers

    answers = asyncio.run(main())
    for number, (query, found) in enumerate(zip(queries, answers, strict=True)):
        if isinstance(found, asyncio.CancelledError):
            assert number in cancelled_after
        else:
            assert found in expected(query)
    assert (app.registry["seen"], app.registry["open"]) == ([], 0)


@settings(max_examples=15, deadline=None, phases=[Phase.generate])
@given(kinds, queries)
def test_any_combination_works_in_threads(kinds: dict[str, str], queries: list[str]) -> None:
    app = application({point: KINDS[kind] for point, kind in kinds.items()})
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda query: attempt(app, query), queries))
    assert all(found in expected(each) for each, found in zip(queries, answers, strict=True))
    assert (app.registry["seen"], app.registry["open"]) == ([], 0)
