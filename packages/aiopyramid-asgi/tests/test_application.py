"""Requests and the lifespan, with a server that says what the test says."""

import asyncio
import gc
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError
from pyramid.response import Response

from aiopyramid_asgi import ScopeNotSupported, _exchange, asgi
from aiopyramid_asgi import application as _application
from aiopyramid_core import StartupError
from aiopyramid_core.streaming import EventStreamResponse

pytestmark = pytest.mark.usefixtures("loop_factory")


@pytest.fixture
def application():
    """Build an application whose only view is the given one."""

    def build(view, **settings):
        config = Configurator(settings=settings)
        config.include("aiopyramid_asgi")
        config.add_view(view)
        return config.make_asgi_app()

    return build


def plain(body=b"hello", headers=(), status="200 OK"):
    def application(environ, start_response):
        start_response(status, list(headers))
        return [body]

    return asgi(application)


async def hello(request):
    return Response("hello")


# --- Requests -------------------------------------------------------------------------------------


async def test_any_wsgi_application_is_served(fake_server):
    server = await fake_server().call(plain(headers=[("X-Field", "välue")]))
    assert server.status == 200
    assert server.headers == {b"x-field": "välue".encode("latin-1"), b"content-length": b"5"}
    assert server.body == b"hello"
    assert server.is_complete


async def test_without_a_body_in_the_response_there_is_no_length(fake_server):
    server = await fake_server().call(plain(b"", status="204 No Content"))
    assert server.headers == {}


async def test_an_upload_is_read_before_the_application_starts(application, fake_server):
    async def view(request):
        return Response(request.body)

    server = fake_server(method="POST", headers=[(b"transfer-encoding", b"chunked")])
    server.tell("http.request", body=b"one ", more_body=True)
    server.tell("http.request", body=b"two")
    await server.call(application(view))
    assert server.body == b"one two"


async def test_a_request_asks_the_server_for_nothing_that_it_does_not_need(
    application, fake_server
):
    server = fake_server()
    server.tell("http.request")
    assert (await server.call(application(hello))).body == b"hello"
    assert server.events.qsize() == 1  # neither a body nor a disconnect


async def test_a_get_of_http2_is_not_read(application, fake_server):
    # uvicorn does not tell that it is complete.
    server = await fake_server(http_version="2").call(application(hello))
    assert server.body == b"hello"


async def test_a_server_that_drives_coroutines_itself_gets_a_task_for_each(
    application, fake_server
):
    tasks = []

    async def view(request):
        tasks.append(asyncio.current_task())
        await asyncio.sleep(0)
        return Response("hello")

    finished = asyncio.get_running_loop().create_future()
    server = fake_server()
    coroutine = server.call(application(view))

    def step(*_):
        try:
            future = coroutine.send(None)
        except StopIteration as stop:
            finished.set_result(stop.value)
        else:
            future._asyncio_future_blocking = False
            future.add_done_callback(step)

    asyncio.get_running_loop().call_soon(step)  # where there is no current Task
    await finished
    assert server.body == b"hello"
    assert tasks != [None]


async def test_304_announces_no_body(fake_server):
    fields = [("Content-Length", "5"), ("ETag", '"a"')]
    server = await fake_server().call(plain(b"hello", fields, "304 Not Modified"))
    assert server.headers == {b"etag": b'"a"'}
    assert server.body == b""


async def test_a_body_shorter_than_its_length_is_answered_with_500(fake_server):
    server = await fake_server().call(plain(headers=[("Content-Length", "6")]))
    assert server.status == 500


# --- Files ----------------------------------------------------------------------------------------

PATHSEND = {"http.response.pathsend": {}}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(300_000))
    return path


@pytest.fixture
def serve_file(application, fake_server, file):
    """Answer a request with the file, from an offset on; return the types of the messages."""

    async def serve_file(offset=0, fields=(), **scope):
        opened = []

        async def view(request):
            opened.append(file.open("rb"))
            opened[0].seek(offset)
            response = Response(app_iter=request.environ["wsgi.file_wrapper"](opened[0]))
            response.headers.update(fields)
            return response

        server = await fake_server(**{"extensions": PATHSEND} | scope).call(application(view))
        assert opened[0].closed
        return server

    return serve_file


async def test_a_server_that_can_is_given_the_path_of_a_large_file(serve_file, file):
    server = await serve_file()
    assert server.sent[1:] == [{"type": "http.response.pathsend", "path": str(file)}]
    assert server.headers[b"content-length"] == b"300000"


