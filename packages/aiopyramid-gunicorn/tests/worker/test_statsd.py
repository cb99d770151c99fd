"""worker: what gunicorn's logger for statsd sends, over a real socket."""

import contextlib
import socket

import pytest
from server_process import PATIENCE_SECONDS


@pytest.fixture
def statsd():
    """Stand in for a statsd: return a function that waits for so many metrics that begin so."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PATIENCE_SECONDS)
        received = []

        def wait_for(name, times=1):
            def found():
                return [metric for metric in received if metric.startswith(name)]

            while len(found()) < times:
                received.append(sock.recv(1 << 16).decode())
            return found()

        wait_for.address = f"127.0.0.1:{sock.getsockname()[1]}"
        yield wait_for


def test_requests_are_counted_and_timed_with_prefix_and_tags(gunicorn, statsd):
    tags = ("--dogstatsd-tags", "site:a,zone:b")
    server = gunicorn("--statsd-host", statsd.address, "--statsd-prefix", "shop", *tags)
    for path in ("/hello", "/hello", "/absent"):
        server.get(path)
    end = "|#site:a,zone:b"
    assert set(statsd("shop.gunicorn.requests:", times=3)) == {
        f"shop.gunicorn.requests:1|c|@1.0{end}"
    }
    assert len(statsd("shop.gunicorn.request.status.200:1|c", times=2)) == 2
    assert len(statsd("shop.gunicorn.request.status.404:1|c")) == 1
    (duration, *_) = statsd("shop.gunicorn.request.duration:", times=3)
    milliseconds = duration.removesuffix(f"|ms{end}").rpartition(":")[2]
    assert 0 < float(milliseconds) < PATIENCE_SECONDS * 1000


def test_an_invalid_request_is_counted_too(gunicorn, statsd):
    server = gunicorn("--statsd-host", statsd.address)
    server.talk(b"garbage\r\n\r\n")
    assert statsd("gunicorn.request.status.400:1|c")
    assert statsd("gunicorn.log.warning:1|c")


def test_the_number_of_workers_is_told(gunicorn, statsd):
    gunicorn("--statsd-host", statsd.address, "--workers", "2")
    assert statsd("gunicorn.workers:2|g")
