"""The end of connections when uWSGI stops or reloads."""

import signal

import pytest
from websockets.exceptions import ConnectionClosed


def close_code(client):
    """Wait for the end of a connection; return its code."""
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=20)
    return client.close_code


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_clients_are_told_at_once_and_the_worker_ends_soon(uwsgi, kind):
    served = uwsgi(settings={"aiopyramid.uwsgi.loop": kind})
    clients = [served.connect() for _ in range(20)]
    served.signal(signal.SIGINT)
    assert {close_code(client) for client in clients} == {1012}
    assert served.ended() < 15
    assert "Traceback" not in served.output


def test_a_handler_has_time_to_tidy_up(uwsgi):
    served = uwsgi()
    client = served.connect("/stubborn")
    client.send("0.5")
    client.recv()
    served.signal(signal.SIGINT)
    assert close_code(client) == 1012
    served.ended()
    served.said("closed with 1012")
    served.said("has tidied up")


def test_a_handler_that_takes_too_long_is_broken_off(uwsgi):
    served = uwsgi(settings={"aiopyramid.uwsgi.graceful_timeout": "1"})
    client = served.connect("/stubborn")
    client.send("1000")
    client.recv()
    served.signal(signal.SIGINT)
    assert close_code(client) == 1012
    assert served.ended() < 15
    assert "has tidied up" not in served.output


def test_a_client_that_does_not_answer_does_not_hold_up_the_end(uwsgi):
    served = uwsgi(settings={"aiopyramid.uwsgi.graceful_timeout": "1"})
    client = served.connect()
    client.socket.shutdown(0)  # reads nothing any more, and so never answers
    served.signal(signal.SIGINT)
    assert served.ended() < 15


def test_a_reload_serves_new_clients_when_the_old_ones_have_gone(uwsgi):
    served = uwsgi()
    old = [served.connect() for _ in range(20)]
    served.signal(signal.SIGHUP)
    assert {close_code(client) for client in old} == {1012}
    served.said("spawned uWSGI worker", times=2)
    new = served.connect()
    new.send("hello")
    assert new.recv() == "hello"
    assert "Traceback" not in served.output
