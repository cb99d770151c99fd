"""streaming: async iterators as response bodies, on servers that know only synchronous ones."""

import asyncio
import http.client
import socket
import struct
import threading
from contextlib import closing
from contextvars import ContextVar, copy_context
from socketserver import ThreadingMixIn
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

import pytest
from pyramid.response import Response
from webob import Request

from aiopyramid_core import ScopeError, await_, call_off_loop, spawn_greenlet, synchronize
from aiopyramid_core._bodies import END_OF_BODY, SynchronousBody, make_body_portable
from aiopyramid_core.streaming import AsyncBody, EventStreamResponse

colour: ContextVar[str] = ContextVar("colour", default="none")
PATIENCE_SECONDS = 20


@synchronize
async def pause():
    await asyncio.sleep(0)


def streaming(body):
    """Configure a view whose response body is an async iterator, made by ``body()``."""

    async def view(request):
        return Response(app_iter=body())

    return lambda config: config.add_view(view)


async def two_parts():
    yield b"one, "
    await asyncio.sleep(0)
    yield b"two"


def test_an_async_iterator_is_wrapped_and_anything_else_is_not():
    body = [b"list"]
    response = Response(app_iter=body)
    make_body_portable(response)
    assert response.app_iter is body
    response = Response(app_iter=two_parts())
    make_body_portable(response)
    assert type(response.app_iter) is AsyncBody


def test_a_response_without_a_body_attribute_is_left_alone():
    make_body_portable(object())


def test_the_length_of_a_body_is_kept_if_it_is_known(application):
    async def view(request):
        return Response(app_iter=two_parts(), content_length=8)

    response = Request.blank("/").get_response(application(lambda config: config.add_view(view)))
    assert response.headers.get("Content-Length") == "8"


# --- Iterated as a synchronous body, in a greenlet and in a thread --------------------------------


@pytest.fixture(params=["greenlet", "thread"])
def call(request, run):
    """Call a function where a server of ours calls an application, and where others do."""
    if request.param == "thread":
        # In a context of the test's own: what a body sets there must not stay in this thread.
        return lambda function: copy_context().run(function)
    return lambda function: run(spawn_greenlet, function)


def test_all_parts_arrive(call, application):
    app = application(streaming(two_parts))
    assert call(lambda: list(Request.blank("/").get_response(app).app_iter)) == [b"one, ", b"two"]


def test_a_middleware_may_change_the_parts(call, application):
    def middleware(environ, start_response):
        body = app(environ, start_response)
        try:
            for part in body:
                yield part.upper()
        finally:
            body.close()

    app = application(streaming(two_parts))
    assert call(lambda: Request.blank("/").get_response(middleware).body) == b"ONE, TWO"


def test_a_body_that_is_closed_early_runs_its_finally_clauses(call, application):
    log = []

    async def body():
        try:
            yield b"one"
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    app = application(streaming(body))

    def first_part_only():
        body = Request.blank("/").get_response(app).app_iter
        part = next(body)
        body.close()
        return part

    assert call(first_part_only) == b"one"
    assert log == ["closed"]


def test_a_body_may_be_closed_before_its_first_part_and_twice(call, application, no_warnings):
    app = application(streaming(two_parts))

    def close():
        body = Request.blank("/").get_response(app).app_iter
        body.close()
        body.close()
        return list(body)

    assert call(close) == []


def test_a_body_without_aclose_may_be_closed(call, application):
    class Numbers:
        def __init__(self):
            self.left = 2

        def __aiter__(self):
            return self

        async def __anext__(self):
            await asyncio.sleep(0)
            if not self.left:
                raise StopAsyncIteration
            self.left -= 1
            return b"%d" % self.left

    app = application(streaming(Numbers))

    def read():
        body = Request.blank("/").get_response(app).app_iter
        parts = list(body)
        body.close()
        return parts

    assert call(read) == [b"1", b"0"]


def test_an_error_in_the_body_reaches_who_iterates(call, application):
    async def body():
        yield b"one"
        await asyncio.sleep(0)
        raise LookupError("no more rows")

    app = application(streaming(body))

    def read():
        body = Request.blank("/").get_response(app).app_iter
        assert next(body) == b"one"
        with pytest.raises(LookupError, match="no more rows"):
            next(body)
        return list(body)

    assert call(read) == []


def test_a_body_may_call_synchronous_code_that_calls_coroutines(call, application):
    async def body():
        pause()
        yield b"one"
        pause()

    app = application(streaming(body))
    assert call(lambda: Request.blank("/").get_response(app).body) == b"one"


def test_context_variables_that_are_set_in_a_body_persist_over_its_parts(call, application):
    async def body():
        colour.set("red")
        yield colour.get().encode()
        await asyncio.sleep(0)
        yield colour.get().encode()

    app = application(streaming(body))
    assert call(lambda: list(Request.blank("/").get_response(app).app_iter)) == [b"red"] * 2


