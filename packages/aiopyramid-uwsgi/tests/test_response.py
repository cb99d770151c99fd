"""_response: the calls of start_response, and lengths. What clients see: test_responses.py."""

import sys

import pytest

from aiopyramid_core.exceptions import ApplicationError
from aiopyramid_uwsgi._response import Response


def started(status="200 OK", fields=(), method="GET", **options):
    response = Response(method)
    response.start(status, list(fields), None, may_switch=False, **options)
    return response


def failed():
    try:
        raise LookupError("a bug")
    except LookupError:
        return sys.exc_info()


def test_nothing_is_sent_before_the_response_is_started():
    response = Response("GET")
    assert (response.status, response.cut(b"body"), response.needs_body) == (None, b"", False)


def test_a_second_start_is_refused():
    with pytest.raises(ApplicationError, match="called twice without exc_info"):
        started().start("200 OK", [], None, may_switch=False)


def test_a_second_start_with_exc_info_replaces_the_first():
    response = started(fields=[("Content-Length", "4")])
    response.start("500 Sorry", [("Content-Length", "2")], failed(), may_switch=False)
    assert (response.status, response.fields) == ("500 Sorry", [("Content-Length", "2")])
    assert response.cut(b"abcd") == b"ab"


def test_after_the_head_exc_info_is_raised():
    response = started()
    response.is_committed = True
    with pytest.raises(LookupError, match="a bug"):
        response.start("500 Sorry", [], failed(), may_switch=False)


def test_an_answer_that_switches_protocols_keeps_what_says_so():
    response = Response("GET")
    fields = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
    response.start("101 Switching Protocols", fields, None, may_switch=True)
    assert (response.fields, response.needs_body) == (fields, False)


def test_a_body_of_any_length_ends_anywhere():
    response = started()
    assert (response.cut(b"a" * 10), response.needs_body) == (b"a" * 10, True)
    response.check_end()


def test_a_body_with_a_length_ends_there():
    response = started(fields=[("Content-Length", "3")])
    assert [response.cut(part) for part in (b"ab", b"cd", b"e")] == [b"ab", b"c", b""]
    assert not response.needs_body
    response.check_end()


def test_a_body_that_ends_before_is_an_error():
    response = started(fields=[("Content-Length", "3")])
    response.cut(b"ab")
    with pytest.raises(ApplicationError, match="ended after 2 of 3 bytes of Content-Length"):
        response.check_end()
