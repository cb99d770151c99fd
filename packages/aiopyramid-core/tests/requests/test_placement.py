"""placement: where requests run, decided from the environ alone."""

import asyncio
import functools
import logging

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError, ConfigurationExecutionError
from pyramid.response import Response
from webob import Request

from aiopyramid_core import ExecutorMapper, synchronize
from aiopyramid_core._requests.placement import placement_of
from aiopyramid_core.servers import streams_body

LOOP, THREAD = "loop", "thread"


async def coroutine(request):
    return Response("coroutine")


def synchronous(request):
    return Response("synchronous")


@synchronize
async def synchronized(request):
    return Response("synchronized")


class Tree:
    def __init__(self, request=None):
        pass

    def __getitem__(self, name):
        raise AssertionError("no resource is asked to decide")


def place(configure, path, environ=None, **settings):
    """Return where a request for a path runs in an application."""
    config = Configurator(settings={f"aiopyramid.{k}": v for k, v in settings.items()})
    config.include("aiopyramid_core")
    configure(config)
    app = config.make_wsgi_app()
    request = Request.blank(path, environ=environ)
    return LOOP if placement_of(app.registry).runs_on_loop(request.environ) else THREAD


def route(config, pattern, *views, **options):
    """Add a route with views, which a request method tells apart."""
    name = f"{pattern} {options}"
    config.add_route(name, pattern, **options)
    for view, method in zip(views, ["GET", "POST"], strict=False):
        config.add_view(view, route_name=name, request_method=method)


# --- Routes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pattern", "path"), [(b"/x", "/x"), (b"/x/{name}", "/x/y")])
def test_a_pattern_may_be_of_bytes_as_in_pyramid(pattern, path):
    assert place(lambda config: route(config, pattern, coroutine), path) == LOOP


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        ([coroutine], LOOP),
        ([synchronized], LOOP),
        ([synchronous], THREAD),
        ([coroutine, coroutine], LOOP),
        ([coroutine, synchronous], THREAD),
        ([], THREAD),
    ],
)
@pytest.mark.parametrize("pattern", ["/a", "a", "/{x}", "/{x:a}", "/*rest", "/:x"])
def test_a_route_is_as_all_of_its_views_are(pattern, views, expected):
    assert place(lambda config: route(config, pattern, *views), "/a") == expected


@pytest.mark.parametrize("first", [True, False])
def test_the_first_route_that_matches_decides(first):
    def configure(config):
        route(config, "/{x}", coroutine if first else synchronous)
        route(config, "/a", synchronous if first else coroutine)

    assert place(configure, "/a") == (LOOP if first else THREAD)


def test_a_route_that_does_not_match_has_no_say():
    def configure(config):
        route(config, "/{x:[0-9]+}", synchronous)
        route(config, "/{x}", coroutine)

    assert place(configure, "/a") == LOOP


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (coroutine, coroutine, LOOP),
        (coroutine, synchronous, THREAD),
        (synchronous, coroutine, THREAD),
    ],
)
def test_with_predicates_all_routes_that_could_be_the_one_have_to_agree(first, second, expected):
    def configure(config):
        route(config, "/a", first, request_method="GET")
        route(config, "/{x}", second)

    assert place(configure, "/a") == expected


def test_after_the_last_route_with_predicates_there_is_traversal():
    def configure(config):
        route(config, "/a", coroutine, request_method="GET")
        config.add_view(synchronous, name="a")

    assert place(configure, "/a") == THREAD


def test_no_predicate_or_factory_is_called():
    def explode(*args):
        raise AssertionError("called")

    def configure(config):
        config.add_route("a", "/a", custom_predicates=(explode,), factory=explode)
        config.add_view(coroutine, route_name="a", custom_predicates=(explode,))
        config.add_route("b", "/{b}")
        config.add_view(coroutine, route_name="b")

    with pytest.warns(DeprecationWarning, match="custom_predicates"):
        assert place(configure, "/a") == LOOP


