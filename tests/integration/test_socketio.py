"""`python-socketio` around a Pyramid application: its clients get their events by polling.

Its WebSockets want the connection's socket, which no event loop can give away.
"""

import queue
import urllib.request

import pytest
import socketio
from server_process import PATIENCE_SECONDS

from aiopyramid_core.testing import serving

CLIENTS = 3
EVENTS = 5


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request, monkeypatch, tmp_path):
    if request.param == "asyncio":
        (tmp_path / "uvloop.py").write_text("raise ImportError('left out')")
        monkeypatch.syspath_prepend(tmp_path)


def talk(url):
    """Have clients say things; return how they were connected in the end."""
    transports = set()
    clients = [socketio.Client(reconnection=False) for _ in range(CLIENTS)]
    try:
        for number, client in enumerate(clients):
            said = queue.Queue()
            client.on("said", said.put)
            client.connect(url, wait_timeout=PATIENCE_SECONDS)
            data = [{"client": number, "event": event} for event in range(EVENTS)]
            for each in data:
                assert client.call("echo", each, timeout=PATIENCE_SECONDS) == each
            assert [said.get(timeout=PATIENCE_SECONDS) for _ in data] == data
            transports.add(client.transport())
    finally:
        for client in clients:
            client.disconnect()
    return transports


def get(url):
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as response:
        return response.read()


@pytest.mark.usefixtures("loop")
def test_clients_talk_to_a_server_that_offers_polling():
    with serving("socketio_site:main", "gunicorn", {"transports": "polling"}) as served:
        assert talk(served.url) == {"polling"}
        assert get(served.url + "/hello") == b"hello"
        assert "Traceback" not in served.log


def test_clients_stay_with_polling_when_websockets_are_offered_in_vain():
    with serving("socketio_site:main", "gunicorn", {"transports": "polling websocket"}) as served:
        assert talk(served.url) == {"polling"}
        assert get(served.url + "/hello") == b"hello"
        assert "Cannot obtain socket from WSGI environment" in served.log
