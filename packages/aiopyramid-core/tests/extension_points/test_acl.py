"""acl: access control lists of coroutine methods, as Pyramid's helper reads them."""

import asyncio

import pytest
from pyramid.authorization import ACLAllowed, ACLDenied, ACLHelper, Allow, Deny


class Resource:
    def __init__(self, acl=None, parent=None):
        self.__parent__ = parent
        if acl is not None:
            self.acl = acl

    async def __acl__(self):
        await asyncio.sleep(0)
        return self.acl


class Bare:
    __parent__ = None


@pytest.fixture
def helper(application):
    application(lambda config: None)  # by which it is installed
    return ACLHelper()


def test_the_result_names_the_applications_resource(helper):
    top = Resource([(Allow, "ann", "view")])
    child = Bare()
    child.__parent__ = top
    result = helper.permits(child, ["ann"], "view")
    assert type(result) is ACLAllowed
    assert (result.context, result.acl, result.ace) == (top, top.acl, top.acl[0])
    assert repr(top) in result.msg


def test_without_an_entry_the_result_names_the_context(helper):
    child = Resource([(Deny, "eve", "view")])
    result = helper.permits(child, ["ann"], "view")
    assert (type(result), result.context) == (ACLDenied, child)


def test_without_any_list_the_result_is_pyramids(helper):
    bare = Bare()
    result = helper.permits(bare, ["ann"], "view")
    assert (type(result), result.context) == (ACLDenied, bare)


def test_an_error_in_the_method_is_not_a_missing_list(helper):
    top = Resource([(Allow, "ann", "view")])
    with pytest.raises(AttributeError, match="'Resource' object has no attribute 'acl'"):
        helper.permits(Resource(parent=top), ["ann"], "view")


def test_principals_are_read_from_it_too(helper):
    top = Resource([(Allow, "ann", "view"), (Allow, "bob", "edit")])
    assert helper.principals_allowed_by_permission(Resource([], top), "view") == {"ann"}