@pytest.mark.parametrize(
    ("options", "length"),
    [
        ({"offset": 1}, 299_999),
        ({"fields": {"Content-Length": "10"}}, 10),
        ({"method": "HEAD"}, 0),
        ({"extensions": None}, 300_000),
    ],
    ids=["from the middle", "the beginning", "no body", "not by this server"],
)
async def test_other_files_are_read(serve_file, options, length):
    server = await serve_file(**options)
    assert "http.response.pathsend" not in [message["type"] for message in server.sent]
    assert len(server.body) == length


# --- Bodies of requests ---------------------------------------------------------------------------


async def test_a_request_of_http2_may_have_a_body_without_announcing_it(application, fake_server):
    async def view(request):
        return Response(request.body)

    server = fake_server(method="POST", http_version="2", headers=[])
    server.tell("http.request", body=b"unannounced")
    assert (await server.call(application(view))).body == b"unannounced"


@pytest.mark.parametrize(
    "events",
    [
        [{"body": b"abc", "more_body": True}, None],
        [{"body": b"abc", "more_body": False}],
    ],
    ids=["the client disconnects", "the server ends it"],
)
async def test_a_truncated_upload_is_never_handed_on(application, fake_server, events):
    called = []
    server = fake_server(method="POST", headers=[(b"content-length", b"10")])
    for event in events:
        server.tell(*("http.disconnect",) if event is None else ("http.request",), **event or {})
    await server.call(application(lambda request: called.append(request)))
    assert called == []
    assert server.sent == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([(b"content-length", b"101")], 413),
        ([(b"content-length", b"1_0")], 400),
        ([(b"content-type", b"a"), (b"content-type", b"b")], 400),
    ],
)
async def test_a_request_that_is_refused_is_answered_unread(
    application, fake_server, fields, status
):
    server = fake_server(method="POST", headers=fields)
    await server.call(application(hello, **{"aiopyramid.asgi.body_limit_bytes": "100"}))
    assert (server.status, server.is_complete) == (status, True)


async def test_a_client_that_pauses_in_an_upload_is_answered_with_408(application, fake_server):
    server = fake_server(method="POST", headers=[(b"content-length", b"10")])
    server.tell("http.request", body=b"abc", more_body=True)
    await server.call(application(hello, **{"aiopyramid.asgi.body_timeout": "0.01"}))
    assert server.status == 408
    assert server.headers[b"connection"] == b"close"


async def test_an_application_that_breaks_wsgi_is_answered_with_500(fake_server):
    server = await fake_server().call(plain(headers=[("Bad\nName", "")]))
    assert server.status == 500


async def test_a_view_that_exits_does_not_end_the_server(application, fake_server):
    async def view(request):
        raise SystemExit

    assert (await fake_server().call(application(view))).status == 500


async def test_a_client_that_has_gone_cancels_what_it_has_asked_for(application, fake_server, soon):
    began = asyncio.Event()

    async def view(request):
        began.set()
        await asyncio.sleep(60)

    server = fake_server()
    task = asyncio.create_task(
        server.call(application(view, **{"aiopyramid.cancel_on_disconnect": "true"}))
    )
    await began.wait()
    server.tell("http.disconnect")
    await task  # which is not cancelled itself
    assert server.sent == []


async def test_who_asks_after_the_response_is_not_told_and_the_server_is_not_asked(
    application, fake_server
):
    kept, told = [], []

    async def view(request):
        kept.append(request.environ["aiopyramid.on_disconnect"])
        return Response("hello")

    server = fake_server()
    await server.call(application(view))
    kept[0](lambda: told.append(True))
    server.tell("http.disconnect")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told == []
    assert server.events.qsize() == 1


async def test_a_thread_that_asks_while_the_response_ends_does_not_ask_the_server(
    application, fake_server, monkeypatch, soon
):
    asks, has_ended, told = threading.Event(), threading.Event(), []

    class Slow(_exchange.Exchange):
        """One whose response ends after a thread has seen that it has not."""

        __slots__ = ()

        @property
        def _has_answered(self):
            has_answered = super()._has_answered
            if threading.current_thread() is not threading.main_thread():
                asks.set()
                assert has_ended.wait(30)
            return has_answered

        @_has_answered.setter
        def _has_answered(self, value):
            _exchange.Exchange._has_answered.__set__(self, value)

    def ask(request):
        request.environ["aiopyramid.on_disconnect"](lambda: told.append(True))

    thread = None

    async def view(request):
        nonlocal thread
        thread = threading.Thread(target=ask, args=(request,))
        thread.start()
        await soon(asks.is_set)
        return Response("hello")

    monkeypatch.setattr(_application, "Exchange", Slow)
    server = fake_server()
    await server.call(application(view))
    has_ended.set()
    await asyncio.to_thread(thread.join)
    server.tell("http.disconnect")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told == []
    assert server.events.qsize() == 1


