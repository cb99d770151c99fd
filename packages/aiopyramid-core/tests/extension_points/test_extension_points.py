"""The table of extension points: whatever Pyramid calls may be a coroutine.

Each row is asked three times: of coroutine functions, of synchronous functions that return a
coroutine, and of synchronous functions, which must answer what they answer in plain Pyramid. Real
servers are asked by ``tests/integration/test_extension_points.py``.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from extension_points import EXTENSION_POINTS, KINDS, ExtensionPoint, ask, ordinary
from extension_points import application as application_of
from pyramid.decorator import reify
from pyramid.exceptions import ConfigurationExecutionError
from pyramid.request import Request as PyramidRequest
from pyramid.session import BaseCookieSessionFactory, SignedCookieSessionFactory
from pyramid.static import ManifestCacheBuster

from aiopyramid_core import spawn_greenlet

each_point = pytest.mark.parametrize(
    "point", EXTENSION_POINTS, ids=lambda point: re.sub(r"\W+", " ", point.name + point.directive)
)
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_point
def test_a_row_says_what_plain_pyramid_does(point: ExtensionPoint) -> None:
    app, exchanges = application_of(point, ordinary, plain=True)
    assert {each: ask(app, each) for each in exchanges} == exchanges


@each_point
@each_kind
@pytest.mark.usefixtures("nothing_is_left")
def test_it_works_in_a_thread(point: ExtensionPoint, kind: str) -> None:
    app, exchanges = application_of(point, KINDS[kind])
    assert {each: ask(app, each) for each in exchanges} == exchanges


@each_point
@each_kind
@pytest.mark.usefixtures("nothing_is_left")
def test_it_works_on_the_loop(point: ExtensionPoint, kind: str) -> None:
    app, exchanges = application_of(point, KINDS[kind])

    async def main() -> dict[str, str]:
        return {each: await spawn_greenlet(ask, app, each) for each in exchanges}

    assert asyncio.run(main()) == exchanges


@each_point
@each_kind
def test_what_the_application_has_written_stays_as_it_is(point: ExtensionPoint, kind: str) -> None:
    written = []

    def state(function: Any) -> Any:
        # Less the description of a view, which Pyramid itself adds to its function.
        attributes = {key: value for key, value in vars(function).items() if key != "__text__"}
        return function, function.__code__, attributes

    def make(function: Callable[..., Any]) -> Callable[..., Any]:
        made = KINDS[kind](function)
        written.append(state(made))
        return made

    app, exchanges = application_of(point, make)
    for each in exchanges:
        ask(app, each)
    assert written
    assert [state(function) for function, _, _ in written] == written


# --- Refused --------------------------------------------------------------------------------------


async def identity(request: Any) -> Any:
    return "ann"


class OfProperty(PyramidRequest):
    identity = property(identity)


class OfReify(PyramidRequest):
    identity = reify(identity)


@pytest.mark.parametrize("factory", [OfProperty, OfReify])
def test_a_request_class_whose_identity_is_a_coroutine_is_refused(
    application: Callable[..., Any], factory: type
) -> None:
    with pytest.raises(ConfigurationExecutionError) as caught:
        application(lambda config: config.set_request_factory(factory))
    assert (
        f"Pyramid reads identity of class {__name__}.{factory.__name__}, the request factory, as a"
        " plain attribute, and the attribute is a coroutine. Register it with"
        " config.add_request_method(..., 'identity', reify=True) instead, or decorate its function"
        " with aiopyramid_core.synchronize."
    ) in str(caught.value)


class Serializer:
    async def loads(self, text):
        """Be called by Pyramid."""

    async def dumps(self, value):
        """Be called by Pyramid."""


@pytest.mark.parametrize(
    "factory",
    [
        BaseCookieSessionFactory(Serializer()),
        SignedCookieSessionFactory("x", serializer=Serializer()),
    ],
)
def test_a_serializer_of_coroutines_is_refused(
    application: Callable[..., Any], factory: type
) -> None:
    with pytest.raises(ConfigurationExecutionError) as caught:
        application(lambda config: config.set_session_factory(factory))
    assert "Pyramid calls loads of object <" in str(caught.value)
    assert (
        ", the serializer of cookie sessions, as a synchronous function, and it is a coroutine."
        " Write a session factory: that may be a coroutine."
    ) in str(caught.value)


def test_a_manifest_that_a_coroutine_reads_is_refused(application: Callable[..., Any]) -> None:
    class Manifest(ManifestCacheBuster):
        async def parse_manifest(self, content: bytes) -> Any:
            """Be called by Pyramid."""

    def configure(config: Any) -> None:
        config.add_static_view("static", "pyramid:")
        config.add_cache_buster("pyramid:", Manifest("pyramid:absent.json", reload=True))

    with pytest.raises(ConfigurationExecutionError) as caught:
        application(configure)
    assert "Pyramid calls parse_manifest of object <" in str(caught.value)
    assert (
        ", a cache buster, when the object is made, so it must not be a coroutine. Define it with"
        " 'def', and call asynchronous code with aiopyramid_core.run(function, ...)."
    ) in str(caught.value)
