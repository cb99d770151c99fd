"""_path: from a request to the names that traversal walks along."""

from types import SimpleNamespace

import pytest
from pyramid.exceptions import URLDecodeError
from pyramid.interfaces import VH_ROOT_KEY
from pyramid.request import Request

from aiopyramid_traversal._path import TraversalPath, path_of, stays_at_root


def path(path_info="/", matchdict=None, virtual_root=None):
    request = Request.blank("/")
    request.environ["PATH_INFO"] = path_info
    request.matchdict = matchdict
    if virtual_root is not None:
        request.environ[VH_ROOT_KEY] = virtual_root
    return path_of(request, VH_ROOT_KEY)


def test_without_a_route_the_path_of_the_request_is_walked():
    assert path("/a/b") == TraversalPath(("a", "b"), (), ())


def test_empty_names_and_dots_are_left_out():
    assert path("//a/./b/../c/").segments == ("a", "c")


def test_no_name_leads_above_the_root():
    assert path("/../../a").segments == ("a",)


def test_the_path_is_utf8_behind_latin1_as_pep_3333_has_it():
    assert path("/\u00c3\u00bc").segments == ("ü",)


@pytest.mark.parametrize("path_info", ["", "/"])
def test_an_empty_path_is_the_root(path_info):
    assert path(path_info).segments == ()


def test_a_missing_path_is_the_root():
    request = Request.blank("/")
    request.matchdict = None
    del request.environ["PATH_INFO"]
    assert path_of(request, VH_ROOT_KEY).segments == ()


def test_a_path_that_is_not_utf8_is_pyramids_own_error():
    with pytest.raises(URLDecodeError):
        path("/\u00ff")


def test_a_route_says_what_to_walk_along():
    assert path("/ignored", {}).segments == ()
    assert path("/ignored", {"traverse": "a/b"}).segments == ("a", "b")
    assert path("/ignored", {"traverse": ("a", "b")}).segments == ("a", "b")
    assert path("/ignored", {"traverse": ()}).segments == ()


def test_a_route_says_what_the_subpath_is():
    assert path("/ignored", {"subpath": "a/b"}).subpath == ("a", "b")
    assert path("/ignored", {"subpath": ("a", "b")}).subpath == ("a", "b")


def test_the_virtual_root_is_put_before_the_path():
    assert path("/c", virtual_root="/a/b") == TraversalPath(("a", "b", "c"), ("a", "b"), ())


def test_the_virtual_root_is_put_before_what_a_route_has_matched():
    assert path("/ignored", {"traverse": "c"}, "/a").segments == ("ac",)  # as Pyramid does
    assert path("/ignored", {"traverse": ("c",)}, "/a").segments == ("a", "c")


def test_a_virtual_root_may_be_the_root():
    assert path("/a", virtual_root="/") == TraversalPath(("a",), (), ())


def test_the_key_of_the_virtual_root_is_the_callers_choice():
    request = Request.blank("/b", environ={"my.root": "/a"})
    request.matchdict = None
    assert path_of(request, "my.root").segments == ("a", "b")


@pytest.mark.parametrize(
    ("matchdict", "environ", "expected"),
    [
        ({}, {}, True),
        ({"name": "a"}, {}, True),
        (None, {}, False),
        ({"traverse": ()}, {}, False),
        ({"subpath": ("a",)}, {}, False),
        ({}, {VH_ROOT_KEY: "/a"}, False),
    ],
)
def test_a_route_that_names_no_path_stays_at_the_root(matchdict, environ, expected):
    request = SimpleNamespace(matchdict=matchdict, environ=environ)
    assert stays_at_root(request, VH_ROOT_KEY) is expected