def test_with_use_global_views_these_count_as_well():
    def configure(config):
        route(config, "/a", coroutine, use_global_views=True)
        config.add_view(synchronous)

    assert place(configure, "/a") == THREAD


def test_the_path_is_decoded_as_pyramid_decodes_it():
    assert place(lambda config: route(config, "/grün/{x}", coroutine), "/gr%C3%BCn/a") == LOOP


@pytest.mark.parametrize("path", ["/%FF", "/missing"])
def test_a_path_without_a_view_or_that_is_not_text_gets_a_thread(path):
    assert place(lambda config: route(config, "/a", coroutine), path) == THREAD


def test_static_files_get_a_thread():
    def configure(config):
        route(config, "/a", coroutine)
        config.add_static_view("static", "aiopyramid_core:")

    assert place(configure, "/static/x.css") == THREAD


def test_an_empty_path_is_that_of_the_root():
    assert place(lambda c: route(c, "/", coroutine), "/", environ={"PATH_INFO": ""}) == LOOP


def test_views_for_errors_have_no_say():
    def configure(config):
        route(config, "/a", coroutine)
        config.add_exception_view(synchronous, LookupError)
        config.add_view(synchronous, context=ValueError, route_name="/a {}")
        config.add_notfound_view(synchronous)
        config.add_forbidden_view(synchronous)

    assert place(configure, "/a") == LOOP


def test_a_mapper_that_is_not_ours_may_block():
    class Foreign:
        def __init__(self, **options):
            pass

        def __call__(self, view):
            return lambda context, request: Response("foreign")

    def configure(config):
        config.add_route("a", "/a")
        config.add_view(coroutine, route_name="a", mapper=Foreign)

    assert place(configure, "/a") == THREAD


def test_a_route_that_is_added_later_is_known():
    config = Configurator(autocommit=True)
    config.include("aiopyramid_core")
    placement = placement_of(config.registry)
    environ = Request.blank("/late").environ
    assert not placement.runs_on_loop(environ)
    route(config, "/late", coroutine)
    assert placement.runs_on_loop(environ)
    route(config, "/{x}", synchronous)
    assert placement.runs_on_loop(environ)


# --- Resource trees -------------------------------------------------------------------------------


def tree(config):
    config.set_root_factory(Tree)
    config.add_view(coroutine, name="live")
    config.add_view(coroutine, name="feed")
    config.add_view(synchronous, name="edit")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/live", LOOP),
        ("/a/b/live", LOOP),
        ("/a/@@live", LOOP),
        ("/a/live/feed", LOOP),
        ("/edit", THREAD),
        ("/edit/live", THREAD),  # edit may be the view, and live its subpath
        ("/a/b", THREAD),
    ],
)
def test_every_view_that_the_path_names_has_to_be_a_coroutine(path, expected):
    assert place(tree, path) == expected


def test_so_has_the_view_without_a_name_which_any_path_may_mean():
    def configure(config):
        tree(config)
        config.add_view(synchronous)

    assert place(configure, "/live") == THREAD


def test_without_a_resource_tree_the_first_name_is_the_views():
    def configure(config):
        config.add_view(coroutine, name="live")
        config.add_view(synchronous, name="edit")
        config.add_view(synchronous)

    assert [place(configure, path) for path in ("/live/edit", "/edit/live", "/")] == [
        LOOP,
        THREAD,
        THREAD,
    ]


def test_the_names_of_a_virtual_root_count():
    environ = {"HTTP_X_VHM_ROOT": "/edit"}
    assert place(tree, "/live", environ=environ) == THREAD


# --- An explicit word -----------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "view"), [(LOOP, synchronous), (THREAD, coroutine)])
def test_a_view_may_say_where_it_runs(word, view):
    def configure(config):
        config.add_route("a", "/a")
        config.add_view(view, route_name="a", run_on=word)

    assert place(configure, "/a") == word


