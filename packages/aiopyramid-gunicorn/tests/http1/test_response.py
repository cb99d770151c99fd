"""response: status, header fields and body parts in, bytes out."""

import re
import sys
from http import HTTPStatus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiopyramid_core.exceptions import ApplicationError
from aiopyramid_gunicorn._http1.implementation import Response
from aiopyramid_gunicorn._http1.response import early_hints, error_response


def answer(
    *parts,
    method="GET",
    version=(1, 1),
    status="200 OK",
    headers=(),
    keep_alive=True,
    whole=False,
):
    """Return a whole response: its head's lines and its body, as bytes."""
    response = Response(method, version, keep_alive=keep_alive)
    response.start(status, list(headers))
    if whole:
        data = response.encode_whole(b"".join(parts))
    else:
        data = response.head() + b"".join(map(response.encode, parts)) + response.end()
    assert response.has_ended
    head, _, body = data.partition(b"\r\n\r\n")
    return head.decode("latin-1").split("\r\n"), body


def framing(lines):
    """Return the lines that tell how the body ends."""
    names = ("content-length", "transfer-encoding", "connection")
    return [line for line in lines if line.lower().startswith(names)]


# --- The head -------------------------------------------------------------------------------------


def test_the_head_has_status_fields_server_and_date():
    lines, _ = answer(status="201 Made", headers=[("X-A", "1"), ("x-a", "2")])
    assert lines[0] == "HTTP/1.1 201 Made"
    assert lines[1:3] == ["X-A: 1", "x-a: 2"]
    assert [line.split(":")[0] for line in lines[3:]] == ["Transfer-Encoding", "Server", "Date"]


@pytest.mark.parametrize("name", ["Server", "dATE"])
def test_the_applications_own_server_and_date_stand(name):
    lines, _ = answer(headers=[(name, "mine")])
    assert [x for x in lines if x.lower().startswith(name.lower())] == [f"{name}: mine"]


@pytest.mark.parametrize("name", ["Connection", "keep-alive", "Transfer-Encoding", "Upgrade", "TE"])
def test_hop_by_hop_fields_are_dropped(name):
    assert f"{name}: x" not in answer(headers=[(name, "x")])[0]


def test_the_application_may_ask_to_close_the_connection():
    assert framing(answer(b"", headers=[("Connection", "Close")], whole=True)[0]) == [
        "Content-Length: 0",
        "Connection: close",
    ]


def test_values_are_latin_1():
    assert "X: \xe9" in answer(headers=[("X", "\xe9")])[0]


@pytest.mark.parametrize("status", ["200", "2xx OK", "099 Low", b"200 OK", "200 a\r\nX: b", None])
def test_an_invalid_status_is_refused(status):
    with pytest.raises(ApplicationError, match="invalid status"):
        Response("GET", (1, 1), keep_alive=True).start(status, [])


@pytest.mark.parametrize("field", [["A", "b"], ("A",), ("A", b"b"), ("A", 1), (b"A", "b"), "Ab"])
def test_an_invalid_header_field_is_refused(field):
    with pytest.raises(ApplicationError, match=r"header fields must be \(str, str\) tuples"):
        Response("GET", (1, 1), keep_alive=True).start("200 OK", [field])


@pytest.mark.parametrize(
    "field",
    [
        ("X", "a\r\nSet-Cookie: evil=1"),
        ("X", "a\r\n\r\n<script>"),
        ("X", "a\nY: b"),
        ("X", "a\rb"),
        ("X", "a\r\n b"),
        ("X", "a\0b"),
        ("X", "\u20ac"),
        ("X\r\nY", "a"),
        ("X: a\r\nY", "b"),
        ("X Y", "a"),
        ("", "a"),
        ("X:", "a"),
        ("\xe9", "a"),
    ],
)
def test_what_could_smuggle_a_header_in_is_refused(field):
    with pytest.raises(ApplicationError, match="has a forbidden character"):
        answer(headers=[("Before", "1"), field, ("After", "2")])


SNEAKY = st.text(alphabet="aB:- \r\n\0\xe9\u20ac")


@settings(deadline=None)
@given(name=SNEAKY, value=SNEAKY)
@example(name="", value="a\r\nB: b")
def test_a_field_never_becomes_more_than_one_line(name, value):
    response = Response("GET", (1, 1), keep_alive=True)
    try:
        response.start("200 OK", [("X" + name, value)])
        head = response.head(0)
    except ApplicationError:
        return
    # Status, X, Content-Length, Server, Date; whatever a lax client takes for a line break.
    assert len(re.split(rb"\r\n|\r|\n", head.removesuffix(b"\r\n\r\n"))) == 5


