"""worker: it ends in time, whatever the application has left behind."""

import os
import re
import signal
import socket

import pytest

APP = "ending_app:main()"


@pytest.mark.parametrize("view", ["stubborn_task", "stubborn_generator"])
def test_what_refuses_to_be_cancelled_does_not_keep_the_worker_from_its_end(gunicorn, view):
    server = gunicorn("--graceful-timeout", "30", app=APP)
    assert server.get(f"/{view}")[0] == 200
    server.end(signal.SIGTERM)
    server.said("Worker exiting")  # which one that was killed does not say
    if view == "stubborn_task":
        server.said("'the stubborn task' is still running after its cancellation")


def test_a_reloaded_worker_does_not_live_on_because_a_thread_blocks(gunicorn):
    server = gunicorn("--graceful-timeout", "4", "--timeout", "0", app=APP)
    assert server.get("/thread")[0] == 200
    old = int(server.said(r"Booting worker with pid: (\d+)")[1])
    server.signal(signal.SIGHUP)
    server.said("exits without waiting any longer for its threads: the blocked thread")
    server.until(lambda: not _is_running(old))
    assert server.get("/thread")[0] == 200


def test_a_thread_may_end_what_it_does_while_there_is_time(gunicorn):
    server = gunicorn("--graceful-timeout", "30", app=APP)
    assert server.get("/brief_thread")[0] == 200
    server.end(signal.SIGTERM)
    assert "the thread has ended" in server.output


def test_shutdown_functions_end_though_requests_were_broken_off(gunicorn):
    server = gunicorn("--graceful-timeout", "30", app=APP)
    wait = server.get_later("/wait_forever")
    server.said("came to wait_forever")
    server.end(signal.SIGINT)
    server.said("broke off 1 requests")
    assert "shut down" in server.output.splitlines()
    wait()


def test_event_streams_end_at_once_and_their_clients_are_to_come_again(gunicorn):
    server = gunicorn("--graceful-timeout", "60", app=APP)
    with socket.create_connection(("127.0.0.1", server.port), 30) as client:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
        stream = b""
        while b"data: tick" not in stream:
            stream += client.recv(1000)
        server.signal(signal.SIGTERM)
        while part := client.recv(1000):
            stream += part
    # Two seconds are for idle connections, and two more for the shutdown function.
    assert server.ended() < 30
    assert re.search(rb"retry: \d{3}\n\n\r\n0\r\n\r\n$", stream)
    lines = server.output.splitlines()
    assert lines.index("stopping") < lines.index("shut down")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
