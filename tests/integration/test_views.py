"""Views of every shape, and what Pyramid puts around a view."""

import pytest

COROUTINES = [
    "function",
    "function-of-two",
    "class",
    "class-of-two",
    "class-attr",
    "class-of-two-attr",
    "instance",
    "instance-attr",
    "bound-method",
    "static-method",
    "class-method",
    "partial",
    "decorated",
    "lambda",
    "generator",
    "synchronized-function",
    "synchronized-class",
    "dotted-name",
]
SEEN_BY_COROUTINE = {"on_loop": True, "request": True, "context": True}
SEEN_BY_ORDINARY_VIEW = {"on_loop": False, "request": True, "context": True}
BOTH = pytest.mark.parametrize("view", ["ordinary", "coroutine"])


@pytest.mark.parametrize("shape", COROUTINES)
def test_a_coroutine_of_any_shape_is_a_view(site, shape):
    assert site.get(f"/coroutine/{shape}").json == SEEN_BY_COROUTINE


@pytest.mark.parametrize(
    "shape", ["function", "class", "class-attr", "partial", "function-that-awaits"]
)
def test_a_synchronous_view_of_any_shape_stays_off_the_loop(site, shape):
    assert site.get(f"/ordinary/{shape}").json == SEEN_BY_ORDINARY_VIEW


@pytest.mark.parametrize("kind", ["function", "class"])
def test_scan_finds_coroutine_views(site, kind):
    assert site.get(f"/scanned/{kind}").json == SEEN_BY_COROUTINE


@BOTH
def test_a_decorator_of_a_view_may_await(site, view):
    answer = site.get(f"/around/decorator/{view}")
    assert answer.json["request"] is True
    assert answer.headers["X-Decorator"] == "awaited"


@BOTH
def test_view_derivers_may_await(site, view):
    answer = site.get(f"/around/deriver/{view}")
    assert answer.json["request"] is True
    assert answer.headers["X-Derived"] == "inner outer"


@BOTH
def test_decorators_and_derivers_that_await_can_be_combined(site, view):
    answer = site.get(f"/around/both/{view}")
    assert answer.json["on_loop"] is (view == "coroutine")
    assert answer.headers["X-Decorator"] == "awaited"
    assert answer.headers["X-Derived"] == "inner outer"


def test_an_exception_view_may_be_a_coroutine(site):
    answer = site.get("/raising")
    assert (answer.status, answer.text) == (418, "by a coroutine, True, True")


def test_the_not_found_view_may_be_a_coroutine(site):
    answer = site.get("/nothing")
    assert (answer.status, answer.text) == (404, '"nothing at /nothing"')


def test_a_not_found_view_that_appends_slashes_may_be_a_coroutine(server):
    answer = server.mounted("slashes").get("/nothing")
    assert (answer.status, answer.text) == (404, '"nothing at /nothing"')


def test_a_not_found_view_that_is_a_coroutine_appends_slashes(server):
    answer = server.mounted("slashes").get("/with-slash?a=b")
    assert answer.status == 307
    assert answer.headers["Location"].endswith("/slashes/with-slash/?a=b")


def test_the_forbidden_view_may_be_a_coroutine(site):
    answer = site.get("/tree/ann/@@view", X_User="bob")
    assert answer.status == 403
    assert answer.text.startswith('"forbidden: ')


def test_static_views_are_served(site):
    answer = site.get("/static/greeting.jinja2")
    assert answer.status == 200
    assert answer.text.startswith("Hello {{ user }}")


@BOTH
def test_a_renderer_may_await(site, view):
    assert site.get(f"/renderer/{view}").text == "VALUE BEFORERENDER"


@BOTH
def test_a_template_may_call_what_awaits(site, view):
    answer = site.get(f"/template/{view}")
    assert answer.text == "Hello ann from somewhere, hi ann, BeforeRender."


def test_a_coroutine_view_may_render_by_hand(site):
    assert site.get("/render").json == "RENDERED BEFORERENDER"


def test_a_coroutine_view_may_call_another_by_name(site):
    assert site.get("/other-view").json == "the view called named"


@BOTH
def test_a_response_adapter_may_await(site, view):
    assert site.get(f"/money/{view}").text == "5 EUR"
