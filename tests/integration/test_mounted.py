"""ASGI applications below a route, on all servers; aiopyramid-asgi has further tests."""

import hashlib
import os

import pytest


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_an_asgi_application_is_below_a_route(site, size):
    body = os.urandom(size)
    answer = site.post("/mounted/some/where", body).json
    assert answer == {
        "root_path": f"{site.prefix}/mounted",
        "path": f"{site.prefix}/mounted/some/where",
        "sha256": hashlib.sha256(body).hexdigest(),
        "route": "/mounted",
    }
