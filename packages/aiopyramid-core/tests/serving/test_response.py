"""response: the calls of start_response, and the length of the body."""

import sys

import pytest

from aiopyramid_core.exceptions import ApplicationError
from aiopyramid_core.servers import WSGIResponse


def started(status="200 OK", fields=(), method="GET", **options):
    response = WSGIResponse(method)
    response.start(status, list(fields), **options)
    return response


def failed():
    try:
        raise LookupError("a bug")
    except LookupError:
        return sys.exc_info()


# --- The head -------------------------------------------------------------------------------------


def test_nothing_is_sent_before_the_response_is_started():
    response = WSGIResponse("GET")
    assert (response.status, response.take(b"body"), response.needs_body) == (None, b"", False)


def test_a_response_that_was_not_started_cannot_be_committed():
    with pytest.raises(ApplicationError, match=r"without calling start_response\(\)"):
        WSGIResponse("GET").commit()


def test_the_head_is_committed_with_its_status():
    response = started("404 Not There")
    assert (response.head_sent, response.commit(), response.head_sent) == (
        False,
        "404 Not There",
        True,
    )


def test_a_malformed_value_is_refused_when_the_head_is_committed():
    response = started(fields=[("X-Name", "a\r\nb")])
    with pytest.raises(ApplicationError, match="'X-Name' has a forbidden character"):
        response.commit()
    assert not response.head_sent


def test_the_header_fields_may_be_an_iterator():
    response = WSGIResponse("GET")
    response.start("200 OK", iter([("Set-Cookie", "a=b"), ("Content-Length", "2")]))
    assert response.headers == [("Set-Cookie", "a=b"), ("Content-Length", "2")]
    assert response.length == 2


@pytest.mark.parametrize("status", [b"200 OK", None, ["200 OK"]])
def test_a_status_that_is_not_a_str_is_refused(status):
    with pytest.raises(ApplicationError, match=r"invalid status .* as a str"):
        WSGIResponse("GET").start(status, [])


def test_a_second_start_is_refused():
    with pytest.raises(ApplicationError, match="called twice without exc_info"):
        started().start("200 OK", [])


def test_a_second_start_with_exc_info_replaces_the_first():
    response = started(fields=[("Content-Length", "4"), ("Connection", "close")])
    response.start("500 Sorry", [("Content-Length", "2")], failed())
    assert (response.status, response.headers) == ("500 Sorry", [("Content-Length", "2")])
    assert not response.asks_to_close
    assert response.take(b"abcd") == b"ab"


def test_after_the_head_exc_info_is_raised():
    response = started()
    response.commit()
    with pytest.raises(LookupError, match="a bug"):
        response.start("500 Sorry", [], failed())


@pytest.mark.parametrize("name", ["Connection", "keep-alive", "Transfer-Encoding", "Upgrade", "TE"])
def test_fields_that_concern_the_connection_are_dropped(name):
    assert started(fields=[(name, "x"), ("X", "y")]).headers == [("X", "y")]


@pytest.mark.parametrize(("value", "closes"), [("close", True), ("Close", True), ("x", False)])
def test_the_application_may_ask_to_close_the_connection(value, closes):
    assert started(fields=[("Connection", value)]).asks_to_close is closes


@pytest.mark.parametrize(
    ("status", "may_switch"), [("101 Switching Protocols", True), ("426 Upgrade Required", False)]
)
def test_a_protocol_to_switch_to_is_passed_on(status, may_switch):
    fields = [("Upgrade", "x"), ("Connection", "Upgrade")]
    response = started(status, fields, may_switch=may_switch)
    assert (response.headers, response.given) == ([("Upgrade", "x")], ("upgrade",))


def test_switching_without_a_protocol_is_refused():
    with pytest.raises(ApplicationError, match="without a protocol to switch to"):
        started("101 Switching Protocols", [("Upgrade", "x")])


def test_the_fields_that_servers_add_are_noted():
    assert started(fields=[("SERVER", "mine"), ("Date", "now")]).given == ("server", "date")


@pytest.mark.parametrize(
    ("method", "status", "kept"),
    [("GET", "204 No Content", False), ("HEAD", "200 OK", True), ("GET", "304 No", True)],
)
def test_a_length_is_dropped_where_there_cannot_be_one(method, status, kept):
    fields = [("Content-Length", "3")]
    assert started(status, fields, method).headers == (fields if kept else [])


# --- The body -------------------------------------------------------------------------------------


def test_a_body_of_any_length_ends_anywhere():
    response = started()
    assert (response.take(b"a" * 10), response.needs_body) == (b"a" * 10, True)
    assert (response.missing_bytes, response.sent) == (0, 10)
    response.check_end()


def test_a_body_with_a_length_ends_there():
    response = started(fields=[("Content-Length", "3")])
    assert [response.take(part) for part in (b"ab", b"cd", b"e")] == [b"ab", b"c", b""]
    assert (response.needs_body, response.sent) == (False, 3)
    response.check_end()


def test_a_body_that_ends_before_is_an_error():
    response = started(fields=[("Content-Length", "3")])
    response.take(b"ab")
    assert response.missing_bytes == 1
    with pytest.raises(ApplicationError, match="ended after 2 of 3 bytes of Content-Length"):
        response.check_end()


def test_the_server_may_declare_the_length():
    response = started()
    response.set_length(2)
    assert (response.length, response.take(b"abc"), response.needs_body) == (2, b"ab", False)


@pytest.mark.parametrize("fields", [[], [("Content-Length", "5")]])
def test_bytes_that_were_sent_otherwise_count(fields):
    response = started(fields=fields)
    response.count(5)
    assert (response.sent, response.needs_body) == (5, not fields)
    response.check_end()


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 No")]
)
def test_some_responses_need_no_body(method, status):
    response = started(status, [("Content-Length", "3")], method)
    assert (response.needs_body, response.take(b"abc")) == (False, b"")
    response.check_end()
