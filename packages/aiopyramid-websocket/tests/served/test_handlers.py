"""Handlers on gunicorn: what they find, and how they end."""

import ssl

import pytest
from encrypting_proxy import encrypting_proxy
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK


@pytest.mark.parametrize("path", ["/ws", "/class"])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_the_examples_of_aiopyramid_0_x_run_as_printed(served, path, compression):
    client = served.connect(path, compression=compression)
    for message in ("hello", b"\x00\x01", "", "x" * 100_000):
        client.send(message)
        assert client.recv() == message


def test_a_handler_finds_what_its_request_had(served):
    client = served.connect("/surroundings?q=1")
    for number in ("1", "2"):
        client.send(number)
        assert client.recv() == f"{number} Ann blue synchronized 1"


def test_the_session_cookie_comes_with_the_101(served):
    client = served.connect("/surroundings")
    assert client.response.headers["Set-Cookie"].startswith("session=")


def test_finished_callbacks_run_when_the_handler_ends(served):
    client = served.connect("/surroundings?q=callbacks")
    served.said(r"the tween saw 101 for /surroundings\?q=callbacks")
    client.send("x")
    client.recv()
    assert "callback for /surroundings?q=callbacks" not in served.output
    client.close()
    served.said(r"tween's callback for /surroundings\?q=callbacks")
    served.said(r"handler's callback for /surroundings\?q=callbacks")


def test_a_handler_that_returns_closes_with_1000(served):
    client = served.connect("/returns")
    assert client.recv() == "all"
    with pytest.raises(ConnectionClosedOK):
        client.recv()
    assert client.close_code == 1000


def test_a_handler_that_fails_closes_with_1011_and_is_logged_once(served):
    client = served.connect("/fails")
    client.send("go")
    with pytest.raises(ConnectionClosedError):
        client.recv()
    assert client.close_code == 1011
    served.said("LookupError: a bug")
    served.said("tween's callback for /fails")
    assert served.output.count("LookupError: a bug") == 1
    assert "The WebSocket handler function served_app.fails has failed" in served.output


def test_a_client_that_goes_ends_its_handler_without_a_word(served):
    client = served.connect("/sends_on")
    client.recv()
    client.close()
    served.said("tween's callback for /sends_on")
    assert "Traceback" not in served.output


def test_the_access_log_has_the_101(served):
    served.connect("/ws")
    served.said(r'"GET /ws HTTP/1.1" 101 ')


def test_tls(gunicorn, certificate):
    served = gunicorn("--certfile", certificate[0], "--keyfile", certificate[1])
    trusted = ssl.create_default_context(cafile=certificate[0])
    with encrypting_proxy(served.port, trusted) as port:
        client = served.connect(port=port)
        for message in ("hello", "x" * 1_000_000):
            client.send(message)
            assert client.recv() == message
