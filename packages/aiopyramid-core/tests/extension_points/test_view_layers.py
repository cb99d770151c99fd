"""view_layers: decorators of views get what they would get of a synchronous view."""

import asyncio
import copy
import functools
import operator
from dataclasses import dataclass

import pytest
from pyramid.exceptions import ConfigurationError, ConfigurationExecutionError
from pyramid.httpexceptions import HTTPConflict
from pyramid.response import Response
from pyramid.view import view_defaults
from webob import Request

from aiopyramid_core import CoroutineMapper, ExecutorMapper
from aiopyramid_core.callables import is_coroutine_callable


class Conflict(Exception):
    """The exception that the views below raise."""


def conflicts_are_409(view):
    @functools.wraps(view)
    def wrapper(request):  # or, of a method, the object
        try:
            return view(request)
        except Conflict as error:
            return HTTPConflict(str(error))

    return wrapper


def marking(view):
    @functools.wraps(view)
    def wrapper(request):  # or, of a method, the object
        response = view(request)
        response.headers["X-Mark"] = "yes"
        return response

    return wrapper


def marking_native(view):
    @functools.wraps(view)
    def wrapper(self, request):
        response = view(self, request)
        response.headers["X-Mark"] = "yes"
        return response

    return wrapper


def marking_static(view):
    @functools.wraps(view)
    def wrapper():
        response = view()
        response.headers["X-Mark"] = "yes"
        return response

    return wrapper


class Marking:
    """A decorator whose wrapper is an object."""

    def __init__(self, view):
        self.view = view
        functools.update_wrapper(self, view)

    def __call__(self, request):
        response = self.view(request)
        response.headers["X-Mark"] = "yes"
        return response


async def conflicting(request):
    await asyncio.sleep(0)
    raise Conflict("taken")


async def hello(request):
    await asyncio.sleep(0)
    return Response("hello")


class Views:
    def __init__(self, request):
        self.request = request

    @conflicts_are_409
    async def conflicting(self):
        return await conflicting(self.request)

    @marking
    async def __call__(self):
        return await hello(self.request)

    @staticmethod
    @marking_static
    async def static():
        await asyncio.sleep(0)
        return Response("static")

    @classmethod
    @marking
    async def of_class(cls):
        await asyncio.sleep(0)
        return Response(cls.__name__)


class Instance:
    @marking_native
    async def method(self, request):
        return await hello(request)


@pytest.fixture(params=["loop", "thread"])
def get(request, application, fetch):
    """Return the answer of an application with one view, on the loop and in a thread."""

    def get(view, **options):
        app = application(lambda config: config.add_view(view, **options))
        if request.param == "thread":
            return Request.blank("/").get_response(app)
        return asyncio.run(fetch(app))

    return get


def test_a_decorator_catches_what_a_coroutine_view_raises(get):
    answer = get(conflicts_are_409(conflicting))
    assert (answer.status_code, "taken" in answer.text) == (409, True)


def test_a_decorator_gets_the_response_of_a_coroutine_view(get):
    assert get(marking(hello)).headers["X-Mark"] == "yes"


def test_decorators_around_decorators_do_too(get):
    answer = get(marking(conflicts_are_409(marking(conflicting))))
    assert (answer.status_code, answer.headers["X-Mark"]) == (409, "yes")


def test_a_decorator_below_functools_partial_does_too(get):
    assert get(functools.partial(marking(hello))).headers["X-Mark"] == "yes"


def test_an_object_that_wraps_a_coroutine_view_does_too(get):
    assert get(Marking(hello)).headers["X-Mark"] == "yes"


def test_a_decorator_of_a_bound_method_does_too(get):
    assert get(Instance().method).headers["X-Mark"] == "yes"


def test_a_decorator_of_an_objects_attribute_does_too(get):
    assert get(Instance(), attr="method").headers["X-Mark"] == "yes"


def test_a_decorator_of_a_view_classs_method_does_too(get):
    assert get(Views, attr="conflicting").status_code == 409


def test_a_decorator_of_a_view_classs_call_does_too(get):
    assert get(Views).headers["X-Mark"] == "yes"


@pytest.mark.parametrize(("attr", "text"), [("static", "static"), ("of_class", "Views")])
def test_decorators_of_static_and_class_methods_do_too(get, attr, text):
    answer = get(Views, attr=attr)
    assert (answer.text, answer.headers["X-Mark"]) == (text, "yes")


