"""Synchronous code below coroutines below synchronous code, and the borders of it all."""

import pytest

BOTH = pytest.mark.parametrize("view", ["ordinary", "coroutine"])


@BOTH
def test_synchronous_code_and_coroutines_call_each_other_to_any_depth(site, view):
    assert site.get(f"/depth/{view}?depth=20").json == 20


@BOTH
def test_so_they_do_in_executor_threads(site, view):
    assert site.get(f"/threads/{view}?depth=2").json == 2


def test_a_child_task_is_told_what_to_do(site):
    assert site.get("/scope/in_child").json == (
        "ScopeError: Cannot wait for after_pause on the event loop's own thread outside of a"
        " greenlet. In a coroutine, await it directly; if synchronous code in between prevents"
        " that, start the outermost synchronous function with"
        " 'await aiopyramid_core.spawn_greenlet(function, ...)'."
    )


def test_a_child_task_can_do_as_it_is_told(site):
    assert site.get("/scope/in_greenlet_of_child").json == "waited in a greenlet"


def test_a_lenient_function_gives_its_coroutine_to_a_child_task(site):
    assert site.get("/scope/lenient_in_child").json == [True, "awaited by hand"]


def test_a_lenient_function_waits_where_it_can(site):
    assert site.get("/scope/lenient_in_view").json == "waited"


def test_a_thread_of_the_users_own_is_told_what_to_do(site):
    assert site.get("/scope/own_thread").json == (
        "ScopeError: Cannot wait for after_pause in a thread that serves no request. In a script,"
        " call the outermost function with 'aiopyramid_core.run(function, ...)'."
    )


def test_a_thread_of_the_users_own_can_do_as_it_is_told(site):
    assert site.get("/scope/run_in_own_thread").json == "waited by run"


def test_a_lenient_function_gives_its_coroutine_to_a_thread_of_the_users_own(site):
    assert site.get("/scope/lenient_in_own_thread").json == "closed by hand"
