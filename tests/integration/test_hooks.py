"""Factories, predicates, subscribers, request methods, callbacks, tweens, subrequests."""

import uuid

import pytest

BOTH = pytest.mark.parametrize("view", ["ordinary", "coroutine"])


# --- Factories, predicates, traversal -------------------------------------------------------------


def test_the_root_factory_may_be_a_coroutine(site):
    assert site.get("/root").json == "root factory"


def test_a_route_factory_may_be_a_coroutine(site):
    assert site.get("/route-factory").json == "route factory"


def test_a_resource_may_await_its_children(site):
    assert site.get("/tree/a/b/c").json == "/a/b/c"


def test_a_resource_may_await_and_find_no_child(site):
    assert site.get("/tree/a/missing").status == 404


def test_a_route_predicate_may_be_a_coroutine(site):
    assert site.get("/predicate/route?mood=good").json == "good route"
    assert site.get("/predicate/route?mood=bad").status == 404


@pytest.mark.parametrize(
    ("method", "mood", "answer"),
    [("GET", "good", "good"), ("GET", "bad", "bad"), ("POST", "fair", "anything else")],
)
def test_view_predicates_that_await_choose_the_view(site, method, mood, answer):
    assert site.get(f"/predicate/view?mood={mood}", method).json == answer


def test_a_view_whose_predicates_say_no_is_not_found(site):
    assert site.get("/predicate/view?mood=bad", "POST").status == 404


def test_the_locale_negotiator_may_be_a_coroutine(site):
    assert site.get("/locale?lang=eo").json == "eo"


@BOTH
def test_the_pregenerator_of_a_route_may_be_a_coroutine(site, view):
    path = site.get(f"/pregenerated/{view}").json
    assert path == f"{site.prefix}/elsewhere?from=pregenerator"


# --- Subscribers and callbacks --------------------------------------------------------------------


def test_subscribers_may_be_coroutines(site):
    # BeforeRender is seen in the renderer's test.
    assert site.get("/trail").headers["X-Trail"] == "NewRequest ContextFound NewResponse"


def test_subscriber_predicates_may_be_coroutines(site):
    trail = site.get("/trail/predicated").headers["X-Trail"]
    assert trail.split() == ["NewRequest", "ContextFound", "predicated", "NewResponse"]


@BOTH
def test_response_callbacks_may_be_coroutines(site, view):
    assert site.get(f"/callbacks/{view}?name=x").headers["X-Callback"] == "awaited"


@BOTH
def test_finished_callbacks_may_be_coroutines(site, view):
    name = uuid.uuid4().hex
    site.get(f"/callbacks/{view}?name={name}")
    assert site.get(f"/journal?name={name}").json == [f"finished {name}"]


# --- Requests -------------------------------------------------------------------------------------


@BOTH
def test_request_methods_and_properties_may_be_coroutines(site, view):
    assert site.get(f"/methods/{view}").json == [
        "hi ann",
        "somewhere",
        "computed 1",
        "computed 1",
    ]


@BOTH
@pytest.mark.parametrize("path", ["/coroutine/function", "/ordinary/function"])
def test_subrequests_reach_views_of_both_kinds(site, view, path):
    answer = site.get(f"/subrequest/{view}?path={path}").json
    assert answer["status"] == 200
    assert '"request": true' in answer["text"]


@BOTH
def test_subrequests_may_go_through_the_tweens(site, view):
    answer = site.get(f"/subrequest/{view}?path=/raising&tweens=yes").json
    assert answer == {"status": 418, "text": "by a coroutine, True, True"}


@BOTH
def test_an_exception_view_may_be_invoked_by_hand(site, view):
    answer = site.get(f"/exception-view/{view}")
    # Pyramid puts the request's attributes back only when the view has answered.
    assert (answer.status, answer.text) == (418, "by hand, True, True")


@BOTH
def test_the_session_factory_and_its_callbacks_may_be_coroutines(site, view):
    cookie = site.get(f"/session/put/{view}?value=kept").headers["Set-Cookie"].partition(";")[0]
    assert site.get(f"/session/take/{view}", Cookie=cookie).json == "kept"


# --- Tweens ---------------------------------------------------------------------------------------


def test_tweens_that_await_work_before_between_and_after_synchronous_ones(server):
    answer = server.mounted("woven").get("/trail")
    assert answer.headers["X-Tweens"] == "class inner lower middle upper outer"


def test_tweens_that_await_see_the_responses_of_exception_views(server):
    answer = server.mounted("woven").get("/raising")
    assert answer.status == 418
    # The tweens below Pyramid's exception views saw the exception instead.
    assert answer.headers["X-Tweens"] == "middle upper outer"


# --- Configuration --------------------------------------------------------------------------------


def test_a_directive_may_run_a_coroutine(site):
    assert site.get("/greeting").json["greeting"] == "hello world"


def test_coroutines_run_at_configuration_time_on_the_loop_that_serves(site):
    answer = site.get("/greeting").json
    assert answer["same_loop"] is site.kind.awaits_early, answer


def test_a_subscriber_to_the_applications_creation_may_run_a_coroutine(site):
    assert site.get("/created").json == "created"


# --- Around a request -----------------------------------------------------------------------------


@BOTH
def test_execution_policy_and_request_factory_may_be_coroutines(server, view):
    answer = server.mounted("executed").get(f"/fragile/{view}")
    assert answer.json == [3, "request factory"]


@BOTH
def test_the_response_factory_may_be_a_coroutine(server, view):
    answer = server.mounted("executed").get(f"/fragile/{view}")
    assert answer.headers["X-Made-By"] == "response factory"