def test_the_view_of_the_class_is_known_to_the_renderer(application):
    seen = []

    class Rows:
        def __init__(self, request):
            """Be made by Pyramid."""

        @conflicts_are_409
        async def rows(self):
            return "rows"

    def configure(config):
        def render(value, system):
            seen.append(type(system["view"]))
            return value

        config.add_renderer("rows", lambda info: render)
        config.add_view(Rows, attr="rows", renderer="rows")

    assert Request.blank("/").get_response(application(configure)).text == "rows"
    assert seen == [Rows]


def test_the_applications_wrapper_stays_as_it_is(get):
    wrapper = marking(hello)
    before = [cell.cell_contents for cell in wrapper.__closure__]
    get(wrapper)
    assert [cell.cell_contents for cell in wrapper.__closure__] == before == [hello]


def test_the_applications_object_stays_as_it_is(get):
    wrapper = Marking(hello)
    before = copy.copy(vars(wrapper))
    get(wrapper)
    assert vars(wrapper) == before


# --- Wrappers that run a loop of their own --------------------------------------------------------


def runs_a_loop(view):
    @functools.wraps(view)
    def wrapper(request):
        coroutine = view(request)
        try:
            return asyncio.run(coroutine)
        finally:
            coroutine.close()  # what asyncio.run refuses it leaves

    return wrapper


def test_the_executor_mapper_runs_a_wrapper_with_a_loop_of_its_own(get):
    assert get(runs_a_loop(hello), mapper=ExecutorMapper).text == "hello"


def test_in_a_thread_such_a_wrapper_runs_by_the_default_mapper(application):
    app = application(lambda config: config.add_view(runs_a_loop(hello)))
    assert Request.blank("/").get_response(app).text == "hello"


def test_on_the_loop_the_error_says_which_mapper_to_use(run, application, fetch):
    app = application(lambda config: config.add_view(runs_a_loop(hello)))
    with pytest.raises(RuntimeError) as caught:
        run(fetch, app)
    assert caught.value.__notes__ == [
        f"function {__name__}.hello has a decorator that runs an event loop of its own, which"
        " needs a thread: register the view with mapper=aiopyramid_core.ExecutorMapper."
    ]


# --- Generators -----------------------------------------------------------------------------------


def test_a_generator_that_only_yields_makes_values_for_a_renderer(get):
    def rows(request):
        yield from ()  # delegates: a coroutine
        return "coroutine"

    def values(request):
        yield 1

    assert get(values, renderer="string").text.startswith("<generator object")
    assert get(rows, renderer="string").text == "coroutine"


def test_the_coroutine_mapper_refuses_a_generator_that_only_yields():
    def values(request):
        yield 1

    with pytest.raises(ConfigurationError, match="it is not a coroutine"):
        CoroutineMapper()(values)


@pytest.mark.parametrize("attr", [None, "rows"])
def test_an_async_generator_is_not_a_view(application, attr):
    async def rows(request):
        yield b"row"

    class Rows:
        def __init__(self, request):
            """Be made by Pyramid."""

    Rows.rows = rows
    view = rows if attr is None else Rows
    with pytest.raises(ConfigurationExecutionError) as caught:
        application(lambda config: config.add_view(view, attr=attr))
    assert (
        "cannot be a view: it is an async generator function, which has no result. If it yields the"
        " parts of a body, let a view return Response(app_iter=...) with it; if it should return a"
        " response, write 'return' in it instead of 'yield'."
    ) in str(caught.value)


# --- Other shapes ---------------------------------------------------------------------------------


@dataclass
class Greeting:
    """A dataclass that is called."""

    word: str

    async def __call__(self, request):
        await asyncio.sleep(0)
        return Response(self.word)


@view_defaults(renderer="string")
class Greetings:
    def __init__(self, request):
        self.request = request

    async def greet(self, word="hello"):
        await asyncio.sleep(0)
        return word

    async def plain(self):
        return await self.greet("plain")

    partial = functools.partialmethod(greet, "partial")


def test_a_dataclass_that_is_called_is_a_view(get):
    assert get(Greeting("dataclass")).text == "dataclass"


@pytest.mark.parametrize("attr", ["partial", "plain"])
def test_methods_of_a_class_with_view_defaults_are_views(get, attr):
    assert get(Greetings, attr=attr).text == attr


def test_a_partial_method_of_a_coroutine_method_is_known_as_one():
    assert is_coroutine_callable(Greetings.partial)
    assert is_coroutine_callable(Greetings(None).partial)


def test_a_callable_that_is_built_in_is_a_view(get):
    assert get(operator.attrgetter("response")).status_code == 200