def test_a_body_may_reset_a_context_variable_that_it_has_set(call, application):
    # A context variable that is set and reset, as by tracing and logging libraries.
    async def body():
        token = colour.set("red")
        try:
            yield colour.get().encode()
            await asyncio.sleep(0)
        finally:
            colour.reset(token)
        yield colour.get().encode()

    app = application(streaming(body))
    parts = call(lambda: list(Request.blank("/").get_response(app).app_iter))
    assert parts == [b"red", b"none"]


@pytest.mark.parametrize("parts_asked_for", [1, 3])
def test_a_synchronous_body_in_threads_may_reset_one_too(run, parts_asked_for):
    closed = []

    def body():
        token = colour.set("red")
        try:
            yield b"first"
            yield colour.get().encode()
        finally:
            colour.reset(token)
            closed.append((colour.get(), threading.current_thread()))

    def serve():
        parts = SynchronousBody(body())
        served = [call_off_loop(parts.next) for _ in range(parts_asked_for)]
        await_(parts.close())
        return served

    async def main():
        return await spawn_greenlet(serve)

    assert run(main) == [b"first", b"red", END_OF_BODY][:parts_asked_for]
    [(seen, thread)] = closed
    assert seen == "none"
    assert thread is not threading.current_thread()


def test_a_body_may_hold_a_time_limit_over_its_parts(call, application):
    async def body():
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield b"one"
            await asyncio.sleep(0)
            yield b"two"

    app = application(streaming(body))
    assert call(lambda: list(Request.blank("/").get_response(app).app_iter)) == [b"one", b"two"]


def test_on_the_loops_own_thread_a_body_is_iterated_in_a_greenlet_or_not_at_all(run):
    # To wait for the loop there is to stop it forever, when it is the one that serves.
    async def main():
        body = AsyncBody(two_parts())
        with pytest.raises(ScopeError):
            next(body)
        await body.aclose()

    run(main)


# --- A real server with threads -------------------------------------------------------------------


class Server(ThreadingMixIn, WSGIServer):
    """The standard library's, a thread for each request."""

    daemon_threads = True


class QuietHandler(ServerHandler):
    def log_exception(self, exc_info):
        """Errors are what the tests below are about."""


class QuietRequestHandler(WSGIRequestHandler):
    def handle(self):
        self.raw_requestline = self.rfile.readline(65537)
        self.requestline = self.request_version = self.command = ""
        if self.parse_request():
            handler = QuietHandler(self.rfile, self.wfile, self.get_stderr(), self.get_environ())
            handler.request_handler = self
            handler.run(self.server.get_app())

    def log_message(self, *args):
        """Not in the output of the tests."""


@pytest.fixture
def serve():
    """Serve an application from a thread; return the port."""
    servers = []

    def serve(app):
        server = Server(("127.0.0.1", 0), QuietRequestHandler)
        server.set_app(app)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return server.server_port

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_client_gets_each_part_when_it_is_produced(serve, application):
    go_on = threading.Event()

    async def body():
        yield b"one\n"
        await asyncio.to_thread(go_on.wait, PATIENCE_SECONDS)
        yield b"two\n"

    connection = http.client.HTTPConnection(
        "127.0.0.1", serve(application(streaming(body))), timeout=PATIENCE_SECONDS
    )
    with closing(connection):
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.readline() == b"one\n"
        go_on.set()
        assert response.read() == b"two\n"


def vanish_with_fin(sock):
    sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def vanish_with_rst(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.mark.parametrize("vanish", [vanish_with_fin, vanish_with_rst])
def test_the_generator_of_an_event_stream_is_closed_when_the_client_goes(
    serve, application, vanish
):
    closed = threading.Event()

    async def events():
        try:
            yield "one"
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            closed.set()

    async def view(request):
        return EventStreamResponse(events(), heartbeat_seconds=0.02)

    port = serve(application(lambda config: config.add_view(view)))
    sock = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
    sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
    received = b""
    while b"data: one\n\n" not in received:
        received += sock.recv(4096)
    assert not closed.is_set()
    vanish(sock)
    assert closed.wait(PATIENCE_SECONDS)


def test_an_error_in_the_body_cuts_the_response_short_and_the_server_goes_on(serve, application):
    async def body():
        yield b"one"
        raise LookupError("no more rows")

    async def view(request):
        return Response(app_iter=body(), content_length=10)

    port = serve(application(lambda config: config.add_view(view)))
    for _ in range(2):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        with closing(connection):
            connection.request("GET", "/")
            with pytest.raises(http.client.IncompleteRead):
                connection.getresponse().read()
