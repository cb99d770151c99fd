"""_origins: which pages may connect."""

import pytest

from aiopyramid_websocket._origins import is_allowed

OWN = "https://example.com"


@pytest.mark.parametrize(
    ("origin", "allowed", "verdict"),
    [
        (None, (), True),
        (OWN, (), True),
        ("https://EXAMPLE.com", (), True),
        ("https://example.com:443", (), True),
        ("http://example.com", (), False),
        ("https://example.com:8443", (), False),
        ("https://example.com.evil.example", (), False),
        ("https://evil.example/https://example.com", (), False),
        ("https://example.com@evil.example", (), False),
        ("https://sub.example.com", (), False),
        ("null", (), False),
        ("", (), False),
        ("https://[", (), False),
        ("https://example.com:port", (), False),
        ("https://other.example", ("https://other.example",), True),
        ("https://other.example", ("http://other.example",), False),
        ("http://localhost:3000", ("http://localhost:3000",), True),
        ("https://a.example.org", ("https://*.example.org",), True),
        ("https://a.b.example.org", ("https://*.example.org",), True),
        ("https://example.org", ("https://*.example.org",), False),
        ("https://evilexample.org", ("https://*.example.org",), False),
        ("https://evil.example", ("*",), True),
        ("null", ("*",), True),
    ],
)
def test_who_may_connect(origin, allowed, verdict):
    assert is_allowed(origin, OWN, allowed) is verdict
