"""_scheme: whose word counts about TLS."""

import pytest

from aiopyramid_core.servers import networks
from aiopyramid_uwsgi._scheme import correct_scheme

TRUSTED = networks("192.0.2.1, 10.0.0.0/8 2001:db8::/32")


def scheme(said, peer="192.0.2.1", trusted=TRUSTED, **fields):
    """Return the scheme of a request for which uWSGI has said one, because of header fields."""
    environ = {"wsgi.url_scheme": said} | fields
    correct_scheme(environ, trusted, lambda: peer)
    return environ["wsgi.url_scheme"]


@pytest.mark.parametrize("peer", ["192.0.2.1", "10.1.2.3", "2001:db8::1", "::ffff:10.0.0.1", ""])
@pytest.mark.parametrize("said", ["https", "HTTPS"])
def test_the_word_of_a_proxy_counts(peer, said):
    assert scheme(said, peer, HTTP_X_FORWARDED_PROTO=said) == "https"
    assert scheme("http", peer, HTTP_X_FORWARDED_PROTO="http", HTTPS="on") == "http"


@pytest.mark.parametrize("peer", ["192.0.2.2", "11.0.0.1", "2001:db9::1", "fe80::1%eth0", None])
def test_the_word_of_nobody_else_does(peer):
    assert scheme("https", peer, HTTP_X_FORWARDED_PROTO="https") == "http"
    assert scheme("https", peer, HTTP_X_FORWARDED_SSL="on") == "http"
    assert scheme("http", peer, HTTP_X_FORWARDED_PROTO="http", HTTPS="on") == "https"


@pytest.mark.parametrize("word", ["javascript", "", "https,http", "ftp", "on"])
def test_a_word_that_is_not_a_scheme_is_ignored(word):
    assert scheme(word, HTTP_X_FORWARDED_PROTO=word) == "http"
    assert scheme(word, HTTP_X_FORWARDED_PROTO=word, HTTPS="1") == "https"


def test_without_such_a_field_nobody_is_asked():
    def nobody():
        raise AssertionError("asked")

    environ = {"wsgi.url_scheme": "https"}
    correct_scheme(environ, TRUSTED, nobody)
    assert environ == {"wsgi.url_scheme": "https"}


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db9::1", ""])
def test_everybody_may_be_trusted(peer):
    assert scheme("https", peer, networks("*"), HTTP_X_FORWARDED_PROTO="https") == "https"


def test_nobody_may_be_trusted():
    assert scheme("https", "127.0.0.1", networks(""), HTTP_X_FORWARDED_PROTO="https") == "http"


@pytest.mark.parametrize("value", ["localhost", "10.0.0.1/8", "1.2.3"])
def test_an_invalid_address_is_refused(value):
    with pytest.raises(ValueError, match=value):
        networks(value)
