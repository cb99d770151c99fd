"""Real servers: what an application gets from each of them, and what it does to the client."""

import contextlib
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from signal import SIGTERM

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


def test_cookies_of_http2_arrive_together(server):
    with httpx.Client(http1=False, http2=True, trust_env=False) as client:
        call = partial(client.get, f"http://127.0.0.1:{server.port}/cookies")
        if server.name not in ("hypercorn", "granian"):  # they need TLS for HTTP/2
            with pytest.raises(httpx.HTTPError):
                call()
            return
        response = call(headers=[("cookie", "a=1"), ("cookie", "b=2")])
        assert response.http_version == "HTTP/2"
        assert response.json() == {"a": "1", "b": "2"}


# --- The life of a server -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "granian", "daphne"])
def test_an_event_stream_does_not_keep_a_server_from_stopping(start, name):
    server = start(name)
    with server.ask("GET /events HTTP/1.1") as client:
        while b"tick" not in client.recv(9999):
            pass
        server.signal(SIGTERM)
        received = b""
        while data := client.recv(9999):
            received += data
    assert server.ended() < 10
    if name == "daphne":  # it has no lifespan
        assert "the application has started" in server.output
        assert "the application has stopped" not in server.output
    else:
        assert received.endswith(b"0\r\n\r\n")
        server.said("the application has started")
        server.said("the application has stopped")
