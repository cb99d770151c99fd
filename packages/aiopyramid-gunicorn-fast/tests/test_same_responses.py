"""Both forms send the same bytes for a response, or raise the same error."""

import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aiopyramid_core.exceptions import ApplicationError
from aiopyramid_core.servers import WSGIResponse
from aiopyramid_gunicorn._http1 import date
from aiopyramid_gunicorn._http1.response import Response

SLOTS = [*WSGIResponse.__slots__, *Response.__slots__]

STATUSES = (
    st.sampled_from(
        ["200 OK", "200 OK", "200 OK", "404 Not Found", "204 No Content", "304 Not Modified"]
    )
    | st.sampled_from(
        ["101 Switching Protocols", "103 Early", "200", "20 OK", "200 a\r\nb", b"200 OK", None, ""]
    )
    | st.sampled_from(["200 \xe9", "200 \u20ac"])
)
NAMES = st.sampled_from(
    ["Content-Type", "Content-Type", "X-A", "content-length", "Content-Length", "Server", "date"]
) | st.sampled_from(
    ["Connection", "Upgrade", "Transfer-Encoding", "TE", "X A", "", "X\r\n", "\xe9", b"X", 1]
)
VALUES = st.one_of(
    st.sampled_from(["text/html; charset=UTF-8", "5", "5", "0", "05", "5 ", "-5", "\u0665", "\xb2"])
    | st.sampled_from(
        ["close", "a\r\nb: c", "a\nb", "\0", "\t", "\x7f", "\xe9", "\u20ac", "9" * 30]
    )
    | st.sampled_from([b"x", 5, None]),
    st.text(max_size=8),
)
FIELDS = st.one_of(
    *[st.tuples(NAMES, VALUES)] * 9,
    st.sampled_from([("A",), ["A", "b"], "Ab", None, ("A", "b", "c")]),
)
HEADERS = st.one_of(
    *[st.lists(FIELDS, max_size=4)] * 5,
    st.lists(FIELDS, max_size=2).map(tuple),
    st.sampled_from([[("Content-Type", "text/plain"), ("Content-Length", "5")]]),
)
REQUESTS = st.tuples(
    st.sampled_from(["GET", "GET", "POST", "HEAD", "CONNECT"]),
    st.sampled_from([(1, 1), (1, 1), (1, 0)]),
    st.booleans(),
)
BODIES = st.sampled_from([b"hello", b"hello", b"", b"hell", b"hello, world"])
ENDINGS = st.sampled_from(["whole", "whole", "parts", "twice", "replaced"])


_DATE = re.compile(rb"Date: [^\r\n]+GMT\r\n")
"""Ours: it may change between one response and the next."""


def state(response):
    """Return all that a response knows."""
    return {name: getattr(response, name) for name in SLOTS}


def outcome(kind, request, status, headers, body, ending):
    """Return the bytes, without the date, or the error, and the state before and after."""
    method, version, keep_alive = request
    response = kind(method, version, keep_alive=keep_alive)
    sent = [state(response)]
    try:
        response.start(status, headers)
        sent.append(state(response))
        if ending == "twice":
            response.start(status, headers)
        if ending == "replaced":
            error = ValueError()
            response.start("500 Oops", [("X", "y")], (ValueError, error, None))
        if ending == "parts":
            sent += [response.head(), response.encode(body), response.end()]
        else:
            sent.append(response.encode_whole(body))
        sent.append(response.status_code)
        response.check_end()
    except ApplicationError as error:
        sent.append((type(error), str(error)))
    dateless = [_DATE.sub(b"", each) if type(each) is bytes else each for each in sent]
    return dateless, state(response)


@settings(
    max_examples=800, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(REQUESTS, STATUSES, HEADERS, BODIES, ENDINGS)
@example(("GET", (1, 1), True), "200 OK", [("Content-Length", "5")], b"hello", "whole")
@example(("GET", (1, 1), True), "200 OK", [("Content-Length", "0")], b"", "whole")
@example(("GET", (1, 1), True), "200 OK", [("Content-Length", "5")] * 2, b"hello", "whole")
@example(("GET", (1, 1), True), "200 OK", [("X Y", "1"), ("A",)], b"hello", "whole")
@example(("GET", (1, 1), True), "200 OK", [("X", "a\r\nb"), ("Content-Length", "5")], b"", "whole")
def test_both_forms_answer_alike(compiled_response, request_, status, headers, body, ending):
    got = outcome(compiled_response.Response, request_, status, headers, body, ending)
    assert got == outcome(Response, request_, status, headers, body, ending)


def test_the_compiled_form_has_all_that_the_pure_one_has(compiled_response):
    missing = set(dir(Response)) - set(dir(compiled_response.Response))
    assert missing == set()


def test_a_usual_response_is_not_left_to_the_pure_code(compiled_response, monkeypatch):
    monkeypatch.setattr(Response, "commit", None)  # any use of it would fail
    response = compiled_response.Response("GET", (1, 1), keep_alive=True)
    response.start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    data = response.encode_whole(b"hello")
    assert data.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")


def test_the_date_is_that_of_the_second(compiled_response):
    response = compiled_response.Response("GET", (1, 1), keep_alive=True)
    response.start("200 OK", [("Content-Length", "0")])
    before = date.date_line().encode()
    data = response.encode_whole(b"")
    assert before in data or date.date_line().encode() in data


@pytest.mark.parametrize("body", [None, "text", bytearray(b"x")])
def test_a_body_must_be_bytes(compiled_response, body):
    response = compiled_response.Response("GET", (1, 1), keep_alive=True)
    response.start("200 OK", [("Content-Length", "0")])
    with pytest.raises(TypeError):
        response.encode_whole(body)


def test_a_form_that_lacks_an_attribute_of_the_pure_one_cannot_be_imported(
    compiled_response, monkeypatch
):
    monkeypatch.setattr(WSGIResponse, "__slots__", (*WSGIResponse.__slots__, "trailers"))
    with pytest.raises(ImportError, match="in which a response has no trailers"):
        compiled_response._completed(compiled_response.UsualResponse)
