"""request_classes: one class for the requests of an application."""

import gc
import weakref

import pytest
from pyramid.decorator import reify
from pyramid.interfaces import IRequest
from pyramid.request import Request
from pyramid.util import InstancePropertyHelper
from zope.interface import Interface, alsoProvides, implementedBy, providedBy

from aiopyramid_core._requests import request_classes
from aiopyramid_core._requests.request_classes import RequestProperties


@pytest.fixture
def properties():
    properties = RequestProperties()
    properties["path_twice"] = reify(lambda request: request.path * 2)
    return properties


@pytest.fixture
def derived(monkeypatch):
    """Return a list of the requests for which Pyramid has derived a class."""
    requests = []
    derive = InstancePropertyHelper.apply_properties

    class Counting(InstancePropertyHelper):
        @classmethod
        def apply_properties(cls, target, properties):
            requests.append(target)
            derive(target, properties)

    monkeypatch.setattr(request_classes, "InstancePropertyHelper", Counting)
    return requests


def extended(properties, request):
    properties.add_to(request)
    return request


def test_the_class_is_derived_once(properties, derived):
    requests = [extended(properties, Request.blank(path)) for path in ("/a", "/b", "/c")]
    assert [request.path_twice for request in requests] == ["/a/a", "/b/b", "/c/c"]
    assert len({type(request) for request in requests}) == len(derived) == 1


def test_without_properties_a_request_keeps_its_class(derived):
    assert type(extended(RequestProperties(), Request.blank("/"))) is Request
    assert derived == []


def test_each_class_of_requests_has_its_own(properties):
    class Own(Request):
        pass

    plain, own = (extended(properties, each.blank("/a")) for each in (Request, Own))
    assert (isinstance(plain, Own), isinstance(own, Own)) == (False, True)
    assert own.path_twice == plain.path_twice == "/a/a"


def test_the_class_has_the_name_and_the_interfaces_of_the_one_given(properties):
    request = extended(properties, Request.blank("/"))
    assert (type(request).__name__, type(request).__module__) == ("Request", "pyramid.request")
    assert implementedBy(type(request)) is implementedBy(Request)
    assert IRequest.providedBy(request)


def test_an_interface_of_one_request_is_not_one_of_the_next(properties):
    class IMarked(Interface):
        pass

    marked, other = (extended(properties, Request.blank("/")) for _ in range(2))
    alsoProvides(marked, IMarked)
    assert (IMarked in providedBy(marked), IMarked in providedBy(other)) == (True, False)


def test_a_property_set_on_one_request_is_not_one_of_the_next(properties):
    special, other = (extended(properties, Request.blank("/a")) for _ in range(2))
    special.set_property(lambda request: "special", "word")
    assert (special.word, special.path_twice) == ("special", "/a/a")
    assert not hasattr(other, "word")


def test_a_request_that_gets_the_properties_again_keeps_its_class(properties, derived):
    request = extended(properties, Request.blank("/"))
    before = type(request)
    assert type(extended(properties, request)) is before
    assert len(derived) == 1


def test_a_property_that_is_added_later_is_one_of_the_next_requests(properties):
    extended(properties, Request.blank("/"))
    properties["length"] = reify(lambda request: len(request.path))
    assert extended(properties, Request.blank("/abc")).length == 4


def test_a_factory_that_makes_a_class_for_each_request_does_not_fill_the_memory(properties):
    classes = []
    for _ in range(200):
        own = type("Own", (Request,), {})
        assert extended(properties, own.blank("/a")).path_twice == "/a/a"
        classes.append(weakref.ref(own))
        del own
    gc.collect()
    assert sum(each() is not None for each in classes) <= request_classes._MOST_CLASSES