async def test_threads_that_ask_at_the_same_time_are_all_told(application, fake_server, soon):
    threads, told, end = 8, [], threading.Event()

    def view(request):
        start = threading.Barrier(threads)

        def ask(number):
            start.wait()
            request.environ["aiopyramid.on_disconnect"](lambda: told.append(number))

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(ask, range(threads)))
        end.wait(30)
        return Response("hello")

    server = fake_server()
    task = asyncio.create_task(server.call(application(view)))
    server.tell("http.disconnect")
    await soon(lambda: len(told) == threads)
    end.set()
    await task
    assert sorted(told) == list(range(threads))


async def test_our_own_cancellation_leaves_nothing_behind_in_the_task_of_the_server(
    application, fake_server
):
    async def view(request):
        async def parts():
            yield b"part"
            await asyncio.sleep(60)

        return Response(app_iter=parts())

    server = fake_server()

    async def serve():
        server.events.put_nowait({"type": "http.disconnect"})
        await server.call(application(view))
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)  # a cancellation that was left would be raised here

    await asyncio.create_task(serve())


async def test_a_cancellation_by_the_server_is_raised_again(application, fake_server, soon):
    began = asyncio.Event()

    async def view(request):
        began.set()
        await asyncio.sleep(60)

    server = fake_server()
    task = asyncio.create_task(server.call(application(view)))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.status == 503


async def test_a_server_whose_send_raises_has_lost_its_client(application, fake_server):
    closed = []

    async def view(request):
        async def parts():
            try:
                while True:
                    yield b"part"
            finally:
                closed.append(True)

        return Response(app_iter=parts())

    server = fake_server()

    async def send(message):
        raise OSError("gone")

    server.send = send
    await server.call(application(view))
    assert closed == [True]


async def test_a_body_that_never_waits_lets_others_run(application, fake_server):
    async def view(request):
        async def parts():
            for _ in range(40):
                yield b"x" * (32 << 10)

        return Response(app_iter=parts())

    turns = []

    async def count():
        while True:
            turns.append(True)
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await fake_server().call(application(view))
    counting.cancel()
    assert len(turns) > 15


async def test_a_request_to_close_is_passed_on_in_http1_only(fake_server):
    application = plain(headers=[("Connection", "close")])
    server = await fake_server().call(application)
    assert server.headers[b"connection"] == b"close"
    server = fake_server(http_version="2")
    server.tell("http.request")
    assert b"connection" not in (await server.call(application)).headers


async def test_a_request_leaves_no_garbage(application, fake_server):
    served = application(hello)
    await fake_server().call(served)
    gc.collect()
    gc.disable()
    try:
        await fake_server().call(served)
        assert gc.collect() < 40  # Pyramid's own
    finally:
        gc.enable()


async def test_another_protocol_is_refused(application):
    with pytest.raises(ScopeNotSupported, match="unsupported ASGI scope: 'webtransport'"):
        await application(hello)({"type": "webtransport"}, None, None)


async def test_settings_of_an_application_in_middleware_are_given_to_asgi(fake_server):
    def middleware(environ, start_response):
        start_response("200 OK", [])
        return [b""]

    served = asgi(middleware, {"aiopyramid.asgi.body_limit_bytes": "1"})
    server = fake_server(method="POST", headers=[(b"content-length", b"2")])
    assert (await server.call(served)).status == 413


def test_an_invalid_setting_is_named():
    with pytest.raises(ConfigurationError, match=r"aiopyramid\.asgi\.trusted_proxies is 'me'"):
        asgi(lambda: None, {"aiopyramid.asgi.trusted_proxies": "me"})


# --- Lifespan -------------------------------------------------------------------------------------


@pytest.fixture
def living():
    """An application that notes its start and its end."""
    config = Configurator()
    config.include("aiopyramid_asgi")
    config.registry.notes = notes = []
    config.add_startup(lambda registry: notes.append("started"))
    config.add_shutdown(lambda registry: notes.append("stopped"))
    config.add_view(hello)
    application = config.make_asgi_app()
    application.notes = notes
    return application


