"""config: ``add_asgi_app`` in this process: lifespans, errors, servers with threads."""

import asyncio

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationConflictError, ConfigurationError
from pyramid.request import Request
from pyramid.response import Response

from aiopyramid_asgi import InvalidEvent, MountedStartupFailed
from aiopyramid_asgi._mounted.lifespan import MountedLifespan
from aiopyramid_core import StartupError, spawn_greenlet
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_websocket import InvalidAcceptance
from aiopyramid_websocket.testing import connect


async def echo(scope, receive, send):
    """Send the body of the request back, part by part."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-echo", b"1")]})
    more = True
    while more:
        event = await receive()
        more = event["more_body"]
        await send({"type": "http.response.body", "body": event["body"], "more_body": more})
    assert (await receive())["type"] == "http.disconnect"


@pytest.fixture
def config():
    config = Configurator()
    config.include("aiopyramid_asgi")
    return config


# --- Lifespan -------------------------------------------------------------------------------------


def recording(*answers):
    """Make an application that answers the events of its lifespan."""
    events = []

    async def application(scope, receive, send):
        assert scope["type"] == "lifespan"
        scope["state"]["key"] = "value"
        for answer in answers:
            events.append((asyncio.current_task(), (await receive())["type"]))
            await send({"type": answer, "message": "a reason"})
        events.append((asyncio.current_task(), "end"))

    application.events = events
    return application


@pytest.mark.usefixtures("loop_factory")
class TestLifespan:
    async def test_both_ends_are_in_one_task(self):
        application = recording("lifespan.startup.complete", "lifespan.shutdown.complete")
        lifespan = MountedLifespan(application)
        await lifespan.start()
        assert lifespan.state == {"key": "value"}
        await lifespan.stop()
        tasks, kinds = zip(*application.events, strict=True)
        assert kinds == ("lifespan.startup", "lifespan.shutdown", "end")
        assert len(set(tasks)) == 1
        assert lifespan.state is None

    async def test_a_failed_startup_stops_the_start(self):
        with pytest.raises(MountedStartupFailed, match="has failed: a reason"):
            await MountedLifespan(recording("lifespan.startup.failed")).start()

    async def test_a_failed_shutdown_is_logged(self, caplog):
        lifespan = MountedLifespan(
            recording("lifespan.startup.complete", "lifespan.shutdown.failed")
        )
        await lifespan.start()
        await lifespan.stop()
        assert "shutdown of an ASGI application has failed: a reason" in caplog.text

    async def test_an_application_need_not_have_one(self, caplog):
        lifespan = MountedLifespan(echo)
        with caplog.at_level("INFO"):
            await lifespan.start()
        assert lifespan.state is None
        await lifespan.stop()
        assert "NotImplementedError" in caplog.text

    async def test_an_application_that_is_mounted_twice_has_one(self, config):
        application = recording("lifespan.startup.complete", "lifespan.shutdown.complete")
        config.add_asgi_app("/a", application)
        config.add_asgi_app("/b", application)
        config.commit()
        lifespan = lifespan_of(config.registry)
        await lifespan.start()
        await lifespan.stop()
        assert len(application.events) == 3

    async def test_the_start_of_pyramid_fails_with_it(self, config):
        config.add_asgi_app("/a", recording("lifespan.startup.failed"))
        config.commit()
        with pytest.raises(StartupError, match="a reason"):
            await lifespan_of(config.registry).start()

    async def test_one_that_never_answers_is_cancelled_with_the_start(self):
        async def application(scope, receive, send):
            await asyncio.sleep(600)

        lifespan = MountedLifespan(application)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await lifespan.start()
        assert [each for each in asyncio.all_tasks() if each.get_name() == "lifespan"] == []


# --- Requests -------------------------------------------------------------------------------------


def test_a_server_with_threads_serves_it(config):
    config.add_asgi_app("/echo", echo)
    request = Request.blank("/echo/x", method="POST", body=b"x" * 600_000)
    response = request.get_response(config.make_wsgi_app())
    assert (response.status_code, response.headers["X-Echo"]) == (200, "1")
    assert response.body == b"x" * 600_000


def test_the_root_gets_what_no_route_before_it_matches(config):
    config.add_route("mine", "/mine")
    config.add_view(lambda request: Response("mine"), route_name="mine")
    config.add_asgi_app("/", echo)
    application = config.make_wsgi_app()
    assert Request.blank("/mine").get_response(application).text == "mine"
    for path in ("/", "/other", "//x"):
        assert "X-Echo" in Request.blank(path).get_response(application).headers


def test_the_prefix_of_an_include_counts(config):
    roots = []

    async def where(scope, receive, send):
        if scope["type"] == "http":
            roots.append(scope["root_path"])
        await echo(scope, receive, send)

    config.include(lambda config: config.add_asgi_app("/api", where), route_prefix="/v1")
    application = config.make_wsgi_app()
    assert Request.blank("/v1/api/x").get_response(application).status_code == 200
    assert roots == ["/v1/api"]


def test_a_body_that_pyramid_has_read_is_complete(config):
    config.add_tween(f"{__name__}.reading_tween")
    config.add_asgi_app("/echo", echo)
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    request = Request.blank("/echo", method="POST", body=b"a=1&b=2", headers=fields)
    assert request.get_response(config.make_wsgi_app()).body == b"a=1&b=2"


def test_a_body_of_which_pyramid_has_read_a_part_goes_on_there(config):
    config.add_tween(f"{__name__}.nibbling_tween")
    config.add_asgi_app("/echo", echo)
    request = Request.blank("/echo", method="POST", body=b"abcdef")
    del request.environ["webob.is_body_seekable"]
    assert request.get_response(config.make_wsgi_app()).body == b"cdef"


def nibbling_tween(handler, registry):
    def tween(request):
        assert request.body_file.read(2) == b"ab"
        return handler(request)

    return tween


def reading_tween(handler, registry):
    def tween(request):
        assert request.POST["a"] == "1"
        return handler(request)

    return tween


@pytest.mark.usefixtures("loop_factory")
async def test_a_response_that_a_tween_replaces_ends_the_application(config):
    ended = asyncio.Event()

    async def endless(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            try:
                while True:
                    await send({"type": "http.response.body", "body": b"x", "more_body": True})
            except OSError:
                ended.set()
                raise

    config.add_tween(f"{__name__}.replacing_tween")
    config.add_asgi_app("/endless", endless)
    application = config.make_wsgi_app()
    response = await spawn_greenlet(Request.blank("/endless").get_response, application)
    assert response.text == "replaced"
    async with asyncio.timeout(30):
        await ended.wait()


def replacing_tween(handler, registry):
    def tween(request):
        handler(request)
        return Response("replaced")

    return tween


@pytest.mark.usefixtures("loop_factory")
async def test_an_application_is_cancelled_with_its_request(config):
    events = []

    async def waiting(scope, receive, send):
        if scope["type"] == "http":
            events.append("began")
            try:
                await asyncio.sleep(600)
            finally:
                events.append("ended")

    config.add_asgi_app("/waiting", waiting)
    application = config.make_wsgi_app()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await spawn_greenlet(Request.blank("/waiting").get_response, application)
    await asyncio.sleep(0)
    assert events == ["began", "ended"]


@pytest.mark.usefixtures("loop_factory")
async def test_nothing_is_sent_after_the_end(config):
    errors = []

    async def chatty(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x"})
            try:
                await send({"type": "http.response.body", "body": b"y"})
            except InvalidEvent as error:
                errors.append(str(error))

    config.add_asgi_app("/chatty", chatty)
    application = config.make_wsgi_app()
    response = await spawn_greenlet(Request.blank("/chatty").get_response, application)
    assert response.text == "x"
    await asyncio.sleep(0)
    assert errors == ["invalid ASGI event: 'http.response.body', expected nothing more"]


# --- Configuration --------------------------------------------------------------------------------


def test_a_prefix_cannot_be_used_twice(config):
    config.add_asgi_app("/echo", echo)
    config.add_asgi_app("/echo", recording())
    with pytest.raises(ConfigurationConflictError):
        config.commit()


@pytest.mark.parametrize(
    ("prefix", "application", "message"),
    [("/a/*b", echo, r"must not contain '\*'"), ("/a", 3, "expected an ASGI application")],
)
def test_arguments_are_checked(config, prefix, application, message):
    with pytest.raises(ConfigurationError, match=message):
        config.add_asgi_app(prefix, application)


def test_options_for_websockets_need_the_package(config, monkeypatch):
    monkeypatch.setattr("aiopyramid_asgi.config.find_spec", lambda name: None)
    config.add_asgi_app("/a", echo)
    with pytest.raises(ConfigurationError, match="install"):
        config.add_asgi_app("/b", echo, websocket_options={"max_size": 7})


async def chatting(scope, receive, send):
    """Close a WebSocket whose client sends too much, or whose subprotocol is not offered."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "chat"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
        events.append(event)


events = []


@pytest.mark.usefixtures("loop_factory")
async def test_options_for_websockets_are_those_of_the_connection(config):
    config.add_asgi_app("/chat", chatting, websocket_options={"max_size": 7})
    application = config.make_wsgi_app()
    async with connect(application, "/chat", subprotocols=["chat"]) as client:
        await client.send("1234567")
        assert await client.recv() == "1234567"
        await client.send("12345678")
        assert await client.recv() is None
    assert client.close_code == 1009
    assert events.pop()["code"] == 1009


@pytest.mark.usefixtures("loop_factory")
async def test_a_subprotocol_that_the_client_does_not_offer_is_an_error(config):
    config.add_asgi_app("/chat", chatting)
    application = config.make_wsgi_app()
    with pytest.raises(InvalidAcceptance, match="'chat'"):
        async with connect(application, "/chat"):
            pass
    await asyncio.sleep(0.01)
    assert events.pop() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
