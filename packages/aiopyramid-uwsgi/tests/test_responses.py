"""Invalid responses of applications, as the client receives them."""

import json
from urllib.parse import quote

import pytest


@pytest.fixture(params=["list", "iterator", "async"])
def answer(served, request):
    """Have the application say something; return the head and what comes after it."""

    def answer(*parts, method="GET", status="200 OK", fields=()):
        said = {"status": status, "fields": fields, "parts": parts, "how": request.param}
        target = f"/said?said={quote(json.dumps(said))}"
        return served.ask(f"{method} {target} HTTP/1.1\r\nHost: test\r\n\r\n")

    return answer


SPLITTING = "a\r\nSet-Cookie: evil=1\r\nContent-Length: 4\r\n\r\nEvil"
ERROR = b"Internal Server Error\n"


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ("200 OK", ("X-Name", SPLITTING)),
        ("200 OK", ("X-Name", "a\nX-Other: b")),
        ("200 OK", ("X-Name", "a\rX-Other: b")),
        ("200 OK", ("X-Name", "a\0")),
        ("200 OK", (f"X-Name: {SPLITTING}", "a")),
        ("200 OK", ("", "a")),
        (f"200 {SPLITTING}", ("X-Name", "a")),
        ("2 00", ("X-Name", "a")),
        ("100 Continue", ("X-Name", "a")),
        ("101 Switching Protocols", ("Upgrade", "anything")),
        ("200 OK", ("Content-Length", "many")),
    ],
)
def test_an_invalid_head_is_answered_with_500(served, answer, status, field):
    head, body = answer("body", status=status, fields=[("X-Before", "1"), field])
    assert head.startswith("HTTP/1.1 500 Internal Server Error\r\n")
    assert "evil" not in head.lower()
    assert "X-" not in head
    assert body == ERROR
    served.said("ApplicationError: ")


def test_two_lengths_are_answered_with_500(answer):
    head, _ = answer("a", fields=[("Content-Length", "1"), ("content-length", "1")])
    assert head.startswith("HTTP/1.1 500 ")


def test_what_latin_1_can_say_is_sent(answer):
    head, body = answer("a", "b", status="299 D'accord \xe9", fields=[("X-Name", "\xe9\t")])
    assert head.startswith("HTTP/1.1 299 D'accord \xe9\r\n")
    assert "\r\nX-Name: \xe9\t" in head
    assert body == b"ab"


@pytest.mark.parametrize("name", ["Transfer-Encoding", "connection", "Keep-Alive", "Upgrade"])
def test_what_is_not_the_applications_to_say_is_left_out(answer, name):
    head, body = answer("body", fields=[(name, "x"), ("Server", "mine"), ("Date", "today")])
    assert f"{name}: x" not in head
    assert "\r\nServer: mine" in head
    assert "\r\nDate: today" in head
    assert body == b"body"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_status_without_a_body_has_none(answer, status):
    head, body = answer("the next", " response?", status=status)
    assert head.startswith(f"HTTP/1.1 {status}")
    assert body == b""


def test_204_has_no_length(answer):
    head, _ = answer(status="204 No Content", fields=[("Content-Length", "0")])
    assert "Content-Length" not in head


def test_an_answer_to_head_has_a_length_but_no_body(answer):
    head, body = answer("body", method="HEAD", fields=[("Content-Length", "4")])
    assert "\r\nContent-Length: 4" in head
    assert body == b""


def test_an_error_is_answered_to_head_without_a_body(served):
    head, body = served.ask("HEAD /fail HTTP/1.1\r\nHost: test\r\n\r\n")
    assert head.startswith("HTTP/1.1 500 ")
    assert body == b""


def test_a_body_is_not_longer_than_its_length(answer):
    _, body = answer("ab", "cd", "HTTP/1.1 200 OK", fields=[("Content-Length", "3")])
    assert body == b"abc"


def test_a_body_that_is_too_short_is_seen_to_be_incomplete(served, answer):
    before = sum("after 4 of 9 bytes" in line for line in served.lines)
    try:
        head, body = answer("ab", "cd", fields=[("Content-Length", "9")])
    except ConnectionResetError:
        pass
    else:
        # As long as nothing is sent there can be another answer; after that only a reset tells.
        assert (head.split("\r\n")[0], body) == ("HTTP/1.1 500 Internal Server Error", ERROR)
    served.said("the body ended after 4 of 9 bytes of Content-Length", times=before + 1)
