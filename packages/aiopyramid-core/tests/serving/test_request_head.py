"""_serving.request_head: the host and the transfer coding of a request."""

import pytest

from aiopyramid_core.exceptions import BadRequest, CodingNotSupported
from aiopyramid_core.servers import check_coding, check_host


@pytest.mark.parametrize("host", ["site.example", "site.example:8080", "[::1]:80", "", "a%2Db"])
def test_names_and_addresses_with_and_without_a_port_are_hosts(host):
    check_host(host, is_http_1_1=True)


@pytest.mark.parametrize("host", ["a b", "user@a", "a/b", "http://a", "a:b", "[::1", "::1", "a%2"])
def test_everything_else_is_refused(host):
    with pytest.raises(BadRequest, match="malformed"):
        check_host(host, is_http_1_1=False)


def test_only_http_1_1_requires_a_host():
    check_host(None, is_http_1_1=False)
    with pytest.raises(BadRequest, match="needs a Host field"):
        check_host(None, is_http_1_1=True)


@pytest.mark.parametrize("coding", ["chunked", "Chunked"])
def test_chunked_is_supported_by_http_1_1_only(coding):
    check_coding(coding, is_http_1_0=False)
    with pytest.raises(BadRequest, match=r"an HTTP/1\.0 request"):
        check_coding(coding, is_http_1_0=True)


@pytest.mark.parametrize("coding", ["gzip, chunked", "identity,chunked"])
def test_a_body_whose_end_is_known_but_not_its_coding_is_not_supported(coding):
    with pytest.raises(CodingNotSupported):
        check_coding(coding, is_http_1_0=False)


@pytest.mark.parametrize("coding", ["", "gzip", "chunked, gzip", "chunked, chunked"])
def test_a_body_whose_end_is_not_known_is_refused(coding):
    with pytest.raises(BadRequest, match="where the body ends"):
        check_coding(coding, is_http_1_0=False)