async def test_the_lifespan_starts_and_stops_the_application(living, fake_server):
    server = fake_server(type="lifespan")
    server.tell("lifespan.startup")
    task = asyncio.create_task(server.call(living))
    await asyncio.sleep(0.01)
    assert living.notes == ["started"]
    server.tell("lifespan.shutdown")
    await task
    assert [each["type"] for each in server.sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert living.notes == ["started", "stopped"]


@pytest.mark.parametrize(("before", "after"), [(700, 10_000), (5000, 5000)])
async def test_a_server_that_starts_the_application_collects_garbage_less_often(
    living, fake_server, before, after
):
    new_objects, *others = gc.get_threshold()
    gc.set_threshold(before, *others)
    try:
        async with living.lifespan():  # mounted: the process is another application's
            assert gc.get_threshold()[0] == before
        server = fake_server(type="lifespan")
        server.tell("lifespan.startup")
        server.tell("lifespan.shutdown")
        await server.call(living)
        assert gc.get_threshold() == (after, *others)
    finally:
        gc.set_threshold(new_objects, *others)


@pytest.fixture
def forgotten():
    """Collect the application afterwards: later tests start all applications of the process."""
    yield
    gc.collect()


async def test_an_application_that_cannot_start_says_why(fake_server, forgotten):
    def fail(registry):
        raise OSError("no database")

    config = Configurator()
    config.include("aiopyramid_asgi")
    config.add_startup(fail)
    server = fake_server(type="lifespan")
    server.tell("lifespan.startup")
    await server.call(config.make_asgi_app())
    assert [each["type"] for each in server.sent] == ["lifespan.startup.failed"]
    assert "no database" in server.sent[0]["message"]


async def test_an_application_that_cannot_start_leaves_the_handlers_of_signals(forgotten):
    def fail(registry):
        raise OSError("no database")

    config = Configurator()
    config.include("aiopyramid_asgi")
    config.add_startup(fail)
    application = config.make_asgi_app()

    def handler(number, frame):
        raise AssertionError

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with pytest.raises(StartupError):
            await application.start()
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_a_server_without_a_lifespan_starts_it_with_the_first_request(living, fake_server):
    await fake_server().call(living)
    assert living.notes == ["started"]


async def test_the_lifespan_of_another_application_may_be_this_ones(living):
    async with living.lifespan(None):
        assert living.notes == ["started"]
    assert living.notes == ["started", "stopped"]


# --- The end --------------------------------------------------------------------------------------


async def test_a_signal_ends_event_streams_and_reaches_the_server_too(application, fake_server):
    async def view(request):
        async def ticks():
            while True:
                yield "tick"
                await asyncio.sleep(0.001)

        return EventStreamResponse(ticks())

    told = []
    before = signal.signal(signal.SIGTERM, lambda *args: told.append("server"))
    try:
        served = application(view)
        async with served.lifespan():
            server = fake_server()
            task = asyncio.create_task(server.call(served))
            while b"tick" not in server.body:
                await asyncio.sleep(0.001)
            signal.raise_signal(signal.SIGTERM)
            await task
            assert server.is_complete
            assert re.search(rb"retry: \d{3}\n\n$", server.body)
        assert told == ["server"]
        signal.raise_signal(signal.SIGTERM)
        assert told == ["server", "server"]
    finally:
        signal.signal(signal.SIGTERM, before)


async def end_under_a_stream(application, fake_server, response, graceful_timeout):
    """Stop a server that sends a response without an end; return the seconds that takes."""

    async def view(request):
        async def parts():
            yield b"part"
            await asyncio.sleep(60)

        return response(parts())

    served = application(view, **{"aiopyramid.asgi.graceful_timeout": graceful_timeout})
    server = fake_server()
    task = asyncio.create_task(server.call(served))
    while not server.sent:
        await asyncio.sleep(0.001)
    served._stopping.begin()
    began = time.monotonic()
    await task
    return time.monotonic() - began


async def test_an_event_stream_that_knows_nothing_of_the_end_is_cut_at_once(
    application, fake_server
):
    def response(parts):
        return Response(app_iter=parts, content_type="text/event-stream")

    assert await end_under_a_stream(application, fake_server, response, "50") < 10


async def test_an_event_stream_that_is_not_to_end_has_the_graceful_timeout(
    application, fake_server
):
    def response(parts):
        async def texts():
            async for part in parts:
                yield part.decode()

        return EventStreamResponse(texts(), ends_on_stop=False)

    assert await end_under_a_stream(application, fake_server, response, "0.05") >= 0.05


async def test_what_is_left_after_the_graceful_timeout_is_broken_off(application, fake_server):
    began = asyncio.Event()

    async def view(request):
        async def parts():
            yield b"part"
            began.set()
            await asyncio.sleep(60)

        return Response(app_iter=parts(), content_length=1000)

    served = application(view, **{"aiopyramid.asgi.graceful_timeout": "0.01"})
    server = fake_server()
    task = asyncio.create_task(server.call(served))
    await began.wait()
    served._stopping.begin()
    await task
    assert not server.is_complete
