"""Compiled functions: their coroutines are of a type of their own, and builtin ones hide them."""

import asyncio
import gc
import inspect
import os
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace

import pytest
from extension_points import EXTENSION_POINTS, application, ask
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError, ConfigurationExecutionError
from pyramid.response import Response
from webob import Request

from aiopyramid_core import run, spawn_greenlet, synchronize
from aiopyramid_core.callables import is_coroutine_callable

# By a signature that Python can read Pyramid knows whether a view takes one argument or two.
HEAD = """
# cython: language_level=3, binding={binding}
# cython: embedsignature=True, embedsignature.format=clinic
"""
SOURCE = """
import asyncio
import threading
from pyramid.response import Response


def coroutine(function):
    async def asynchronous(*args, **kwargs):
        await asyncio.sleep(0)
        return function(*args, **kwargs)
    return asynchronous


def hidden(function):
    asynchronous = coroutine(function)
    def synchronous(*args, **kwargs):
        return asynchronous(*args, **kwargs)
    return synchronous


def ordinary(function):
    def synchronous(*args, **kwargs):
        return function(*args, **kwargs)
    return synchronous


async def view(request):
    await asyncio.sleep(0)
    return Response(str(threading.get_ident()))


def synchronous_view(request):
    return Response(str(threading.get_ident()))


cdef class Views:
    async def method(self, request):
        return await view(request)


cdef class Policy:
    async def identity(self, request):
        await asyncio.sleep(0)

    async def authenticated_userid(self, request):
        await asyncio.sleep(0)

    async def permits(self, request, context, permission):
        await asyncio.sleep(0)
        return False


async def stream(*args):
    yield True


def hidden_stream(*args):
    return stream(*args)


async def load(name):
    await asyncio.sleep(0)
    return "loaded " + name
"""


def compile_with(binding, folder):
    """Compile the module, with or without Cython's own kind of functions at its top."""
    name = f"compiled_{binding.lower()}"
    (folder / f"{name}.pyx").write_text(HEAD.format(binding=binding) + SOURCE)
    done = subprocess.run(
        [sys.executable, "-m", "Cython.Build.Cythonize", "--inplace", "--quiet", f"{name}.pyx"],
        cwd=folder,
        env={**os.environ, "CFLAGS": "-O0 -w", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (library,) = folder.glob(f"{name}.*.so")
    spec = spec_from_file_location(name, library)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bound(tmp_path_factory):
    return compile_with("True", tmp_path_factory.mktemp("bound"))


@pytest.fixture(scope="module")
def builtin(tmp_path_factory):
    return compile_with("False", tmp_path_factory.mktemp("builtin"))


@pytest.fixture(params=["bound", "builtin"])
def compiled(request):
    return request.getfixturevalue(request.param)


def answer(app, path="/"):
    """Return the answer on an event loop in this thread, and in this thread alone."""

    async def main():
        return await spawn_greenlet(Request.blank(path).get_response, app)

    return asyncio.run(main()), Request.blank(path).get_response(app)


# --- All extension points -------------------------------------------------------------------------


def like(function, made):
    made.__name__, made.__qualname__ = function.__name__, function.__qualname__
    made.__signature__ = inspect.signature(function)
    return made


@pytest.mark.parametrize(
    "point", EXTENSION_POINTS, ids=lambda point: re.sub(r"\W+", " ", point.name + point.directive)
)
@pytest.mark.usefixtures("nothing_is_left")
def test_whatever_pyramid_calls_may_be_compiled(bound, point):
    for compiled in (bound.coroutine, bound.hidden, bound.ordinary):
        app, exchanges = application(point, lambda each: like(each, compiled(each)))  # noqa: B023

        async def main():
            return {each: await spawn_greenlet(ask, app, each) for each in exchanges}  # noqa: B023

        assert asyncio.run(main()) == exchanges
        assert {each: ask(app, each) for each in exchanges} == exchanges


# --- Views ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["view", "synchronous_view", "Views"])
@pytest.mark.usefixtures("nothing_is_left")
def test_a_compiled_view_answers(bound, name):
    view = bound.Views().method if name == "Views" else getattr(bound, name)
    assert [each.status_code for each in answer(with_view(view))] == [200, 200]


@pytest.mark.parametrize("name", ["view", "synchronous_view"])
@pytest.mark.usefixtures("nothing_is_left")
def test_a_view_that_is_built_in_answers(builtin, name):
    view = getattr(builtin, name)
    assert inspect.isbuiltin(view)
    assert [each.status_code for each in answer(with_view(view))] == [200, 200]


def with_view(view):
    config = Configurator()
    config.include("aiopyramid_core")
    config.add_view(view)
    return config.make_wsgi_app()


def test_a_compiled_coroutine_view_is_known_as_one_if_its_function_says_so(bound, builtin):
    assert is_coroutine_callable(bound.view)
    assert not is_coroutine_callable(builtin.view)
    assert not is_coroutine_callable(bound.synchronous_view)


# --- Policies -------------------------------------------------------------------------------------


def with_policy(policy):
    config = Configurator()
    config.include("aiopyramid_core")
    config.set_security_policy(policy)
    config.add_view(lambda request: Response("secret"), permission="view")
    return config


@pytest.mark.usefixtures("nothing_is_left")
def test_a_compiled_policy_keeps_everybody_out(compiled):
    app = with_policy(compiled.Policy()).make_wsgi_app()
    assert [each.status_code for each in answer(app)] == [403, 403]


def test_a_compiled_async_generator_is_refused_as_a_policy(bound):
    with pytest.raises(ConfigurationExecutionError, match="returns an async generator"):
        with_policy(SimpleNamespace(permits=bound.stream)).commit()


@pytest.mark.filterwarnings("ignore:coroutine 'stream' was never awaited")
@pytest.mark.parametrize("name", ["stream", "hidden_stream"])
def test_one_that_hides_is_refused_when_it_is_called(builtin, name):
    app = with_policy(SimpleNamespace(permits=getattr(builtin, name))).make_wsgi_app()
    with pytest.raises(ConfigurationError, match="returns an async generator"):
        Request.blank("/").get_response(app)
    gc.collect()  # of one that has not begun Cython warns, other than Python


# --- What the application calls itself ------------------------------------------------------------


def test_compiled_coroutines_can_be_run_and_synchronized(compiled, no_warnings):
    load = synchronize(compiled.load, strict=is_coroutine_callable(compiled.load))
    assert run(compiled.load, "ann") == "loaded ann"
    assert run(load, "ann") == "loaded ann"


def test_one_that_was_called_already_is_closed_and_refused(bound, no_warnings):
    with pytest.raises(TypeError, match="and got a coroutine"):
        run(bound.load("ann"))
