"""The code blocks of aiopyramid 0.x's documentation, on each server that it names."""

from urllib.request import ProxyHandler, build_opener

import pytest
from server_process import ServerProcess
from websockets.sync.client import ClientConnection, connect

# Straight to this machine, whatever proxy the environment names.
open_url = build_opener(ProxyHandler({})).open


def get(server: ServerProcess, path: str) -> str:
    with open_url(server.site + path, timeout=20) as response:
        return response.read().decode()


def open_websocket(server: ServerProcess, path: str) -> ClientConnection:
    address = server.site.replace("http", "ws", 1) + path
    return connect(address, open_timeout=20, close_timeout=20, proxy=None)


def test_a_resource_may_be_a_coroutine(server: ServerProcess) -> None:
    assert get(server, "/page") == "a page"


def test_the_executor_is_the_one_that_the_constructor_has_set(
    server_with_executor: ServerProcess,
) -> None:
    assert get(server_with_executor, "/threads?number=150") == "150"


@pytest.mark.parametrize("path", ["/ws", "/socket"], ids=["function", "class"])
def test_a_websocket_view_echoes(server: ServerProcess, path: str) -> None:
    with open_websocket(server, path) as websocket:
        for message in ("first", "second", b"\x00\xff"):
            websocket.send(message)
            assert websocket.recv(timeout=20) == message


def test_a_websocket_view_does_stuff_with_ws(server: ServerProcess) -> None:
    with open_websocket(server, "/stuff") as websocket:
        assert websocket.recv(timeout=20) == "stuff"


def test_closed_websockets_leave_no_trace_in_the_log(server: ServerProcess) -> None:
    with open_websocket(server, "/ws") as websocket:
        websocket.send("bye")

    assert get(server, "/page") == "a page"
    assert "Traceback" not in server.output
