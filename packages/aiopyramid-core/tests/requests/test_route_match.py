"""route_match: Pyramid need not match a path again, and uses nothing that no longer holds."""

import pytest
from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.interfaces import IRoutesMapper
from pyramid.response import Response
from pyramid.urldispatch import RoutesMapper
from webob import Request

from aiopyramid_core._requests.route_match import ROUTE_MATCH


async def coroutine(request):
    return Response(f"{request.matched_route.name} {sorted(request.matchdict.items())}")


def synchronous(request):
    return Response(f"{request.matched_route.name} {sorted(request.matchdict.items())}")


def configured(configure=lambda config: None, view=coroutine):
    config = Configurator()
    config.include("aiopyramid_core")
    routes = [("exact", "/exact"), ("one", "/a/{x}"), ("two", "/{y}/b"), ("rest", "/r/*rest")]
    for name, pattern in routes:
        config.add_route(name, pattern)
        config.add_view(view, route_name=name)
    configure(config)
    return config.make_wsgi_app()


@pytest.fixture
def count_matches():
    """Count how often the routes of an application are asked."""

    def count_matches(app):
        asked = []
        for route in app.registry.getUtility(IRoutesMapper).get_routes():
            match = route.match

            def counting(path, match=match, name=route.name):
                asked.append(name)
                return match(path)

            route.match = counting
        return asked

    return count_matches


PATHS = {
    "/exact": "exact []",
    "/a/1": "one [('x', '1')]",
    "/a/b": "one [('x', 'b')]",
    "/1/b": "two [('y', '1')]",
    "/r/1/2": "rest [('rest', ('1', '2'))]",
}


@pytest.mark.parametrize("view", [coroutine, synchronous])
@pytest.mark.parametrize("path", PATHS)
def test_views_get_what_pyramid_would_have_found(run, fetch, path, view):
    async def main():
        app = configured(view=view)
        return [(await fetch(app, path)).text for _ in range(2)]

    assert run(main) == [PATHS[path]] * 2


@pytest.mark.parametrize("path", ["/a/1", "/r/1/2"])
def test_a_path_is_matched_once(run, fetch, count_matches, path):
    async def main():
        app = configured()
        await fetch(app, "/exact")  # which has the placement learn the routes
        asked = count_matches(app)
        await fetch(app, path)
        return asked

    assert len(run(main)) == 1


def test_nothing_of_it_is_left_in_the_environ(run, fetch):
    seen = []

    async def view(request):
        seen.append(ROUTE_MATCH in request.environ)
        return Response("")

    run(fetch, configured(view=view), "/a/1")
    assert seen == [False]


def test_no_two_requests_share_a_matchdict(run, fetch):
    async def view(request):
        request.matchdict["more"] = "and more"
        return Response(str(len(request.matchdict)))

    async def main():
        app = configured(view=view)
        return [(await fetch(app, "/exact")).text for _ in range(2)]

    assert run(main) == ["1", "1"]


def test_a_subscriber_may_change_the_path(run, fetch):
    def rewrite(event):
        event.request.path_info = "/1/b"

    app = configured(lambda config: config.add_subscriber(rewrite, NewRequest))
    assert run(fetch, app, "/a/1").text == "two [('y', '1')]"


def test_a_route_with_predicates_is_left_to_pyramid(run, fetch):
    def configure(config):
        config.add_route("posted", "/p/{x}", request_method="POST")
        config.add_view(coroutine, route_name="posted")
        config.add_route("got", "/p/{z}")
        config.add_view(coroutine, route_name="got")

    assert run(fetch, configured(configure), "/p/1").text == "got [('z', '1')]"


def test_a_route_that_was_replaced_is_not_used(run, fetch):
    async def main():
        config = Configurator(autocommit=True)
        config.include("aiopyramid_core")
        config.add_route("page", "/page")
        config.add_route("any", "/{any}")
        for name in ("page", "any"):
            config.add_view(coroutine, route_name=name)
        app = config.make_wsgi_app()
        before = (await fetch(app, "/page")).text
        config.add_route("page", "/elsewhere")
        return before, (await fetch(app, "/page")).text

    assert run(main) == ("page []", "any [('any', 'page')]")


def test_a_mapper_of_the_applications_own_is_left_alone(run, fetch):
    class Own(RoutesMapper):
        pass

    config = Configurator()
    config.include("aiopyramid_core")
    config.registry.registerUtility(Own(), IRoutesMapper)
    config.add_route("one", "/a/{x}")
    config.add_view(coroutine, route_name="one")
    app = config.make_wsgi_app()
    assert type(app.registry.getUtility(IRoutesMapper)) is Own
    assert run(fetch, app, "/a/1").text == "one [('x', '1')]"


def test_under_a_server_with_threads_pyramid_matches_as_ever():
    app = configured(view=synchronous)
    assert Request.blank("/a/1").get_response(app).text == "one [('x', '1')]"
