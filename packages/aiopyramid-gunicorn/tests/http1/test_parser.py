"""parser: bytes in, requests out."""

import gc
import weakref

import httptools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiopyramid_core.exceptions import BadRequest
from aiopyramid_gunicorn._http1.limits import Limits
from aiopyramid_gunicorn._http1.parser import RequestParser
from aiopyramid_gunicorn.exceptions import HeaderFieldsTooLarge, TargetTooLong, VersionNotSupported

TWO_REQUESTS = (
    b"POST /one?a=%20b HTTP/1.1\r\nHost: test\r\nX-Empty:\r\nX-Padded:  v \t\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
    b"3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Trailer: t\r\n\r\n"
    b"PUT /two HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"
)


@pytest.fixture
def feed(recorder):
    """Feed pieces to a new parser; return the receiver and what the last call returned."""

    def feed(*pieces, limits=None):
        receiver = recorder()
        parser = RequestParser(receiver, limits or Limits())
        behind = None
        for piece in pieces:
            behind = parser.feed(piece)
        receiver.behind = behind
        return receiver

    return feed


# --- Heads ----------------------------------------------------------------------------------------


def test_a_head_has_method_target_and_version(parse):
    head = parse(b"DELETE /a%20b?c=d HTTP/1.1\r\nHost: test\r\n\r\n")
    assert (head.method, head.target, head.version) == ("DELETE", "/a%20b?c=d", (1, 1))


def test_header_fields_keep_order_case_and_repetition(parse):
    head = parse(b"GET / HTTP/1.1\r\nHost: t\r\nB: 1\r\na: 2\r\nB: 3\r\n\r\n")
    assert head.fields == [("Host", "t"), ("B", "1"), ("a", "2"), ("B", "3")]


@pytest.mark.parametrize("field", [b"X:", b"X: ", b"X: \t "])
def test_a_header_field_may_be_empty(parse, field):
    assert parse(b"GET / HTTP/1.1\r\n" + field + b"\r\n\r\n").fields == [("X", "")]


def test_whitespace_around_a_value_is_taken_off(parse):
    head = parse(b"GET / HTTP/1.1\r\nX: \t a b \t \r\n\r\n")
    assert head.fields == [("X", "a b")]


def test_bytes_above_ascii_are_allowed_in_values(parse):
    assert parse(b"GET / HTTP/1.1\r\nX: \xe9\r\n\r\n").fields == [("X", "\xe9")]


def test_empty_lines_before_a_request_are_skipped(parse):
    assert parse(b"\r\n\r\nGET / HTTP/1.1\r\n\r\n").method == "GET"


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: keep-alive, Close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
    ],
)
def test_keep_alive_is_the_default_of_http_1_1_only(parse, version, connection, kept):
    head = parse(b"GET / HTTP/" + version + b"\r\n" + connection + b"\r\n")
    assert head.keep_alive is kept


