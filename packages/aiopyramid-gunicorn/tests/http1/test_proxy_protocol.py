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
