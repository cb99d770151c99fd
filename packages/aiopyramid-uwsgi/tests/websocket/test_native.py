"""UWSGIWebSocketMapper, and what uWSGI's native functions can do with TLS in the worker."""

import contextlib
import signal
import ssl

import pytest
from certificates import make_certificate
from encrypting_proxy import encrypting_proxy
from pyramid.exceptions import ConfigurationError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from aiopyramid_uwsgi.websocket import UWSGIWebSocketMapper, UWSGIWebsocketMapper


class Native:
    """A server with TLS, and clients for it."""

    def __init__(self, served, encrypted_port):
        self.served = served
        self.said = served.said
        self._encrypted_port = encrypted_port
        self._stack = contextlib.ExitStack()

    def wss(self, path, **options):
        uri = f"ws://127.0.0.1:{self._encrypted_port}{path}"
        client = connect(uri, proxy=None, close_timeout=1, **options)
        return self._stack.enter_context(client)

    def disconnect(self):
        self._stack.close()
        self.served.disconnect()


@pytest.fixture(scope="module")
def one_native(start_uwsgi, tmp_path_factory):
    certificate, key = make_certificate(tmp_path_factory.mktemp("tls"))
    served = start_uwsgi("--https-socket", f"127.0.0.1:0,{certificate},{key}", module="native_app")
    # The first two are for those without TLS.
    port = served.said(r"bound to TCP address 127\.0\.0\.1:(\d+)", times=3)[1]
    with encrypting_proxy(int(port), ssl.create_default_context(cafile=certificate)) as encrypted:
        yield Native(served, encrypted)


@pytest.fixture
def native(one_native):
    yield one_native
    one_native.disconnect()


@pytest.mark.parametrize("size", [1, 125, 126, 70_000, 1_000_000])
def test_messages_come_back_over_tls(native, size):
    client = native.wss("/echo")
    for _ in range(3):
        client.send(b"x" * size)
        assert client.recv(timeout=20) == b"x" * size


def test_fragments_come_with_a_zero_for_each_before_the_last_and_empty_messages_not(native):
    client = native.wss("/echo")
    client.send([b"one ", b"two"])  # and an empty frame, which ends the message
    client.send(b"")
    client.send(b"end")
    assert [client.recv(timeout=20) for _ in range(4)] == [b"\0", b"\0", b"one two", b"end"]


def test_text_is_received_as_bytes_and_can_be_sent(native):
    client = native.wss("/text")
    client.send("grüß dich")
    assert client.recv(timeout=20) == "grüß dich"


def test_fragments_and_close_codes_are_sent_as_everywhere(native):
    client = native.wss("/fragments", subprotocols=["chat"])
    assert client.subprotocol == "chat"
    client.send("go")
    assert client.recv(timeout=20) == "in two"
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=20)
    assert (client.close_code, client.close_reason) == (4000, "enough")


def test_more_is_sent_than_the_buffers_hold(native):
    client = native.wss("/much")
    client.send("go")
    assert sum(len(client.recv(timeout=20)) for _ in range(100)) == 10_000_000


def test_a_client_that_closes_ends_its_handler(native):
    client = native.wss("/echo")
    client.close(4001)
    native.said("the handler saw 1006")  # its code is not passed on


def test_a_ping_says_that_it_cannot(native):
    message = native.wss("/ping").recv(timeout=20)
    assert message.startswith("ws.ping() does not work with native=True.")


def test_a_stop_tells_the_clients(uwsgi):
    served = uwsgi(module="native_app")
    client = served.connect("/echo")
    client.send("x")
    client.recv(timeout=20)
    served.signal(signal.SIGINT)
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=20)
    assert client.close_code == 1012
    assert served.ended() < 15
    assert "Traceback" not in served.output


def test_the_danger_is_in_the_log_at_start(native):
    native.said(
        "function native_app.echo receives WebSocket messages with uWSGI's native functions"
    )


def test_without_native_there_are_no_websockets_over_tls_in_the_worker(native):
    with pytest.raises(InvalidStatus) as raised:
        native.wss("/framed")
    assert raised.value.response.status_code == 501


def test_native_works_without_tls_as_well(native):
    client = native.served.connect("/echo")
    client.send(b"x")
    assert client.recv(timeout=20) == b"x"


def test_the_mapper_is_by_itself_the_one_of_every_server(native):
    client = native.served.connect("/framed")
    client.send("text")
    assert client.recv(timeout=20) == "text"


# --- Options --------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", [{"compression": "deflate"}, {"ping_interval": 20}])
def test_what_the_native_functions_cannot_do_is_refused_by_name(option):
    with pytest.raises(ConfigurationError, match=next(iter(option))):
        UWSGIWebSocketMapper.configure(native=True, **option)


def test_other_options_are_those_of_every_server():
    assert UWSGIWebSocketMapper.configure(max_size=10).options == {"max_size": 10}


def test_the_spelling_of_0x_is_an_alias():
    assert UWSGIWebsocketMapper is UWSGIWebSocketMapper