def test_nothing_is_accepted_after_a_last_request(feed):
    last = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
    with pytest.raises(BadRequest):
        feed(last, b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")


# --- Bodies ---------------------------------------------------------------------------------------


def test_a_body_is_delimited_by_its_length(feed):
    got = feed(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
    assert (got.bodies, got.complete) == ([b"abc"], 1)


def test_a_body_without_its_last_byte_is_not_complete(feed):
    got = feed(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab")
    assert (got.bodies, got.complete) == ([b"ab"], 0)


def test_chunked_framing_is_taken_off(feed):
    got = feed(TWO_REQUESTS)
    assert got.bodies == [b"abcdefg", b"hello"]


def test_trailer_fields_are_ignored(feed):
    got = feed(TWO_REQUESTS)
    assert "X-Trailer" not in [name for head in got.heads for name, _ in head.fields]
    assert got.complete == 2


def test_a_trailer_without_end_is_refused(feed):
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "
    with pytest.raises(HeaderFieldsTooLarge):
        feed(chunked, *[b"a" * 65536] * 32)


def test_a_chunk_extension_without_end_is_refused(feed):
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x="
    with pytest.raises((HeaderFieldsTooLarge, BadRequest)):
        feed(chunked, *[b"a" * 65536] * 32)


# --- Pieces ---------------------------------------------------------------------------------------


def everything(recorder):
    # Without the lines, whose whitespace depends on how the head was read.
    heads = [
        (head.method, head.target, head.version, head.fields, head.keep_alive, head.upgrade)
        for head in recorder.heads
    ]
    return heads, recorder.bodies, recorder.complete


def test_byte_by_byte_gives_the_same_requests(feed):
    one_by_one = [TWO_REQUESTS[i : i + 1] for i in range(len(TWO_REQUESTS))]
    assert everything(feed(*one_by_one)) == everything(feed(TWO_REQUESTS))


# The fixture is but a class; and a busy machine takes any time.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cuts=st.lists(st.integers(0, len(TWO_REQUESTS)), max_size=12).map(sorted))
def test_any_pieces_give_the_same_requests(cuts, recorder):
    receivers = recorder(), recorder()
    RequestParser(receivers[0], Limits()).feed(TWO_REQUESTS)
    parser = RequestParser(receivers[1], Limits())
    for start, end in zip([0, *cuts], [*cuts, len(TWO_REQUESTS)], strict=True):
        parser.feed(TWO_REQUESTS[start:end])
    assert everything(receivers[1]) == everything(receivers[0])


# --- Upgrades -------------------------------------------------------------------------------------

UPGRADE = b"GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def test_what_is_after_an_upgrade_is_returned(feed):
    got = feed(UPGRADE + b"\x81\x05hello")
    assert got.behind == b"\x81\x05hello"
    assert (got.heads[0].upgrade, got.complete) == (True, 1)


def test_an_upgrade_with_nothing_after_it_returns_no_bytes_rather_than_none(feed):
    assert feed(UPGRADE[:20], UPGRADE[20:]).behind == b""


def test_an_upgrade_that_connection_does_not_name_is_none(feed):
    got = feed(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
    assert (got.heads[0].upgrade, got.behind) == (False, None)


def test_connect_leaves_http(feed):
    got = feed(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n\x16\x03")
    assert (got.heads[0].upgrade, got.behind) == (True, b"\x16\x03")


@pytest.mark.parametrize(
    ("framing", "body"),
    [(b"Content-Length: 3", b"abc"), (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n")],
)
def test_the_body_of_an_upgrade_request_belongs_to_it(feed, framing, body):
    # RFC 9110, 7.8, and what Java's client does. Taken for a request of its own, the body would
    # be a way past every proxy in front.
    head = b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + framing + b"\r\n\r\n"
    got = feed(head + body[:1], body[1:])
    assert (got.bodies, got.complete) == ([b"abc"], 1)


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x02\x00", id="a TLS handshake"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"GET foo HTTP/1.1\r\n\r\n", id="a target that is not a path"),
        pytest.param("GET /é HTTP/1.1\r\n\r\n".encode(), id="a target beyond ASCII"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\n\n", id="bare line feeds"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", id="a folded line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", id="a space before the colon"),
        pytest.param(b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n", id="a NUL"),
        pytest.param(b"GET / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", id="a signed length"),
        pytest.param(b"GET / HTTP/1.1\r\nContent-Length:\r\n\r\n", id="an empty length"),
        pytest.param(
            b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", id="two lengths"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
            id="two framings",
        ),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", id="not chunked"),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", id="no chunk size"
        ),
    ],
)
def test_invalid_requests_are_refused(feed, data):
    with pytest.raises(BadRequest):
        feed(data)


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"1.2"])
def test_other_versions_of_http_are_refused(feed, version):
    with pytest.raises((VersionNotSupported, BadRequest)):
        feed(b"GET / HTTP/" + version + b"\r\nHost: a\r\n\r\n")


def test_http_0_9_is_refused_for_its_version(feed):
    with pytest.raises(VersionNotSupported, match=r"HTTP/0\.9 is not supported"):
        feed(b"GET / HTTP/0.9\r\n\r\n")


def test_a_bug_in_the_receiver_is_not_taken_for_a_bad_request(recorder):
    class Broken(recorder):
        def head_received(self, head):
            raise LookupError("a bug of ours")

    head = b"GET / HTTP/1.1\r\n\r\n"
    with pytest.raises(LookupError):
        RequestParser(Broken(), Limits()).feed(head)
    with pytest.raises(httptools.HttpParserCallbackError) as caught:
        RequestParser(Broken(), Limits()).feed(head + head)
    assert isinstance(caught.value.__context__, LookupError)


# --- Limits ---------------------------------------------------------------------------------------


def get(*, target=b"/", fields=b""):
    return b"GET " + target + b" HTTP/1.1\r\n" + fields + b"\r\n"


REST_OF_LINE = len("GET / HTTP/1.1")


def test_a_line_as_long_as_the_limit_passes(feed):
    target = b"/" + b"a" * (100 - REST_OF_LINE)
    assert feed(get(target=target), limits=Limits(request_line_bytes=100)).complete == 1


def test_a_line_is_too_long_by_one_byte_of_its_method(feed):
    target = b"/" + b"a" * (100 - REST_OF_LINE)
    with pytest.raises(TargetTooLong, match="exceeds 100 bytes"):
        feed(b"HEAD " + target + b" HTTP/1.1\r\n\r\n", limits=Limits(request_line_bytes=100))


def test_a_longer_target_is_refused_though_it_comes_in_pieces(feed):
    with pytest.raises(TargetTooLong, match="exceeds 100 bytes"):
        feed(b"GET /", *[b"a"] * 100, limits=Limits(request_line_bytes=100))


def test_a_limit_of_0_does_not_limit_the_target(feed):
    assert feed(get(target=b"/" + b"a" * 9999), limits=Limits(request_line_bytes=0)).complete == 1


def test_as_many_fields_as_the_limit_pass(feed):
    assert feed(get(fields=b"a: b\r\n" * 5), limits=Limits(header_fields=5)).complete == 1


def test_more_fields_are_refused(feed):
    with pytest.raises(HeaderFieldsTooLarge, match="more than 5 header fields"):
        feed(get(fields=b"a: b\r\n" * 6), limits=Limits(header_fields=5))


def test_a_long_field_is_refused(feed):
    with pytest.raises(HeaderFieldsTooLarge, match="exceeds 100 bytes"):
        feed(get(fields=b"a: " + b"b" * 100 + b"\r\n"), limits=Limits(header_field_bytes=100))


def test_a_field_without_end_is_refused_before_it_fills_the_memory(feed):
    with pytest.raises(HeaderFieldsTooLarge, match="does not end"):
        feed(b"GET / HTTP/1.1\r\na: ", *[b"b" * 65536] * 20)


def test_a_head_as_long_as_the_limit_passes(feed):
    fields = b"a: b\r\n" * 5
    assert feed(get(fields=fields), limits=Limits(head_bytes=len(get(fields=fields)))).complete == 1


@pytest.mark.parametrize("size", [1, 10, 10_000])
def test_a_longer_head_is_refused_though_each_field_is_short(feed, size):
    head = get(fields=b"a: 12345678\r\n" * 90)
    parts = [head[begin : begin + size] for begin in range(0, len(head), size)]
    with pytest.raises(HeaderFieldsTooLarge, match=r"1000 bytes .*head_limit_bytes"):
        feed(*parts, limits=Limits(head_bytes=1000))


CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_chunk_extensions_are_refused_when_they_are_too_long_in_all(feed, size):
    body = b"1;extension=0123456789012345\r\na\r\n" * 100
    parts = [body[begin : begin + size] for begin in range(0, len(body), size)]
    with pytest.raises(HeaderFieldsTooLarge, match=r"extensions .* exceed 1000 bytes"):
        feed(CHUNKED, *parts, limits=Limits(head_bytes=1000))


@pytest.mark.parametrize("size", [1, 100, 100_000])
def test_tiny_chunks_without_extensions_are_not_limited_by_that(feed, size):
    body = b"1\r\na\r\n" * 5000 + b"0\r\n\r\n"
    parts = [body[begin : begin + size] for begin in range(0, len(body), size)]
    receiver = feed(CHUNKED, *parts, limits=Limits(head_bytes=1000))
    assert receiver.bodies == [b"a" * 5000]


def test_trailer_fields_are_refused_when_they_are_too_long_in_all(feed):
    with pytest.raises(HeaderFieldsTooLarge, match=r"exceeds? 1000 bytes"):
        feed(CHUNKED + b"0\r\n", b"a: 12345678\r\n" * 90, limits=Limits(head_bytes=1000))


def test_a_body_does_not_count_as_part_of_the_head_after_it(feed):
    small = Limits(request_line_bytes=100, header_fields=10, header_field_bytes=100)
    post = b"POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + b"a" * 200000
    assert feed(post + b"GET / HTT", b"P/1.1\r\n\r\n", limits=small).complete == 2


# --- Memory ---------------------------------------------------------------------------------------


def test_a_closed_parser_leaves_no_cycle_behind(recorder):
    gc.collect()
    gc.disable()
    try:
        receiver = recorder()
        parser = RequestParser(receiver, Limits())
        parser.feed(get())
        gone = weakref.ref(receiver)
        parser.close()
        del parser, receiver
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("name", [b"Host", b"Authorization", b"Connection"])
def test_a_trailer_field_that_frames_or_routes_is_refused(feed, name):
    head = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
    with pytest.raises(BadRequest, match="cannot be a trailer field"):
        feed(head + b"0\r\n" + name + b": 1\r\n\r\n")
