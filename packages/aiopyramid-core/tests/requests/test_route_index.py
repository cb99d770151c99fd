"""route_index: the routes that may match a path."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.urldispatch import Route

from aiopyramid_core._requests.route_index import RouteIndex

PATTERNS = ["/", "/a", "a/{b}", "/a/{b:.*}", "/{a}", "/:old/b", "*all", "/a/b*rest", "/x{y}/z"]


def candidates(path, patterns=PATTERNS):
    return [patterns[position] for position in RouteIndex(patterns).candidates(path)]


def test_routes_with_other_segments_are_left_out():
    assert candidates("/x1/z") == ["*all", "/x{y}/z"]


def test_routes_with_another_number_of_segments_are_left_out():
    assert candidates("/a/b") == ["a/{b}", "/a/{b:.*}", "/:old/b", "*all", "/a/b*rest"]
    assert candidates("/a/b/c") == ["/a/{b:.*}", "*all", "/a/b*rest"]


def test_candidates_come_in_the_order_of_the_routes():
    found = candidates("/a/b/c")
    assert found == sorted(found, key=PATTERNS.index)


def test_without_routes_there_is_no_candidate():
    assert candidates("/a", []) == []


@pytest.mark.parametrize(
    "tenant", ["{tenant}", ":tenant", r"{tenant:\d+}", "{tenant:[a-z0-9_-]{2,4}}", "{tenant:a|b}"]
)
def test_a_segment_after_a_placeholder_tells_routes_apart(tenant):
    patterns = [f"/api/{tenant}/{name}" for name in ("users", "groups", "groups/all")]
    assert candidates("/api/12/groups", patterns) == [f"/api/{tenant}/groups"]


@pytest.mark.parametrize("expression", [".+", "[^x]+", r"\S+", r"\D+", "[+-z]+", "[%-z]+", "(a/)?"])
def test_an_expression_that_may_match_a_slash_leaves_open_what_follows(expression):
    pattern = f"/api/{{rest:{expression}}}/end"
    assert candidates("/api/a/b/end", [pattern]) == [pattern]


segments = st.sampled_from(
    [
        *("", "a", "b", "ab", "é", "a\n", "{", ":", "*", "{x}", "{y:a.*}", ":z", "a{w}"),
        *(r"{d:\d+}", "{c:[a-c]{1,2}}", "{s:[+-z]*}", "{n:[^b]+}", "{e:()}"),
    ]
)
patterns = st.lists(
    st.builds("/".join, st.lists(segments, max_size=3)).map(
        lambda text: re.sub(r"\{[xyw]", lambda match: match[0] + "_", text)
    ),
    max_size=6,
)
paths = st.builds(
    lambda parts, end: "/" + "/".join(parts) + end,
    st.lists(st.sampled_from(["", "a", "b", "ab", "é", "{", ":", "7", "\n", "*"]), max_size=4),
    st.sampled_from(["", "\n"]),
)


@given(patterns, paths)
def test_no_route_that_pyramid_would_match_is_missed(patterns, path):
    routes = []
    for pattern in patterns:
        try:
            routes.append(Route("name", pattern))
        except re.error:  # the same placeholder twice
            continue
    found = set(RouteIndex([route.pattern for route in routes]).candidates(path))
    matching = {position for position, route in enumerate(routes) if route.match(path) is not None}
    assert matching <= found


@pytest.mark.parametrize("suffix", ["", "*rest"])
@given(beginning=st.text(st.characters(blacklist_characters="{}:*", codec="utf-8"), max_size=8))
def test_whatever_a_pattern_begins_with_its_own_path_is_found(suffix, beginning):
    index = RouteIndex([beginning + suffix])
    assert list(index.candidates("/" + beginning.removeprefix("/"))) == [0]
