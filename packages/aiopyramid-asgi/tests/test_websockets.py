"""WebSockets on real servers, which frame the messages themselves."""

import time
from signal import SIGTERM

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


def ask(server, path="/echo", **options):
    options = {"open_timeout": 30, "close_timeout": 10, "proxy": None} | options
    return connect(f"ws://127.0.0.1:{server.port}{path}", **options)


def test_texts_and_binary_messages_go_both_ways(server):
    with ask(server) as client:
        for message in ("hello", "ünï", b"\x00\xff", "", b"", "x" * 900):
            client.send(message)
            assert client.recv(30) == message


def test_fragments_are_sent_as_one_message(server):
    with ask(server) as client:
        client.send("fragments")
        assert client.recv(30) == "one two"


def test_many_messages_stay_in_order(server):
    with ask(server) as client:
        for number in range(300):
            client.send(str(number))
        assert [client.recv(30) for _ in range(300)] == [str(number) for number in range(300)]


def test_a_subprotocol_of_ours_is_chosen(server):
    with ask(server, subprotocols=["first", "other"]) as client:
        assert client.subprotocol == "first"
    with ask(server, subprotocols=["other"]) as client:
        assert client.subprotocol is None


def test_the_client_sees_the_code_of_the_handler(server):
    with ask(server) as client:
        client.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(30)
    assert closed.value.rcvd.code == 4001
    # granian sends no reason.
    assert closed.value.rcvd.reason in ("as asked", "")


def test_a_handler_that_fails_closes_with_1011(server):
    with ask(server) as client:
        client.send("fail")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(30)
    assert closed.value.rcvd.code == 1011


def test_a_message_beyond_the_limit_closes_with_1009(server):
    with ask(server) as client:
        client.send("x" * 1001)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(30)
    assert closed.value.rcvd.code == 1009


def test_the_handler_ends_with_the_code_of_the_client(server):
    with ask(server) as client:
        client.send("hello")
        client.recv(30)
        client.close(4321)
    server.happens("echo ended with 4321")


def test_the_handler_ends_when_its_client_has_gone(server):
    before = server.get("/what_happened").text.count("echo ended with 1006")
    client = ask(server)
    client.send("hello")
    client.recv(30)
    client.socket.close()
    # daphne says 1006, uvicorn 1005 or 1006, as their libraries do.
    server.until(lambda: "echo ended with 100" in server.get("/what_happened").text[before:])


def test_another_origin_is_refused(server):
    with pytest.raises(InvalidStatus) as refused, ask(server, origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/failing", 500)])
def test_a_refusal_has_its_status_where_the_server_can_send_one(server, path, status):
    with pytest.raises(InvalidStatus) as refused, ask(server, path):
        pass
    can_deny = server.name in ("uvicorn", "hypercorn")
    assert refused.value.response.status_code == (status if can_deny else 403)


def test_a_client_that_does_not_read_stops_the_handler(server):
    client = ask(server, "/flood", max_queue=1)
    server.until(lambda: int(server.get("/taken").text) > 0)
    if server.name != "daphne":  # it keeps everything in memory
        counts = [-1, int(server.get("/taken").text)]
        server.until(lambda: _settles(server, counts))
        assert counts[-1] < 1000  # 64 MB
    client.socket.close()
    server.happens("flood ended")


def _settles(server, counts):
    time.sleep(0.2)
    counts.append(int(server.get("/taken").text))
    return counts[-1] == counts[-2]


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "granian", "daphne"])
def test_a_server_that_stops_asks_its_clients_to_connect_again(start, name):
    server = start(name)
    with ask(server) as client:
        client.send("hello")
        client.recv(30)
        server.signal(SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(30)
    # daphne closes all connections without a word before it lets the application know.
    code = closed.value.rcvd.code if closed.value.rcvd else 1006
    assert code == (1006 if name == "daphne" else 1012)
    assert server.ended() < 10
