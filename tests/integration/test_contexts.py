"""Context variables, Pyramid's thread-locals, and many requests at once."""

import functools
import uuid

import pytest

BOTH = pytest.mark.parametrize("view", ["ordinary", "coroutine"])
VIEWS = ["ordinary", "coroutine", "synchronized", "executor", "task"]


@pytest.mark.parametrize("view", VIEWS)
def test_the_request_and_what_a_tween_has_set_are_seen_everywhere(site, view):
    assert site.get(f"/context/{view}", X_Id="42").json == ["42", "42", True]


@pytest.mark.parametrize("view", ["ordinary", "coroutine", "synchronized", "executor"])
def test_what_a_view_has_set_is_seen_by_the_tweens(site, view):
    answer = site.get(f"/context/{view}", X_Id="43")
    assert answer.headers["X-Up"] == f"{view} of 43"


def test_tasks_that_use_threads_see_it_all(site):
    assert site.get("/context/group", X_Id="44").json == [["44", "44", True]] * 3


@BOTH
def test_a_request_sees_nothing_that_an_earlier_one_has_set(site, view):
    with site.connection() as get:
        # More than there are threads, so that one of them is used again.
        assert [get(f"/mark/{view}").json for _ in range(10)] == ["nothing"] * 10


@BOTH
def test_requests_at_the_same_time_do_not_mix(site, view):
    # Synchronous views take a thread each, of which our worker has 40.
    number = min(site.kind.at_once, 40) if view == "ordinary" else site.kind.at_once
    if view == "ordinary" and site.prefix == "/woven":
        number = min(number, 4)  # asyncio's default executor, on a machine with one core: 5
    path = f"/meet/{view}?number={number}&name={uuid.uuid4().hex}"
    names = [str(name) for name in range(number)]
    answers = site.together(*(functools.partial(site.get, path, X_Id=name) for name in names))
    assert [answer.json for answer in answers] == [
        [name, name, True, f"meet of {name}"] for name in names
    ]
    assert [answer.headers["X-Up"] for answer in answers] == [f"meet of {n}" for n in names]


@pytest.mark.parametrize("library", ["uvloop", "asyncio"])
def test_the_worker_runs_on_either_kind_of_loop(running, library):
    server = running.of(f"worker-{library}")
    assert server.mounted("direct").get("/loop").json["library"] == library


def test_all_coroutines_run_on_one_loop(server):
    sites = [server.mounted(name) for name in ("direct", "woven", "direct")]
    loops = [site.get("/loop").json["loop"] for site in sites]
    assert loops == [loops[0]] * 3


def test_coroutines_run_in_the_thread_of_the_server_only_if_the_loop_is_its_own(site):
    answer = site.get("/loop").json
    assert answer["same_thread"] is site.kind.owns_loop
    if not site.kind.owns_loop:
        assert answer["thread"] == "aiopyramid-loop"


def test_a_synchronous_view_runs_in_the_thread_that_the_server_gave_its_request(server):
    answer = server.mounted("direct").get("/view-thread").json
    assert answer["same_thread"] is not server.kind.owns_loop
