"""More waiting at the same time than there are threads, on servers that nothing else needs."""

import dataclasses
import functools

import pytest
from servers import KINDS

# One with threads for synchronous views only, one with a thread for each request.
SOME = pytest.mark.parametrize("name", ["worker-uvloop", "gthread"])


@pytest.fixture
def fresh(running):
    """A server of a kind, which may end in any state."""

    def fresh(name):
        server = dataclasses.replace(running.start(name), patience_seconds=5.0)
        assert server.get("/direct/started").status == 200
        return server.mounted("direct")

    return fresh


@SOME
@pytest.mark.parametrize("view", ["ordinary", "coroutine"])
def test_executor_threads_and_coroutines_call_each_other_at_depth_20(fresh, name, view):
    # Each level occupies a thread, which waits for the next one.
    assert fresh(name).get(f"/threads/{view}?depth=20").json == 20


@SOME
def test_views_that_occupy_all_threads_may_each_use_one_more(fresh, name):
    site = fresh(name)
    number = 40 if KINDS[name].owns_loop else KINDS[name].at_once
    path = f"/meet/then-use-thread?number={number}&name=x"
    get = functools.partial(site.get, path, X_Id="1")
    assert [answer.json for answer in site.together(*[get] * number)] == [True] * number
