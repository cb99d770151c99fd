"""traversal: resources that await, where aiopyramid_traversal is not there."""

import asyncio

import pytest
from pyramid.exceptions import ConfigurationError
from pyramid.response import Response
from pyramid.traversal import ResourceTreeTraverser
from webob import Request


class Root:
    __name__ = ""
    __parent__ = None

    def __init__(self, request):
        """Be made by Pyramid."""

    async def __getitem__(self, name):
        await asyncio.sleep(0)
        return self


@pytest.mark.parametrize("path", ["/child", "/child/grandchild", "/child/@@view"])
def test_a_coroutine_as_context_is_an_error_that_names_the_package(application, path, no_warnings):
    def configure(config):
        config.set_root_factory(Root)
        config.add_view(lambda request: Response("found"))

    app = application(configure)
    with pytest.raises(ConfigurationError) as caught:
        Request.blank(path).get_response(app)
    assert str(caught.value) == (
        "Traversal has found a coroutine of Root.__getitem__ instead of a resource: Pyramid's"
        ' traverser does not wait for a __getitem__. Call config.include("aiopyramid_traversal"),'
        " of the package aiopyramid-traversal, which does."
    )


def test_a_traverser_of_the_applications_own_is_used(application):
    class Traverser(ResourceTreeTraverser):
        def __call__(self, request):
            return super().__call__(request) | {"view_name": "other"}

    def configure(config):
        config.add_traverser(Traverser)
        config.add_view(lambda request: Response("other"), name="other")

    assert Request.blank("/").get_response(application(configure)).text == "other"
