"""Real servers: what an application gets from each of them, and what it does to the client."""

import contextlib
import hashlib
import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import h2.config
import h2.connection
import h2.events
import httpx
import pytest


def test_a_coroutine_view_is_served(server):
    assert server.get("/hello").text == "hello"


def test_a_synchronous_view_runs_in_a_thread_of_ours(server):
    assert server.get("/name_of_thread").text.startswith("aiopyramid-request")


def test_twenty_synchronous_views_run_at_the_same_time(server):
    server.get("/sleeping")
    started = time.monotonic()
    with ThreadPoolExecutor(20) as clients:
        texts = list(clients.map(lambda _: server.get("/sleeping").text, range(20)))
    assert texts == ["slept"] * 20
    assert time.monotonic() - started < 20 * 0.2 / 2


def test_the_environ_names_the_request(server):
    environ = json.loads(server.get("/environ/%C3%BC?q=%FF", X_Field="a value").text)
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/environ/ü"
    assert environ["QUERY_STRING"] == "q=%FF"
    assert environ["SCRIPT_NAME"] == ""
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["HTTP_X_FIELD"] == "a value"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == str(server.port)


def test_what_a_proxy_on_this_machine_says_is_the_same_on_all_servers(server):
    environ = json.loads(
        server.get("/environ", X_Forwarded_For="198.51.100.1", X_Forwarded_Proto="https").text
    )
    assert environ["REMOTE_ADDR"] == "198.51.100.1"
    assert environ["wsgi.url_scheme"] == "https"


def test_a_body_arrives_whole_whether_it_is_in_chunks_or_not(server):
    body = b"0123456789" * 50_000
    digest = hashlib.sha256(body).hexdigest()
    assert server.get("/upload", "POST", body).text == digest
    pieces = (body[at : at + 9999] for at in range(0, len(body), 9999))
    assert server.get("/upload", "POST", pieces).text == digest


def test_a_body_beyond_the_limit_is_refused_unread(server):
    # daphne itself keeps the whole body before it calls the application.
    body = b"x" * 9_999_999 if server.name == "daphne" else b""
    with server.ask("POST /upload HTTP/1.1\nContent-Length: 9999999", body) as client:
        assert client.recv(99).split()[1] == b"413"


def test_a_body_beyond_the_limit_in_chunks_is_refused(server):
    before = server.get("/what_happened").text
    # The client may be told before it has sent everything, or find the connection closed.
    with contextlib.suppress(ConnectionError):
        assert server.get("/upload", "POST", iter([b"x" * (1 << 19)] * 8)).status == 413
    assert server.get("/what_happened").text == before


def test_a_truncated_upload_never_reaches_the_application(server):
    before = server.get("/what_happened").text.count("upload")
    with server.ask("POST /upload HTTP/1.1\nContent-Length: 1000\n", b"the beginning"):
        pass
    with server.ask("POST /upload HTTP/1.1\nTransfer-Encoding: chunked\n", b"5\r\nabcde\r\n"):
        pass
    server.get("/upload", "POST", b"another")
    assert server.get("/what_happened").text.count("upload") == before + 1


def test_a_view_may_begin_before_its_body_is_complete(server):
    digest = hashlib.sha256(b"beginning end").hexdigest()
    with server.ask("POST /streamed HTTP/1.1\nContent-Length: 13", b"beginning") as client:
        if server.name != "daphne":  # which keeps the whole body before it calls the application
            server.happens("streamed began")
        client.sendall(b" end")
        received = b""
        while digest.encode() not in received:
            data = client.recv(9999)
            assert data
            received += data


def test_a_view_that_refuses_an_upload_does_not_ask_for_it(server):
    head = "POST /guarded HTTP/1.1\nContent-Length: 9\nExpect: 100-continue"
    with server.ask(head) as client:
        # The others ask for every body.
        expected = b"403" if server.name in ("uvicorn", "granian") else b"100"
        assert client.recv(99).split()[1] == expected


def test_a_body_in_parts_arrives_whole(server):
    assert server.get("/parts").text == "012"


def test_an_answer_to_head_has_the_length_and_no_body(server):
    response = server.get("/hello", "HEAD")
    assert (response.getheader("Content-Length"), response.text) == ("5", "")


def test_a_failing_view_is_answered_with_500(server):
    assert server.get("/failing").status == 500
    server.said("failed on purpose")


def test_a_response_that_breaks_off_does_not_look_complete(server):
    with server.ask("GET /broken HTTP/1.1") as client:
        received = b""
        # daphne does not act on it, so that the client waits.
        client.settimeout(1 if server.name == "daphne" else 30)
        with contextlib.suppress(TimeoutError if server.name == "daphne" else ConnectionError):
            while data := client.recv(9999):
                received += data
    assert b"the beginning" in received
    assert not received.endswith(b"0\r\n\r\n")


def test_an_event_stream_ends_when_its_client_has_gone(server):
    with server.ask("GET /events HTTP/1.1") as client:
        assert client.recv(999)
    server.happens("events closed")


@pytest.mark.parametrize("path", ["endless", "threaded"])
def test_a_body_without_an_end_ends_when_its_client_has_gone(server, path):
    with server.ask(f"GET /{path} HTTP/1.1") as client:
        client.recv(999)
    server.happens(f"{path} closed")


