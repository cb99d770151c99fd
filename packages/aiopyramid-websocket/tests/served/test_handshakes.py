"""Opening handshakes on gunicorn, and what is answered over HTTP."""

import base64
import http.client
import socket

import pytest
from server_process import PATIENCE_SECONDS
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode

KEY = base64.b64encode(b"0123456789abcdef").decode()
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}


@pytest.fixture
def ask(served):
    """Send one request; return status, headers and text."""

    def ask(path="/ws", method="GET", body=None, **fields):
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            if response.status == 101:
                return response.status, response.headers, ""
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    return ask


def changed(**fields):
    """Return the handshake with fields replaced, or left out where they are None."""
    new = HANDSHAKE | {name.replace("_", "-"): value for name, value in fields.items()}
    return {name: value for name, value in new.items() if value is not None}


def test_a_good_handshake_is_answered_with_the_key_of_the_rfc(ask):
    # RFC 6455, 1.3.
    fields = changed(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==")
    status, headers, _ = ask(**fields)
    assert status == 101
    assert headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert (headers["Upgrade"], headers["Connection"].lower()) == ("websocket", "upgrade")


def test_an_ordinary_get_is_told_to_upgrade(ask):
    status, headers, text = ask()
    assert (status, headers["Upgrade"]) == (426, "websocket")
    assert headers["Connection"].lower() == "upgrade"
    assert "use a WebSocket client" in text


@pytest.mark.parametrize(
    "fields",
    [
        changed(Sec_WebSocket_Key=None),
        changed(Sec_WebSocket_Key="short"),
        changed(Sec_WebSocket_Key="Ä" * 22),
        changed(Sec_WebSocket_Extensions="; broken"),
        changed(Sec_WebSocket_Protocol="a b"),
    ],
)
def test_a_bad_handshake_is_400(ask, fields):
    assert ask(**fields)[0] == 400


def test_a_body_is_400_even_if_nothing_is_in_it(ask, served):
    assert ask(**changed(Content_Length="1"), body="x")[0] == 400
    assert ask(**changed(Transfer_Encoding="chunked"), body="0\r\n\r\n")[0] == 400
    assert "Traceback" not in served.output


def test_another_version_is_426_with_ours(ask):
    status, headers, _ = ask(**changed(Sec_WebSocket_Version="8"))
    assert (status, headers["Sec-WebSocket-Version"]) == (426, "13")


def test_another_method_is_405(ask):
    status, headers, _ = ask(method="POST", **HANDSHAKE)
    assert (status, headers["Allow"]) == (405, "GET")


def test_not_found_is_404(ask):
    assert ask("/nowhere", **HANDSHAKE)[0] == 404


def test_forbidden_is_403_over_http(ask):
    assert ask("/secret", **HANDSHAKE)[0] == 403
    assert ask("/secret?user=somebody", **HANDSHAKE)[0] == 101


def test_a_page_of_another_site_is_403(ask, served):
    status, _, text = ask(Origin="https://evil.example", **HANDSHAKE)
    assert status == 403
    assert "the origin 'https://evil.example' is neither this site's" in text
    served.said("/ws: the origin 'https://evil.example' is neither this site's")
    assert ask(Origin=f"http://127.0.0.1:{served.port}", **HANDSHAKE)[0] == 101


def test_an_upgrade_that_a_tween_declines_is_an_ordinary_response(ask, served):
    status, headers, text = ask("/ws?refuse=1", **HANDSHAKE)
    assert (status, text) == (418, "refused by a tween")
    assert "Upgrade" not in headers
    served.said(r"tween's callback for /ws\?refuse=1")


def test_subprotocols_are_ours_in_our_order(served):
    client = served.connect("/limited", subprotocols=["a", "b"])
    assert (client.recv(), client.subprotocol) == ("b", "b")
    client.close()
    served.said("tween's callback for /limited")
    client = served.connect("/limited")
    assert client.recv() == "None"


def test_the_application_accepts_or_refuses_before_the_101(ask, served):
    client = served.connect("/admitted", subprotocols=["other", "admitted"])
    assert (client.recv(), client.subprotocol) == ("admitted", "admitted")
    assert client.response.headers["X-Admitted"] == "yes"
    assert ask("/admitted?away", **HANDSHAKE)[0] == 410
    assert ask("/admitted", **HANDSHAKE)[0] == 500  # the client does not offer the subprotocol
    served.said("InvalidAcceptance: accept chose the subprotocol 'admitted'")


def test_one_connection_too_many_is_503(served):
    served.connect("/limited").recv()
    with pytest.raises(InvalidStatus) as raised:
        served.connect("/limited")
    assert raised.value.response.status_code == 503
    served.said(r"all 1 connections are taken \(aiopyramid.websocket.max_connections\)")


def test_what_comes_right_after_the_handshake_is_not_lost(served):
    head = "".join(f"{name}: {value}\r\n" for name, value in HANDSHAKE.items())
    frames = Frame(Opcode.TEXT, b"early").serialize(mask=True)
    with socket.create_connection(("127.0.0.1", served.port), PATIENCE_SECONDS) as sock:
        sock.sendall(f"GET /ws?early HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode() + frames)
        got = b""
        while not got.endswith(b"\x81\x05early"):
            data = sock.recv(1000)
            assert data
            got += data
        # Gone with a bang: the worker must not care.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    served.said(r"tween's callback for /ws\?early")
    assert "Traceback" not in served.output
