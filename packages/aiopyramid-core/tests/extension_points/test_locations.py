"""locations: what Pyramid reads of resources when it makes URLs and walks upwards."""

import asyncio
from types import SimpleNamespace

import pytest
from pyramid.authorization import ACLHelper, Allow
from pyramid.exceptions import ConfigurationError
from pyramid.interfaces import IResourceURL
from pyramid.request import Request
from pyramid.traversal import (
    ResourceURL,
    find_interface,
    find_root,
    resource_path,
    resource_path_tuple,
)
from zope.interface import Interface, implementer


async def found(self):
    await asyncio.sleep(0)


class Root:
    __parent__ = None
    __name__ = ""
    __acl__ = ((Allow, "ann", "view"),)


class WithAwaitedParent:
    __parent__ = property(found)
    __name__ = "child"


class WithAwaitedName:
    __parent__ = Root()
    __name__ = property(found)


REMEDY = (
    " as a plain attribute, and it is a coroutine. Set it when the resource is made, in the"
    " parent's __getitem__ for example, which may be a coroutine (with aiopyramid-traversal)."
)


@pytest.fixture(autouse=True)
def app(application):
    return application(lambda config: None)  # by which all of it is installed


@pytest.fixture
def request_of(app):
    request = Request.blank("/")
    request.registry = app.registry
    return request


def grandchild():
    return SimpleNamespace(__parent__=WithAwaitedParent(), __name__="grandchild")


WAYS_UP = {
    "find_interface": lambda resource: find_interface(resource, Root),
    "resource_path": resource_path,
    "resource_path_tuple": resource_path_tuple,
    "permits": lambda resource: ACLHelper().permits(resource, ["ann"], "view"),
    "principals": lambda resource: ACLHelper().principals_allowed_by_permission(resource, "view"),
}


@pytest.mark.parametrize("way", WAYS_UP)
def test_a_parent_that_is_a_coroutine_is_refused(way, no_warnings):
    with pytest.raises(ConfigurationError) as caught:
        WAYS_UP[way](grandchild())
    assert str(caught.value).startswith("Pyramid reads __parent__ of object <")
    assert "WithAwaitedParent object" in str(caught.value)
    assert str(caught.value).endswith(REMEDY)


@pytest.mark.filterwarnings("ignore:coroutine 'found' was never awaited")
def test_the_root_is_not_looked_for_above_one():
    # Pyramid's function reads the attribute itself as well, and drops it.
    with pytest.raises(ConfigurationError, match=r"^Pyramid reads __parent__ of"):
        find_root(grandchild())


def test_a_name_that_is_a_coroutine_is_refused(no_warnings, request_of):
    child = SimpleNamespace(__parent__=WithAwaitedName(), __name__="child")
    for make in (resource_path, lambda each: request_of.resource_url(each, "page")):
        with pytest.raises(ConfigurationError) as caught:
            make(child)
        assert str(caught.value).startswith("Pyramid reads __name__ of object <")
        assert "WithAwaitedName object" in str(caught.value)
        assert str(caught.value).endswith(REMEDY)


def test_paths_of_other_resources_are_pyramids():
    child = SimpleNamespace(__parent__=Root(), __name__="child")
    assert resource_path(child, "element") == "/child/element"
    assert resource_path_tuple(child, "element") == ("", "child", "element")


class IPage(Interface):
    """A page of the application's."""


@implementer(IPage)
class Page(Root):
    async def __resource_url__(self, request, info):
        await asyncio.sleep(0)
        return info["app_url"] + "/elsewhere/"


def test_the_adapter_of_a_resource_that_makes_its_url_gets_the_resource(app, request_of):
    adapted = []

    class Adapter(ResourceURL):
        def __init__(self, resource, request):
            adapted.append(resource)
            super().__init__(resource, request)

    app.registry.registerAdapter(Adapter, (IPage, Interface), IResourceURL)
    page = Page()
    assert request_of.resource_url(page, "x") == "http://localhost/elsewhere/x"
    assert adapted == [page]
    assert type(adapted[0]) is Page


def test_a_resource_may_leave_its_url_to_pyramid(request_of):
    class Page(Root):
        async def __resource_url__(self, request, info):
            await asyncio.sleep(0)

    assert request_of.resource_url(Page()) == "http://localhost/"