def test_a_client_that_does_not_read_stops_the_application(server):
    with server.ask("GET /endless HTTP/1.1") as client:
        client.recv(999)
        server.until(lambda: int(server.get("/taken").text) > 0)
        # Twisted's transport, as daphne uses it, keeps everything in memory.
        if server.name != "daphne":
            counts = [-1, int(server.get("/taken").text)]
            server.until(lambda: _settles(server, counts))
            assert counts[-1] < 1000  # 64 MB
    server.happens("endless closed")


def _settles(server, counts):
    time.sleep(0.2)
    counts.append(int(server.get("/taken").text))
    return counts[-1] == counts[-2]


def test_a_request_is_cancelled_when_its_client_has_gone(server):
    with server.ask("GET /waiting HTTP/1.1"):
        time.sleep(0.2)
    server.happens("waiting cancelled")


def test_the_threads_are_free_again_when_more_clients_than_threads_have_gone(server):
    with contextlib.ExitStack() as clients:
        for _ in range(60):
            clients.enter_context(server.ask("GET /threaded HTTP/1.1"))
    started = time.monotonic()
    assert server.get("/sleeping").text == "slept"
    assert time.monotonic() - started < 20


def test_the_request_of_a_client_that_has_gone_is_cleaned_up(server):
    with server.ask("GET /cleaned_up HTTP/1.1") as client:
        client.recv(999)
    server.happens("finished callback")


def test_a_large_file_arrives_whole(server):
    digest = hashlib.sha256(bytes(1_000_000)).hexdigest()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/file", timeout=30) as response:
        assert response.headers["Content-Length"] == "1000000"
        assert hashlib.sha256(response.read()).hexdigest() == digest


def test_a_client_that_waits_is_told_to_send_its_body(server):
    with server.ask("POST /upload HTTP/1.1\nContent-Length: 3\nExpect: 100-continue") as client:
        answer = client.recv(999)
        assert answer.startswith(b"HTTP/1.1 100")
        client.sendall(b"abc")
        while b"\r\n\r\n" not in answer.partition(b"200")[2]:
            answer += client.recv(999)


def test_a_client_that_waits_is_refused_before_it_sends_a_body_that_is_too_long(server):
    head = "POST /upload HTTP/1.1\nContent-Length: 9999999\nExpect: 100-continue"
    with server.ask(head) as client:
        answer = client.recv(999)
    if server.name in SEND_100_THEMSELVES:
        assert answer.startswith(b"HTTP/1.1 100")
    else:
        assert answer.startswith(b"HTTP/1.1 413")


SEND_100_THEMSELVES = ("hypercorn", "daphne")
"""They do not ask the application before."""


# --- HTTP/2 ---------------------------------------------------------------------------------------

HTTP2 = pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "granian"])
"""daphne needs TLS for it."""


@HTTP2
def test_cookies_of_http2_arrive_together(http2_servers, name):
    with httpx.Client(http1=False, http2=True, trust_env=False, timeout=30) as client:
        response = client.get(
            f"http://127.0.0.1:{http2_servers(name).port}/cookies",
            headers=[("cookie", "a=1"), ("cookie", "b=2")],
        )
    assert response.http_version == "HTTP/2"
    assert response.json() == {"a": "1", "b": "2"}


@HTTP2
def test_a_response_of_http2_does_not_have_the_upgrade_of_http1(http2_servers, name):
    with httpx.Client(http1=False, http2=True, trust_env=False, timeout=30) as client:
        response = client.get(f"http://127.0.0.1:{http2_servers(name).port}/echo")
    assert response.status_code == 426
    assert {"connection", "upgrade"}.isdisjoint(response.headers)


@HTTP2
def test_an_upload_of_http2_arrives_whole(http2_servers, name):
    body = b"0123456789" * 20_000
    with httpx.Client(http1=False, http2=True, trust_env=False, timeout=30) as client:
        address = f"http://127.0.0.1:{http2_servers(name).port}/upload"
        for content in (body, iter([body[:99_999], body[99_999:]])):
            assert client.post(address, content=content).text == hashlib.sha256(body).hexdigest()


@HTTP2
def test_a_slow_request_of_http2_does_not_hold_up_others_on_its_connection(http2_servers, name):
    # Not by httpx, which itself holds answers up.
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    connection.initiate_connection()
    server = http2_servers(name)
    for stream, path in ((1, "/waiting"), (3, "/hello")):
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)]
        connection.send_headers(stream, fields, end_stream=True)
    with server.connect() as client:
        ended = None
        while ended is None:
            client.sendall(connection.data_to_send())
            for event in connection.receive_data(client.recv(65_536)):
                if isinstance(event, h2.events.StreamEnded):
                    ended = event.stream_id
    assert ended == 3
    server.happens("waiting cancelled")


# --- The life of a server -------------------------------------------------------------------------

EACH = pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "granian", "daphne"])


@EACH
def test_an_event_stream_ends_when_its_server_stops(lives, name):
    # daphne closes all connections before the application knows.
    assert lives(name).events.endswith(b"0\r\n\r\n") is (name != "daphne")


@EACH
def test_event_streams_and_websockets_do_not_keep_a_server_from_stopping(lives, name):
    assert lives(name).seconds < 10


@EACH
def test_an_application_starts_and_stops_with_its_server(lives, name):
    output = lives(name).output
    assert "the application has started" in output
    # daphne has no lifespan: the application has started with the first request.
    assert ("the application has stopped" in output) is (name != "daphne")
