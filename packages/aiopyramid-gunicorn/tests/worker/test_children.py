"""worker: child processes that the application forks have nothing to do with their worker."""

import contextlib
import os
import signal
import socket

import pytest


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def server(request, served_by, tmp_path_factory):
    """One gunicorn with one worker, on each kind of loop."""
    hidden = tmp_path_factory.mktemp("hidden")
    if request.param == "asyncio":
        (hidden / "uvloop.py").write_text("raise ImportError('hidden by the test')")
    with served_by(app="children_app:main()", PYTHONPATH=str(hidden)) as server:
        yield server


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        ("killed_at_once", "-15"),
        ("killed_later", "-15"),
        ("killed_in_pool", "broken"),
        ("child_that_awaits", "42, 0"),
    ],
)
@pytest.mark.parametrize("view", ["in_coroutine", "in_thread"])
def test_what_becomes_of_a_child_does_not_concern_its_worker(server, view, act, outcome):
    worker = server.get("/pid")
    for _ in range(5 if act == "killed_at_once" else 1):
        assert server.get(f"/{view}/{act}") == (200, outcome)
        assert server.get("/pid") == worker
    assert server.output.count("Booting worker") == 1
    assert server.output.count("startup in") == 1
    assert "shutdown in" not in server.output


@contextlib.contextmanager
def client_of(server):
    """A client that keeps its connection after an answer."""
    with socket.create_connection(("127.0.0.1", server.port), 20) as client:
        client.sendall(b"GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        yield client


@pytest.mark.parametrize("view", ["in_coroutine", "in_thread"])
def test_a_child_that_lives_on_does_not_keep_the_connections_of_its_worker(server, view):
    worker = int(server.get("/pid")[1])
    with client_of(server) as client:
        child = int(server.get(f"/{view}/child_that_lives_on")[1])
        try:
            os.kill(worker, signal.SIGKILL)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1000) == b""
            os.kill(child, 0)  # it is still there
        finally:
            os.kill(child, signal.SIGTERM)


@pytest.mark.parametrize("view", ["in_coroutine", "in_thread"])
def test_a_child_that_lives_on_does_not_keep_the_port(gunicorn, view):
    server = gunicorn(app="children_app:main()")
    port = server.port
    child = int(server.get(f"/{view}/child_that_lives_on")[1])
    try:
        server.signal(signal.SIGQUIT)
        server.popen.wait(30)
        os.kill(child, 0)  # it is still there
        with socket.create_server(("127.0.0.1", port)):
            pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_child_that_is_forked_while_the_worker_stops_keeps_nothing_open(gunicorn, tmp_path, loop):
    if loop == "asyncio":
        (tmp_path / "uvloop.py").write_text("raise ImportError('hidden by the test')")
    server = gunicorn(app="children_app:main()", PYTHONPATH=str(tmp_path))
    server.get("/pid")
    answer = server.get_later("/in_thread/child_that_lives_on_later")
    server.said("a child is to come")
    server.signal(signal.SIGTERM)
    status, child = answer()
    try:
        assert status == 200
        server.said("Shutting down: Master")
        assert "keeps open" not in server.output
    finally:
        os.kill(int(child), signal.SIGTERM)
