"""Root factories and resource trees."""

from pyramid.authorization import Allow, Everyone

from aiopyramid_core import synchronize

from .common import add, after_pause


class Root:
    def __init__(self, made_by):
        self.made_by = made_by


@synchronize
async def root_factory(request):
    return Root(await after_pause("root factory"))


@synchronize
async def route_factory(request):
    return Root(await after_pause("route factory"))


@synchronize
class Node:
    """A resource that loads its children when it is asked for them."""

    def __init__(self, path):
        self.path = path

    async def __getitem__(self, name):
        if name == "missing":
            raise KeyError(name)
        return Node(await after_pause(f"{self.path}/{name}"))

    async def __acl__(self):
        user = await after_pause(self.path.rpartition("/")[2])
        return [(Allow, user, "view"), (Allow, Everyone, "glimpse")]


class TreeFactory:
    @synchronize
    async def __call__(self, request):
        return Node(await after_pause(""))


async def made_by(request):
    return request.context.made_by


async def path_of(context, request):
    return context.path


async def glimpse(context, request):
    return bool(request.has_permission("view"))


def includeme(config):
    config.set_root_factory(root_factory)
    add(config, "/root", made_by)
    config.add_route("with-factory", "/route-factory", factory=route_factory)
    config.add_view(made_by, route_name="with-factory", renderer="json")
    config.add_route("tree", "/tree/*traverse", factory=TreeFactory())
    config.add_view(path_of, route_name="tree", context=Node, renderer="json")
    for name in ("view", "glimpse"):
        view = {"view": path_of, "glimpse": glimpse}[name]
        config.add_view(
            view, name=name, route_name="tree", context=Node, permission=name, renderer="json"
        )
