"""live: views that begin before the body of their request is complete."""

import asyncio

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden
from pyramid.response import Response

from aiopyramid_core.exceptions import BodyTooSlow, ContentTooLarge, UploadAborted
from aiopyramid_core.uploads import body_parts

pytestmark = pytest.mark.usefixtures("loop_factory")


class Uploads:
    """A view that reads a body and notes what it gets."""

    def __init__(self):
        self.parts = []
        self.error = None
        self.gate = asyncio.Event()

    async def __call__(self, request):
        await self.gate.wait()
        try:
            async for part in body_parts(request):
                self.parts.append(part)
        except Exception as error:
            self.error = error
            raise
        return Response(f"{len(b''.join(self.parts))}")


@pytest.fixture
def application():
    """Build an application with a view that streams and one that does not."""

    def build(view, **settings):
        config = Configurator(settings=settings)
        config.include("aiopyramid_asgi")
        config.add_route("live", "/live")
        config.add_view(view, route_name="live", stream_body=True)
        config.add_view(lambda request: Response(request.body))
        return config.make_asgi_app()

    return build


@pytest.fixture
def upload(fake_server):
    """Make a server with an upload to the view that streams."""

    def upload(length=None, path="/live", **scope):
        fields = [(b"transfer-encoding", b"chunked")]
        if length is not None:
            fields = [(b"content-length", str(length).encode())]
        return fake_server(method="POST", headers=fields, path=path, raw_path=None, **scope)

    return upload


async def test_the_view_begins_before_the_body_is_complete(application, upload, soon):
    view, server = Uploads(), upload(6)
    view.gate.set()
    serving = asyncio.create_task(server.call(application(view)))
    server.tell("http.request", body=b"abc", more_body=True)
    await soon(lambda: view.parts)
    assert view.parts == [b"abc"]
    server.tell("http.request", body=b"def")
    await serving
    assert (server.body, view.parts) == (b"6", [b"abc", b"def"])


async def test_an_empty_part_is_not_the_end_of_the_body(application, upload):
    view, server = Uploads(), upload()
    view.gate.set()
    for part in (b"", b"abc", b"", b"def"):
        server.tell("http.request", body=part, more_body=True)
    server.tell("http.request")
    await server.call(application(view))
    assert (server.body, view.parts) == (b"6", [b"abc", b"def"])


async def test_nothing_is_received_before_the_view_reads(application, upload):
    def refuse(request):
        raise HTTPForbidden

    server = upload(6)
    server.tell("http.request", body=b"abcdef")
    settings = {"aiopyramid.cancel_on_disconnect": "true"}
    await server.call(application(refuse, **settings))
    assert (server.status, server.events.qsize()) == (403, 1)


async def test_a_view_that_does_not_read_stops_the_client(application, upload, soon):
    view, server = Uploads(), upload()
    view.gate.set()

    async def slow(request):
        parts = body_parts(request)
        view.parts.append(await anext(parts))
        await asyncio.sleep(0.05)
        view.parts.append(server.events.qsize())
        async for part in parts:
            view.parts.append(part)
        return Response("done")

    for _ in range(40):
        server.tell("http.request", body=b"x" * (64 << 10), more_body=True)
    server.tell("http.request")
    await server.call(application(slow))
    assert server.body == b"done"
    assert view.parts[1] > 30


async def test_other_views_wait_for_the_body(application, upload):
    view, server = Uploads(), upload(6, path="/other")
    server.tell("http.request", body=b"abc", more_body=True)
    server.tell("http.request", body=b"def")
    await server.call(application(view))
    assert server.status == 404


@pytest.mark.parametrize("run_on", ["loop", "thread"])
async def test_synchronous_code_waits_for_the_body(fake_server, upload, run_on):
    config = Configurator()
    config.include("aiopyramid_asgi")
    config.add_route("live", "/live")

    def view(request):
        return Response(request.POST["a"].encode() + request.body)

    config.add_view(view, route_name="live", stream_body=True, run_on=run_on)
    server = upload()
    server.scope["headers"].append((b"content-type", b"application/x-www-form-urlencoded"))
    serving = asyncio.create_task(server.call(config.make_asgi_app()))
    for part in (b"a", b"=", b"b"):
        await asyncio.sleep(0.01)
        server.tell("http.request", body=part, more_body=True)
    server.tell("http.request")
    await serving
    assert server.body == b"ba=b"


async def test_an_upload_that_breaks_off_is_an_error_in_the_view(application, upload, soon):
    view, server = Uploads(), upload(6)
    view.gate.set()
    server.tell("http.request", body=b"abc", more_body=True)
    server.tell("http.disconnect")
    await server.call(application(view))
    assert isinstance(view.error, UploadAborted)
    assert server.sent == []


async def test_a_body_that_ends_early_is_not_complete(application, upload):
    view, server = Uploads(), upload(6)
    view.gate.set()
    server.tell("http.request", body=b"abc")
    await server.call(application(view))
    assert isinstance(view.error, UploadAborted)


async def test_a_body_that_is_too_long_is_413(application, upload):
    view, server = Uploads(), upload()
    view.gate.set()
    for _ in range(3):
        server.tell("http.request", body=b"abcd", more_body=True)
    await server.call(application(view, **{"aiopyramid.asgi.body_limit_bytes": "10"}))
    assert isinstance(view.error, ContentTooLarge)
    assert (server.status, server.headers[b"connection"]) == (413, b"close")


async def test_a_client_that_pauses_is_408(application, upload):
    view, server = Uploads(), upload(6)
    view.gate.set()
    server.tell("http.request", body=b"abc", more_body=True)
    await server.call(application(view, **{"aiopyramid.asgi.body_timeout": "0.02"}))
    assert isinstance(view.error, BodyTooSlow)
    assert server.status == 408


async def test_a_disconnect_after_the_body_is_noticed(application, upload, soon):
    events = []

    async def view(request):
        async for part in body_parts(request):
            events.append(part)
        try:
            await asyncio.sleep(600)
        finally:
            events.append("cancelled")

    server = upload(3)
    server.tell("http.request", body=b"abc")
    settings = {"aiopyramid.cancel_on_disconnect": "true"}
    serving = asyncio.create_task(server.call(application(view, **settings)))
    await soon(lambda: events)
    server.tell("http.disconnect")
    await serving
    assert events == [b"abc", "cancelled"]