def test_a_word_that_means_nothing_is_refused_by_name():
    def configure(config):
        config.add_view(synchronous, run_on="fire")

    with pytest.raises((ConfigurationError, ConfigurationExecutionError)) as caught:
        place(configure, "/")
    assert f"run_on='fire' of function {__name__}.synchronous must be 'loop' or 'thread'" in str(
        caught.value
    )


@pytest.mark.parametrize("word", [LOOP, THREAD])
@pytest.mark.parametrize("path", ["/live", "/edit", "/missing"])
def test_the_setting_is_stronger_than_all_else(word, path):
    assert place(tree, path, requests=word) == word


@functools.wraps(coroutine)
def running_a_loop(request):
    return asyncio.run(coroutine(request))


@pytest.mark.parametrize("view", [synchronous, running_a_loop])
def test_a_view_of_a_synchronous_mapper_gets_a_thread(view):
    assert place(lambda config: config.add_view(view, mapper=ExecutorMapper), "/") == THREAD


# --- What the log says ----------------------------------------------------------------------------


def messages(caplog):
    return [r.getMessage() for r in caplog.records if r.name == "aiopyramid_core"]


def test_at_the_start_the_log_names_what_holds_threads_and_the_remedy(caplog):
    def configure(config):
        config.add_route("orders", "/orders")
        config.add_view(coroutine, route_name="orders", request_method="GET")
        config.add_view(synchronous, route_name="orders", request_method="POST")
        config.add_view(coroutine, name="live")
        config.add_view(synchronous, name="live", request_method="POST")

    place(configure, "/")
    (message,) = messages(caplog)
    assert message == (
        "Requests for route 'orders', view name 'live' run in threads, since some of the views are"
        " synchronous: the coroutine views there hold a thread while they wait. Make all views of a"
        " route coroutines, or give the synchronous ones, if they never block,"
        " add_view(..., run_on='loop'). 'aioviews' lists them"
    )


def test_where_nothing_holds_a_thread_for_longer_than_it_must_it_says_nothing(caplog):
    def configure(config):
        route(config, "/a", coroutine)
        route(config, "/b", synchronous)

    place(configure, "/")
    assert messages(caplog) == []


def test_it_says_what_the_setting_means(caplog):
    caplog.set_level(logging.INFO)
    place(tree, "/", requests="thread")
    assert messages(caplog) == ["All requests run in a thread (aiopyramid.requests)"]


# --- Which requests begin before their body is complete ------------------------------------------


@pytest.fixture
def streams():
    """Return whether a request for a path may begin early, in an application of many kinds."""
    config = Configurator()
    config.include("aiopyramid_core")
    config.add_route("upload", "/upload/{name}")
    config.add_view(coroutine, route_name="upload", stream_body=True)
    config.add_route("plain", "/plain")
    config.add_view(synchronous, route_name="plain", stream_body=False)
    config.add_route("some", "/either", request_method="PUT")
    config.add_view(synchronous, route_name="some")
    config.add_route("other", "/either")
    config.add_view(coroutine, route_name="other", stream_body=True)
    config.add_view(coroutine, name="tree", stream_body=True)
    wants = streams_body(config.make_wsgi_app())
    return lambda path: wants(Request.blank(path).environ)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/upload/x", True),
        ("/plain", False),
        ("/either", True),  # the predicates of the first route may not hold
        ("/nowhere", False),
        ("/tree", True),
        ("/%FF", False),
    ],
)
def test_a_request_begins_early_if_a_view_for_it_streams_its_body(streams, path, expected):
    assert streams(path) is expected


def test_no_request_begins_early_without_such_a_view_or_inside_middleware():
    config = Configurator()
    config.include("aiopyramid_core")
    config.add_view(coroutine)
    application = config.make_wsgi_app()
    assert streams_body(application)(Request.blank("/").environ) is False
    assert streams_body(lambda *args: application(*args)) is None