def test_the_complaint_about_a_value_does_not_repeat_the_value():
    with pytest.raises(ApplicationError) as caught:
        answer(headers=[("Set-Cookie", "secret\n")])
    assert "Set-Cookie" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["-1", "1.5", "", "\u0661", "abc", "1 2"])
def test_a_content_length_that_is_not_a_number_is_refused(value):
    with pytest.raises(ApplicationError, match="invalid Content-Length"):
        answer(headers=[("Content-Length", value)])


def test_two_content_lengths_are_refused():
    with pytest.raises(ApplicationError, match="given twice"):
        answer(headers=[("Content-Length", "1"), ("content-length", "1")])


# --- Framing --------------------------------------------------------------------------------------


def test_a_body_that_is_known_has_its_length():
    lines, body = answer(b"ab", b"c", whole=True)
    assert (framing(lines), body) == (["Content-Length: 3"], b"abc")


def test_a_body_of_unknown_length_is_chunked():
    lines, body = answer(b"ab", b"", b"c" * 16)
    assert framing(lines) == ["Transfer-Encoding: chunked"]
    assert body == b"2\r\nab\r\n10\r\n" + b"c" * 16 + b"\r\n0\r\n\r\n"


def test_the_applications_content_length_stands():
    lines, body = answer(b"ab", b"c", headers=[("Content-Length", "3")])
    assert (framing(lines), body) == (["Content-Length: 3"], b"abc")


def test_for_http_1_0_a_body_of_unknown_length_ends_with_the_connection():
    lines, body = answer(b"ab", b"c", version=(1, 0))
    assert (framing(lines), body) == (["Connection: close"], b"abc")


def test_an_http_1_0_connection_is_kept_only_when_told_so():
    lines, _ = answer(b"", version=(1, 0), whole=True)
    assert framing(lines) == ["Content-Length: 0", "Connection: keep-alive"]


def test_a_connection_that_closes_is_announced():
    lines, _ = answer(b"", keep_alive=False, whole=True)
    assert framing(lines) == ["Content-Length: 0", "Connection: close"]


def test_a_response_to_head_has_the_length_but_no_body():
    lines, body = answer(b"abc", method="HEAD", headers=[("Content-Length", "3")])
    assert (framing(lines), body) == (["Content-Length: 3"], b"")


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_an_interim_status_is_not_an_answer(status):
    with pytest.raises(ApplicationError, match="is not a final status"):
        answer(status=status)


def test_switching_protocols_without_a_protocol_is_refused():
    with pytest.raises(ApplicationError, match=r"pass one to environ\['aiopyramid.upgrade'\]"):
        answer(status="101 Switching Protocols")


def test_switching_protocols_has_no_body_and_names_the_protocol():
    response = Response("GET", (1, 1), keep_alive=False)
    fields = [("Upgrade", "x"), ("Content-Length", "0")]
    response.start("101 Switching Protocols", fields, may_switch=True)
    assert not response.has_switched
    lines = response.head(0).decode().split("\r\n")
    assert response.has_switched
    assert framing(lines) == ["Connection: upgrade"]
    assert "Upgrade: x" in lines
    assert response.encode(b"abc") + response.end() == b""


def test_upgrade_required_says_what_may_be_spoken():
    lines, _ = answer(status="426 Upgrade Required", headers=[("Upgrade", "x")], whole=True)
    assert "Upgrade: x" in lines
    assert framing(lines) == ["Content-Length: 0", "Connection: upgrade"]


def test_no_content_has_neither_body_nor_length():
    lines, body = answer(b"abc", status="204 No Content", headers=[("Content-Length", "3")])
    assert (framing(lines), body) == ([], b"")


def test_not_modified_has_no_body_but_may_have_a_length():
    headers = [("Content-Length", "3")]
    lines, body = answer(b"abc", status="304 Not Modified", headers=headers)
    assert (framing(lines), body) == (["Content-Length: 3"], b"")


@pytest.mark.parametrize("parts", [(b"abcdef",), (b"ab", b"cdef"), (b"abc", b"def")])
def test_a_body_longer_than_its_length_is_cut(parts):
    assert answer(*parts, headers=[("Content-Length", "3")])[1] == b"abc"


