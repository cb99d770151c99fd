"""response_head: what an application may give to start_response."""

import re
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiopyramid_core.exceptions import ApplicationError
from aiopyramid_core.response_head import (
    check_call,
    check_fields,
    check_final,
    check_values,
    has_body,
    has_length,
    length_of,
    special_name,
    status_code,
)

# --- The call -------------------------------------------------------------------------------------


def failed():
    try:
        raise LookupError("a bug")
    except LookupError:
        return sys.exc_info()


@pytest.mark.parametrize("exc_info", [None, (None, None, None)])
def test_a_response_is_started_once(exc_info):
    check_call(exc_info, is_started=False, is_committed=False)
    with pytest.raises(ApplicationError, match="called twice without exc_info"):
        check_call(exc_info, is_started=True, is_committed=False)


@pytest.mark.parametrize("is_started", [False, True])
def test_with_an_exception_it_may_be_replaced(is_started):
    check_call(failed(), is_started=is_started, is_committed=False)


def test_when_it_is_too_late_for_that_the_exception_is_raised():
    with pytest.raises(LookupError, match="a bug"):
        check_call(failed(), is_started=True, is_committed=True)


# --- The status -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"), [("200 OK", 200), ("404 ", 404), ("299 D'accord \xe9", 299)]
)
def test_a_status_has_three_digits_and_a_reason(status, code):
    assert status_code(status) == code


@pytest.mark.parametrize(
    "status",
    ["200", "2xx OK", "099 Low", "200 a\r\nX: b", "200 a\nb", "200 \u20ac"],
)
def test_an_invalid_status_is_refused(status):
    with pytest.raises(ApplicationError, match="expected three digits, a space and a reason"):
        status_code(status)


@pytest.mark.parametrize(
    ("code", "may_switch"), [(200, False), (599, False), (101, True), (200, True)]
)
def test_these_answer_a_request(code, may_switch):
    check_final(f"{code} x", code, may_switch=may_switch)


@pytest.mark.parametrize("may_switch", [False, True])
@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_an_interim_status_answers_nothing(status, may_switch):
    with pytest.raises(ApplicationError, match=f"'{status}' is not a final status"):
        check_final(status, int(status[:3]), may_switch=may_switch)


def test_nobody_switches_to_a_protocol_that_is_not_there():
    with pytest.raises(ApplicationError, match=r"pass one to environ\['aiopyramid.upgrade'\]"):
        check_final("101 Switching Protocols", 101, may_switch=False)


# --- Header fields --------------------------------------------------------------------------------


def test_a_field_is_a_tuple_of_two_str():
    check_fields([("X-Name", "value"), ("X-Other", "")])


@pytest.mark.parametrize("field", [["A", "b"], ("A",), ("A", b"b"), ("A", 1), (b"A", "b"), "Ab"])
def test_an_invalid_field_is_refused(field):
    with pytest.raises(ApplicationError, match=r"header fields must be \(str, str\) tuples, got"):
        check_fields([("X-Name", "value"), field])


@pytest.mark.parametrize("name", ["X-Name", "etag", "!#$%&'*+-.^_`|~0"])
def test_most_names_are_nothing_special(name):
    assert special_name(name) is None


@pytest.mark.parametrize(
    "name", ["Content-Length", "SERVER", "date", "Connection", "Transfer-Encoding", "upgrade", "TE"]
)
def test_some_names_are_special_in_whatever_case(name):
    assert special_name(name) == name.lower()


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY", "X\n", "\xe9", "X: a\r\nY"])
def test_an_invalid_name_is_refused(name):
    with pytest.raises(ApplicationError, match="has a forbidden character"):
        special_name(name)


@pytest.mark.parametrize("value", ["", "a b\tc", "\xe9", "\xff" * 3, "x" * 10_000])
def test_these_are_values(value):
    check_values([("Before", "1"), ("X-Name", value)])


SNEAKY = st.text(alphabet="aB:- \r\n\0\x0b\x85\xe9\u20ac\u2028")


@settings(deadline=None)
@given(value=SNEAKY)
@example(value="a\r\nB: b")
@example(value="a\x0bB: b")
def test_a_value_that_passes_is_one_line_for_every_client(value):
    try:
        check_values([("X-Name", value)])
    except ApplicationError:
        assert re.search(r"[^\t\x20-\x7e\x80-\xff]", value)
    else:
        assert len(re.split(rb"[\r\n\0]", value.encode("latin-1"))) == 1


def test_the_complaint_about_a_value_names_the_field_and_not_the_value():
    with pytest.raises(ApplicationError) as caught:
        check_values([("X-Name", "good"), ("Set-Cookie", "secret\n")])
    assert str(caught.value) == "the header field 'Set-Cookie' has a forbidden character"


# --- The length of the body -----------------------------------------------------------------------


def test_a_length_is_a_number():
    assert [length_of(value) for value in ("0", "10", "007")] == [0, 10, 7]


@pytest.mark.parametrize("value", ["-1", "1.5", "", "\u0661", "abc", "1 2", "+1"])
def test_a_length_that_is_not_a_number_is_refused(value):
    with pytest.raises(ApplicationError, match="invalid Content-Length"):
        length_of(value)


@pytest.mark.parametrize("before", [0, 1, 2])
def test_there_is_one_length(before):
    with pytest.raises(ApplicationError, match="given twice"):
        length_of("1", before)


@pytest.mark.parametrize(
    ("method", "code", "body", "length"),
    [
        ("GET", 200, True, True),
        ("GET", 404, True, True),
        ("POST", 205, True, True),
        ("HEAD", 200, False, True),
        ("GET", 304, False, True),
        ("GET", 204, False, False),
        ("GET", 101, False, False),
        ("CONNECT", 200, False, False),
        ("CONNECT", 405, True, True),
    ],
)
def test_what_has_a_body_and_what_a_length(method, code, body, length):
    assert (has_body(method, code), has_length(method, code)) == (body, length)
