"""inbound: bytes of one connection in, requests out."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiopyramid_core.exceptions import BadRequest, InsufficientStorage
from aiopyramid_core.servers import BodyLimits
from aiopyramid_gunicorn._http1.environ import connection_environ
from aiopyramid_gunicorn._http1.inbound import Inbound
from aiopyramid_gunicorn._http1.limits import Limits
from aiopyramid_gunicorn._http1.proxy_protocol import ProxyHeaderReader
from aiopyramid_gunicorn.exceptions import ExpectationFailed, ForbiddenProxy

PEER = ("192.0.2.7", 51234)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMITS = Limits()
PROXY = b"PROXY TCP4 203.0.113.5 192.0.2.1 1 2\r\n"


def post(*fields, body=b""):
    lines = [b"POST / HTTP/1.1", b"Host: a", b"Content-Length: 3", *fields, b"", b""]
    return b"\r\n".join(lines) + body


@pytest.fixture
def inbound(settings):
    """Make the requests of a connection, and feed them data."""

    def inbound(*parts, proxy=None, limits=LIMITS, **given):
        made = settings(**given)
        environ = connection_environ(made, PEER, ("192.0.2.1", 8000))
        requests = Inbound(environ, made, limits, PEER, proxy and ProxyHeaderReader(proxy))
        for part in parts:
            requests.feed(part)
        return requests

    return inbound


def test_requests_sent_together_wait_in_order(inbound):
    requests = inbound(GET.replace(b"/ ", b"/1 ") + GET.replace(b"/ ", b"/2 "))
    assert [each.environ["PATH_INFO"] for each in requests.waiting] == ["/1", "/2"]
    assert requests.is_ahead
    assert not requests.is_receiving


def test_a_request_grows_until_its_body_is_complete(inbound):
    requests = inbound(post(body=b"ab"))
    assert (requests.is_receiving, requests.in_head, requests.plain_bytes) == (True, False, 1)
    requests.feed(b"c")
    assert (requests.is_receiving, requests.plain_bytes) == (False, 0)
    assert requests.waiting[0].body.open().read() == b"abc"
    requests.close()


def begin(requests):
    """Let the application begin with the request whose body is arriving; return the body."""
    return requests.growing.begin(lambda length, waited: 30.0, BodyLimits(body_bytes=10))


def test_a_request_that_has_begun_gets_the_rest_of_its_body_and_does_not_wait(inbound):
    requests = inbound(post(body=b"a"))
    assert requests.live_body is None
    body = begin(requests)
    assert requests.live_body is body
    assert (body.length_bytes, body.missing_bytes, body.is_complete) == (1, 2, False)
    requests.feed(b"bc" + GET)
    assert (body.length_bytes, body.is_complete) == (3, True)
    assert requests.live_body is None
    assert [each.head.method for each in requests.waiting] == ["GET"]


def test_an_application_that_has_begun_learns_that_the_rest_of_a_body_is_refused(inbound):
    requests = inbound(CHUNKED + b"1\r\na\r\n")
    body = begin(requests)
    requests.feed(b"not a chunk")
    assert isinstance(requests.refusal, BadRequest)
    with pytest.raises(BadRequest):
        asyncio.run(read(body))


async def read(body):
    while await body.part(100):
        pass


@pytest.mark.parametrize(
    ("data", "is_at_rest"),
    [(b"", True), (GET, False), (b"GET", False), (post(), False), (UPGRADE, False), (b"?", False)],
)
def test_it_is_at_rest_when_nothing_waits_and_nothing_has_begun(inbound, data, is_at_rest):
    requests = inbound(data)
    assert requests.is_at_rest is is_at_rest
    assert requests.is_at_rest is not (requests.is_ahead or requests.is_receiving)


BIG = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"


def test_data_that_is_known_to_belong_to_the_body_is_added_to_it(inbound):
    requests = inbound(BIG, b"ab")
    assert requests.plain_bytes == 999_998
    requests.feed_body(b"c" * 999_997)
    assert requests.plain_bytes == 1
    requests.feed(b"d" + GET)
    first, second = requests.waiting
    assert first.body.open().read() == b"ab" + b"c" * 999_997 + b"d"
    assert second.head.method == "GET"
    requests.close()


def test_a_body_for_which_there_is_no_room_is_refused_while_it_arrives(inbound, monkeypatch):
    def full(**options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    requests = inbound(BIG, b"ab")
    requests.feed_body(b"x" * 900_000)
    refusal = requests.refusal
    assert isinstance(refusal, InsufficientStorage)
    requests.feed_body(b"x" * 1000)
    assert requests.refusal is refusal


@pytest.mark.parametrize("fields", [b"", b"Connection: close\r\n"])
def test_the_last_request_is_still_the_last_one_after_a_body_in_many_parts(inbound, fields):
    requests = inbound(BIG.replace(b"\r\n\r\n", b"\r\n" + fields + b"\r\n"), b"ab")
    requests.feed_body(b"c" * 999_997)
    requests.feed(b"d")
    requests.feed(GET)
    assert len(requests.waiting) == (1 if fields else 2)
    assert (requests.refusal is not None) == bool(fields)
    requests.waiting[0].body.close()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_body_in_parts_is_the_same_whichever_way_they_take(inbound, data):
    body = data.draw(st.binary(min_size=3, max_size=300))
    head = BIG.replace(b"1000000", b"%d" % len(body))
    bypassing, parsing = inbound(head), inbound(head)
    rest = body + GET
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        part, rest = rest[:size], rest[size:]
        parsing.feed(part)
        if size < bypassing.plain_bytes and data.draw(st.booleans()):
            bypassing.feed_body(part)
        else:
            bypassing.feed(part)
        assert bypassing.plain_bytes == parsing.plain_bytes
        assert bypassing.is_receiving == parsing.is_receiving
    for requests in (bypassing, parsing):
        first, second = requests.waiting
        assert first.body.open().read() == body
        assert (second.head.method, second.head.target) == ("GET", "/")
        requests.close()


def test_a_client_that_waits_for_100_continue_gets_it_once(inbound):
    requests = inbound(post(b"Expect: 100-continue"))
    assert [requests.take_continue(), requests.take_continue()] == [True, False]


def test_nothing_is_to_be_continued_without_a_request(inbound):
    assert not inbound().take_continue()


def test_any_other_expectation_is_refused(inbound):
    requests = inbound(post(b"Expect: tea"))
    assert isinstance(requests.refusal, ExpectationFailed)


def test_after_a_refusal_nothing_is_read(inbound):
    requests = inbound(b"GET / HTTP/1.1\r\n\r\n")
    assert isinstance(requests.refusal, BadRequest)
    requests.feed(GET)
    assert not requests.waiting


def test_the_bytes_after_an_upgrade_are_kept(inbound):
    requests = inbound(UPGRADE + b"first ", b"second")
    assert requests.behind_upgrade == b"first second"
    assert requests.is_ahead


@pytest.mark.parametrize(("behind", "waiting"), [(b"", 1), (GET, 2)])
def test_an_upgrade_that_is_declined_is_followed_by_http(inbound, behind, waiting):
    requests = inbound(UPGRADE + behind)
    requests.decline_upgrade()
    assert len(requests.waiting) == waiting


def test_a_connection_is_not_kept_after_connect(inbound):
    requests = inbound(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert not requests.waiting[0].head.keep_alive


def test_the_addresses_of_a_proxy_header_count_for_all_requests(inbound):
    requests = inbound(PROXY[:9], PROXY[9:] + GET + GET, proxy="v1", proxy_allow_ips="192.0.2.7")
    assert [each.environ["REMOTE_ADDR"] for each in requests.waiting] == ["203.0.113.5"] * 2


def test_a_proxy_header_without_addresses_changes_nothing(inbound):
    requests = inbound(b"PROXY UNKNOWN\r\n" + GET, proxy="v1")
    assert requests.waiting[0].environ["REMOTE_ADDR"] == PEER[0]


def test_a_proxy_header_from_elsewhere_is_refused(inbound):
    requests = inbound(PROXY + GET, proxy="v1", proxy_allow_ips="192.0.2.9")
    assert isinstance(requests.refusal, ForbiddenProxy)


def test_closing_releases_the_bodies(inbound):
    requests = inbound(post(body=b"abc") + post(body=b"d"), limits=Limits(body_memory_bytes=0))
    files = [requests.waiting[0].body.open(), requests.growing.body.open()]
    requests.close()
    assert [file.closed for file in files] == [True, True]
    assert not requests.waiting


def test_the_effort_grows_with_requests_and_chunks(inbound):
    requests = inbound()
    efforts = [requests.effort]
    for data in (
        GET,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
    ):
        requests.feed(data)
        efforts.append(requests.effort)
    assert efforts[0] == 0
    assert efforts[2] == 2 * efforts[1] + 1
    requests.close()
