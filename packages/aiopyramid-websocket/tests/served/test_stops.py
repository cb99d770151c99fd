"""The end of connections when gunicorn stops or reloads."""

import signal

import pytest
from websockets.exceptions import ConnectionClosed


def close_code(client):
    """Wait for the end of a connection; return its code."""
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=20)
    return client.close_code


def test_clients_are_told_at_once_and_the_worker_ends_soon(gunicorn):
    served = gunicorn("--graceful-timeout", "30")
    clients = [served.connect() for _ in range(20)]
    served.signal(signal.SIGTERM)
    assert {close_code(client) for client in clients} == {1012}
    assert served.ended() < 15
    assert "Traceback" not in served.output


@pytest.mark.parametrize("graceful_timeout", ["30", "2"])
def test_clients_whose_turn_comes_later_are_told_while_the_worker_waits(gunicorn, graceful_timeout):
    served = gunicorn("--graceful-timeout", graceful_timeout)
    clients = [served.connect() for _ in range(100)]
    served.signal(signal.SIGTERM)
    assert {close_code(client) for client in clients} == {1012}
    assert served.ended() < 15


def test_a_handler_has_time_to_tidy_up(gunicorn):
    served = gunicorn("--graceful-timeout", "30")
    client = served.connect("/stubborn")
    client.send("0.5")
    client.recv()
    served.signal(signal.SIGTERM)
    assert close_code(client) == 1012
    served.ended()
    served.said("closed with 1012")
    served.said("has tidied up")


def test_a_handler_has_all_of_the_graceful_timeout(gunicorn):
    served = gunicorn("--graceful-timeout", "30", "--env", "SHUTDOWN_TIMEOUT=0.1")
    client = served.connect("/stubborn")
    client.send("2")
    client.recv()
    served.signal(signal.SIGTERM)
    assert close_code(client) == 1012
    served.ended()
    served.said("has tidied up")


def test_a_handler_that_takes_too_long_is_broken_off(gunicorn):
    served = gunicorn("--graceful-timeout", "3")
    client = served.connect("/stubborn")
    client.send("1000")
    client.recv()
    served.signal(signal.SIGTERM)
    assert close_code(client) == 1012
    assert served.ended() < 15
    assert "has tidied up" not in served.output


def test_a_client_that_does_not_answer_does_not_hold_up_the_end(gunicorn):
    served = gunicorn("--graceful-timeout", "3")
    client = served.connect()
    client.socket.shutdown(0)  # reads nothing any more, and so never answers
    served.signal(signal.SIGTERM)
    assert served.ended() < 15


def test_a_reload_serves_new_clients_while_the_old_ones_go(gunicorn):
    served = gunicorn("--graceful-timeout", "30")
    old = served.connect()
    served.signal(signal.SIGHUP)
    assert close_code(old) == 1012
    served.said("Booting worker", times=2)
    new = served.connect()
    new.send("hello")
    assert new.recv() == "hello"


def test_max_requests_restarts_the_worker_with_1012(gunicorn):
    served = gunicorn("--max-requests", "2")
    first = served.connect()
    served.connect()
    assert close_code(first) == 1012
    served.said("Autorestarting worker")
