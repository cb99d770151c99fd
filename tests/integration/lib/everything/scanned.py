"""Views that are found by ``config.scan``."""

from pyramid.view import view_config, view_defaults

from .views import one


@view_config(route_name="scanned-function", renderer="json")
async def function(request):
    return await one(request)


@view_defaults(route_name="scanned-class", renderer="json")
class Class:
    def __init__(self, request):
        self.request = request

    @view_config(request_method="GET")
    async def get(self):
        return await one(self.request)


def includeme(config):
    config.add_route("scanned-function", "/scanned/function")
    config.add_route("scanned-class", "/scanned/class")
    config.scan("everything.scanned")
