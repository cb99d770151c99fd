"""proxy_protocol: what a proxy says about its client. Served: worker/test_sockets.py."""

import pytest

from aiopyramid_core.exceptions import BadRequest
from aiopyramid_gunicorn._http1.proxy_protocol import ProxyHeaderReader


def test_an_ipv6_client_is_named_without_a_zone():
    header, rest = ProxyHeaderReader("v1").feed(b"PROXY TCP6 fe80::1 fe80::2 1 2\r\nGET")
    assert header.environ()["REMOTE_ADDR"] == "fe80::1"
    assert rest == b"GET"


@pytest.mark.parametrize("zone", ["%eth0", "%<script>", "%25"])
@pytest.mark.parametrize("end", ["client", "proxy"])
def test_an_address_with_a_zone_is_refused(zone, end):
    client, proxy = (
        f"fe80::{n}{zone if who == end else ''}" for n, who in enumerate(("client", "proxy"))
    )
    with pytest.raises(BadRequest, match="malformed"):
        ProxyHeaderReader("v1").feed(f"PROXY TCP6 {client} {proxy} 1 2\r\n".encode())


# --- Version 1 ------------------------------------------------------------------------------------


def test_a_line_that_is_not_complete_is_waited_for():
    reader = ProxyHeaderReader("v1")
    assert [reader.feed(part) for part in (b"PRO", b"XY TCP4 192.0.2.1")] == [None, None]


def test_an_unknown_protocol_has_no_addresses():
    assert ProxyHeaderReader("v1").feed(b"PROXY UNKNOWN\r\nGET") == (None, b"GET")


@pytest.mark.parametrize("data", [b"PROXY " + b"a" * 200, b"PROXY " + b"a" * 102 + b"\r\n"])
def test_a_line_that_is_too_long_is_refused(data):
    with pytest.raises(BadRequest, match="too long"):
        ProxyHeaderReader("v1").feed(data)


@pytest.mark.parametrize("port", [b"x", b"65536", "\xb2".encode()])
def test_a_port_that_is_not_a_port_is_refused(port):
    with pytest.raises(BadRequest, match="malformed"):
        ProxyHeaderReader("v1").feed(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 " + port + b"\r\n")


# --- Version 2 ------------------------------------------------------------------------------------

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def v2(command, family, payload, length=None):
    length = len(payload) if length is None else length
    return SIGNATURE + bytes([command, family]) + length.to_bytes(2, "big") + payload


TCP4 = bytes([192, 0, 2, 1, 192, 0, 2, 2, 0, 5, 0, 6])


def test_the_binary_header_has_addresses_and_is_followed_by_the_request():
    header, rest = ProxyHeaderReader("v2").feed(v2(0x21, 0x11, TCP4 + b"extra") + b"GET")
    assert header.environ()["REMOTE_ADDR"] == "192.0.2.1"
    assert rest == b"GET"


def test_a_binary_header_that_is_not_complete_is_waited_for():
    data = v2(0x21, 0x11, TCP4)
    reader = ProxyHeaderReader("v2")
    assert [reader.feed(data[:4]), reader.feed(data[4:20])] == [None, None]
    assert reader.feed(data[20:]) is not None


@pytest.mark.parametrize(("command", "family"), [(0x20, 0x11), (0x21, 0x00)])
def test_a_binary_header_may_have_no_addresses(command, family):
    assert ProxyHeaderReader("v2").feed(v2(command, family, TCP4) + b"GET") == (None, b"GET")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (v2(0x31, 0x11, TCP4), "unknown version and command 0x31"),
        (v2(0x21, 0x77, TCP4), "unsupported family 0x77"),
        (v2(0x21, 0x11, TCP4[:5]), "too short for its addresses"),
        (v2(0x21, 0x11, b"", length=65535), "too long"),
    ],
)
def test_a_binary_header_that_makes_no_sense_is_refused(data, error):
    with pytest.raises(BadRequest, match=error):
        ProxyHeaderReader("v2").feed(data)


@pytest.mark.parametrize("kind", ["v1", "v2", "auto"])
def test_a_connection_without_a_header_goes_on_as_http(kind):
    assert ProxyHeaderReader(kind).feed(b"GET / HTTP/1.1\r\n") == (None, b"GET / HTTP/1.1\r\n")
