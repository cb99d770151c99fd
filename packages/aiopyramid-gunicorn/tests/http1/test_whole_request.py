"""whole_request: the quick way reads only what the other parser reads, and reads the same."""

import gc
import weakref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiopyramid_core.exceptions import RequestError
from aiopyramid_gunicorn._http1.implementation import WholeRequestReader
from aiopyramid_gunicorn._http1.limits import Limits
from aiopyramid_gunicorn._http1.parser import RequestParser

BROWSER = (
    b"GET /a%20b?c=d HTTP/1.1\r\nHost: test\r\nUser-Agent: Mozilla/5.0 (X11)\r\nAccept:*/*\r\n"
    b"X-Empty:\r\nX-Padded: \t v \t\r\nX-Latin: \xe9\r\nCookie: a=b: c\r\n\r\n"
)
UPGRADE = b"GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\n\r\n\r\nab"


@pytest.fixture
def read():
    """Read bytes with a new reader."""

    def read(data, most_bytes=8190, most_fields=100, most_line_bytes=4094):
        return WholeRequestReader(most_bytes, most_fields, most_line_bytes).read(data)

    return read


@pytest.fixture
def slowly(recorder):
    """Read bytes in two pieces, so with the other parser; return the receiver, None if refused."""

    def slowly(data):
        receiver = recorder()
        parser = RequestParser(receiver, Limits())
        try:
            parser.feed(data[:1])
            parser.feed(data[1:])
        except RequestError:
            return None
        return receiver

    return slowly


def test_a_head_is_read_like_by_the_other_parser(read, slowly):
    (expected,) = slowly(BROWSER).heads
    head, body = read(BROWSER)
    assert body == b""
    assert (head.method, head.target, head.version) == ("GET", "/a%20b?c=d", (1, 1))
    assert head.fields == expected.fields
    assert len(head.fields) == 7


def test_a_body_is_read_with_its_head(read, slowly):
    head, body = read(POST)
    (expected,) = slowly(POST).heads
    assert (head.method, head.fields, body) == ("POST", expected.fields, b"\r\n\r\nab")


def test_a_request_to_leave_http_is_read_if_it_has_no_body(read, slowly):
    head, body = read(UPGRADE)
    (expected,) = slowly(UPGRADE).heads
    assert (head.upgrade, head.keep_alive, body) == (True, True, b"")
    assert head.fields == expected.fields


@pytest.mark.parametrize(
    "data",
    [
        BROWSER[:-1],
        BROWSER + b"G",
        BROWSER + BROWSER,
        b"\r\n" + BROWSER,
        b"\r" + BROWSER,
        b"\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: test\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
        POST[:-1],
        POST + b"G",
        POST + POST,
        POST.replace(b"POST", b"GET"),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\na",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        UPGRADE.replace(b"Host: test", b"Transfer-Encoding: chunked"),
        b"GET / HTTP/1.1\r\nConnection: close, Upgrade\r\nUpgrade: x\r\n\r\n",
        UPGRADE + b"\x81",
        UPGRADE + UPGRADE,
        b"CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n",
        b"GET / HTTP/1.1\r\nX : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: 1\r\n 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
    ],
)
def test_anything_but_the_most_usual_request_is_left_to_the_other_parser(read, data):
    assert read(data) is None


def test_a_head_that_could_exceed_a_limit_is_left_to_the_other_parser(read):
    assert read(BROWSER, most_bytes=len(BROWSER) - 4) is not None
    assert read(BROWSER, most_bytes=len(BROWSER) - 5) is None
    assert read(BROWSER, most_fields=7) is not None
    assert read(BROWSER, most_fields=6) is None
    line_bytes = BROWSER.index(b"\r\n")
    assert read(BROWSER, most_line_bytes=line_bytes) is not None
    assert read(BROWSER, most_line_bytes=line_bytes - 1) is None


def test_a_reader_goes_on_after_what_it_could_not_read():
    reader = WholeRequestReader(8190, 100, 4094)
    for data in (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX\r\n\r\n",
        UPGRADE.replace(b"GET", b"CONNECT"),
    ):
        assert reader.read(data) is None
        assert reader.read(BROWSER) is not None


PIECES = st.sampled_from(
    [
        *(b"GET ", b"POST ", b"PRI ", b"/", b"*", b" ", b"\t", b"http://a/", b"#", b"?", b"\xe9"),
        *(
            b" HTTP/1.1",
            b" HTTP/1.0",
            b" HTTP/0.9",
            b"\r\n",
            b"\r",
            b"\n",
            b":",
            b": ",
            b",",
            b"\0",
        ),
        *(b"Host: a", b"Connection: ", b"close", b"keep-alive", b"Upgrade", b"Upgrade: h2c"),
        *(b"Content-Length: 0", b"Content-Length: 1", b"Transfer-Encoding: chunked", b"X_Y: 1"),
        *(b"Connection: Upgrade", b"Connection: close, Upgrade", b"Upgrade: websocket"),
        *(b"Expect: 100-continue", b"\x7f", b"\x0b", b"0", b"a"),
    ]
)
LINES = st.lists(st.lists(PIECES, max_size=4).map(b"".join), max_size=4).map(b"\r\n".join)
HEADS = st.one_of(
    st.lists(PIECES, max_size=12).map(b"".join),
    LINES.map(lambda lines: b"GET / HTTP/1.1\r\n" + lines),
    LINES.map(lambda lines: b"POST / HTTP/1.1\r\n" + lines),
)


@st.composite
def posts(draw):
    """A request with a body that is mostly as long as its head says."""
    line = draw(st.lists(PIECES, max_size=2).map(b"".join))
    body = draw(st.lists(PIECES, max_size=4).map(b"".join))
    length = len(body) + draw(st.sampled_from([0, 0, 0, 0, -1, 1]))
    return b"POST / HTTP/1.1\r\nContent-Length: %d\r\nX:%b\r\n\r\n%b" % (length, line, body)


@st.composite
def upgrades(draw):
    """A request to leave HTTP, and perhaps a body or other data."""
    lines = [b"Connection: Upgrade", b"Upgrade: websocket", *draw(st.lists(PIECES, max_size=3))]
    method = draw(st.sampled_from([b"GET", b"GET", b"GET", b"POST", b"CONNECT", b"OPTIONS"]))
    head = b"\r\n".join([method + b" / HTTP/1.1", *draw(st.permutations(lines))])
    return head + b"\r\n\r\n" + draw(st.sampled_from([b"", b"", b"a", b"0\r\n\r\n"]))


DATA = st.one_of(HEADS.map(lambda head: head + b"\r\n\r\n"), posts(), upgrades())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=DATA)
def test_whatever_is_read_quickly_is_read_the_same_by_the_other_parser(data, read, slowly):
    whole = read(data)
    if whole is None:
        return
    head, body = whole
    receiver = slowly(data)
    assert receiver is not None, "the other parser refuses it"
    (expected,) = receiver.heads
    assert receiver.complete == 1
    assert (head.method, head.target, head.version, head.keep_alive, head.upgrade) == (
        *(expected.method, expected.target, expected.version),
        *(expected.keep_alive, expected.upgrade),
    )
    assert head.fields == expected.fields
    assert [body] == receiver.bodies


def test_a_closed_reader_leaves_no_cycle():
    class Reader(WholeRequestReader):  # without __slots__, so that it can be referred to
        pass

    reader = Reader(8190, 100, 4094)
    assert reader.read(BROWSER) is not None
    reader.close()
    gc.disable()
    try:
        reference = weakref.ref(reader)
        del reader
        assert reference() is None
    finally:
        gc.enable()
