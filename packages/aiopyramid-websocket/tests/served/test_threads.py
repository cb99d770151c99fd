"""WebSocket views whose request runs in a thread, as it does below synchronous middleware."""

import concurrent.futures
import threading

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect


def test_a_connection_is_opened_and_answered(served):
    client = served.connect("/ws?in_thread")
    for message in ("hello", b"\x00", "x" * 100_000):
        client.send(message)
        assert client.recv() == message


def test_a_handler_finds_what_its_request_had(served):
    client = served.connect("/surroundings?q=1&in_thread")
    for number in ("1", "2"):
        client.send(number)
        assert client.recv() == f"{number} Ann blue synchronized 1"
    client.close()
    served.said(r"tween's callback for /surroundings\?q=1&in_thread")
    served.said(r"handler's callback for /surroundings\?q=1&in_thread")


def test_a_view_class_is_made_on_the_loop(served):
    assert served.connect("/begun?in_thread").recv() == "True True"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/begun?in_thread&away", 410),
        ("/ws?in_thread&refuse", 418),
        ("/secret?in_thread&user=anybody", 403),
        ("/nowhere?in_thread", 404),
    ],
)
def test_a_connection_that_is_not_opened_is_answered_over_http(served, path, status):
    with pytest.raises(InvalidStatus) as raised:
        served.connect(path)
    assert raised.value.response.status_code == status


def test_the_limit_of_connections_holds_among_threads(served):
    all_tried = threading.Event()

    def ask(_number):
        try:
            with connect(f"ws://127.0.0.1:{served.port}/limited?in_thread") as client:
                client.recv()
                all_tried.wait()
        except InvalidStatus as refused:
            return refused.response.status_code
        return 101

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, number) for number in range(20)]
        served.until(lambda: sum(each.done() for each in asked) >= 19)
        all_tried.set()
        assert sorted(each.result() for each in asked) == [101] + [503] * 19