@pytest.mark.parametrize(
    ("method", "status", "headers", "needed"),
    [
        ("GET", "200 OK", [], [True, True]),
        ("GET", "200 OK", [("Content-Length", "2")], [True, False]),
        ("HEAD", "200 OK", [("Content-Length", "2")], [False, False]),
        ("GET", "304 Not Modified", [], [False, False]),
    ],
)
def test_it_knows_whether_more_of_the_body_is_needed(method, status, headers, needed):
    response = Response(method, (1, 1), keep_alive=True)
    response.start(status, headers)
    response.head()
    before = response.needs_body
    response.encode(b"ab")
    assert [before, response.needs_body] == needed


def test_the_bytes_of_the_body_are_counted_without_their_framing():
    response = Response("GET", (1, 1), keep_alive=True)
    response.start("200 OK", [])
    response.head()
    response.encode(b"abc")
    response.encode(b"de")
    assert response.sent == 5


# --- start_response -------------------------------------------------------------------------------


def test_a_head_without_start_response_is_an_error():
    with pytest.raises(ApplicationError, match="without calling start_response"):
        Response("GET", (1, 1), keep_alive=True).head()


def test_a_second_start_response_is_an_error():
    response = Response("GET", (1, 1), keep_alive=True)
    response.start("200 OK", [])
    with pytest.raises(ApplicationError, match="called twice"):
        response.start("200 OK", [])


def test_with_exc_info_an_error_replaces_what_was_not_sent(exc_info):
    response = Response("GET", (1, 1), keep_alive=True)
    response.start("200 OK", [("Content-Length", "5"), ("X", "old")])
    response.start("500 Oops", [("X", "new")], exc_info(LookupError("no")))
    head = response.head(0)
    assert head.startswith(b"HTTP/1.1 500 Oops\r\nX: new\r\nContent-Length: 0\r\n")


def test_with_exc_info_the_error_is_raised_once_the_head_was_sent(exc_info):
    error = LookupError("no")
    response = Response("GET", (1, 1), keep_alive=True)
    response.start("200 OK", [])
    response.head()
    with pytest.raises(LookupError) as caught:
        response.start("500 Oops", [], exc_info(error))
    assert caught.value is error


def test_exc_info_outside_of_an_except_clause_is_none():
    response = Response("GET", (1, 1), keep_alive=True)
    response.start("200 OK", [])
    with pytest.raises(ApplicationError, match="called twice"):
        response.start("200 OK", [], sys.exc_info())


# --- Errors of the server's own -------------------------------------------------------------------


def test_an_error_response_is_complete_and_closes():
    response, data = error_response(HTTPStatus.BAD_REQUEST, "What is that?")
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nConnection: close" in head
    assert (body, response.sent, response.keep_alive) == (b"What is that?\n", 14, False)


def test_an_error_response_to_head_has_no_body():
    assert error_response(HTTPStatus.NOT_FOUND, "no", method="HEAD")[1].endswith(b"\r\n\r\n")


# --- What the connection asks ---------------------------------------------------------------------


def begun(*headers, status="200 OK", method="GET", version=(1, 1)):
    """Return a response whose head was encoded."""
    response = Response(method, version, keep_alive=True)
    response.start(status, list(headers))
    response.head(None)
    return response


def test_a_response_of_declared_length_knows_how_much_is_missing():
    response = begun(("Content-Length", "3"))
    response.encode(b"ab")
    assert (response.missing_bytes, response.needs_body) == (1, True)
    response.encode(b"c")
    assert (response.missing_bytes, response.needs_body) == (0, False)


def test_a_response_of_unknown_length_needs_its_body():
    response = begun()
    assert (response.missing_bytes, response.needs_body, response.ends_by_closing) == (
        0,
        True,
        False,
    )


def test_to_an_old_client_the_end_of_the_connection_ends_the_body():
    assert begun(version=(1, 0)).ends_by_closing


def test_a_response_without_a_body_needs_none():
    assert not begun(method="HEAD").needs_body


def test_early_hints_have_the_fields_of_no_body():
    data = early_hints([("Link", "</a>; rel=preload"), (b"Content-Length", b"3")])
    assert data == b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"


def test_a_response_has_no_status_before_it_starts():
    response = Response("GET", (1, 1), keep_alive=True)
    assert (response.status_code, response.has_switched) == (None, False)
    response.start("201 Created", [])
    assert response.status_code == 201
