"""Requests to a real uWSGI, on both kinds of loop."""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import struct

import aiohttp
import pytest


def at_once(served, *paths):
    """Get all paths at the same time; return the texts."""

    async def main():
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(served.url, connector=connector) as client:

            async def get(path):
                async with client.get(path) as response:
                    assert response.status == 200
                    return await response.text()

            async with asyncio.timeout(20):
                return await asyncio.gather(*map(get, paths))

    return asyncio.run(main())


# --- Many at once ---------------------------------------------------------------------------------


def test_500_requests_wait_at_the_same_time(served):
    loop = asyncio.new_event_loop()
    started = loop.time()
    assert at_once(served, *["/sleep?seconds=0.2"] * 500) == ["slept"] * 500
    # One after the other they would take 100 seconds.
    assert loop.time() - started < 10
    loop.close()
    assert "async queue is full" not in served.output


def test_no_request_sees_the_context_or_the_thread_locals_of_another(served):
    names = [f"number {number}" for number in range(100)]
    answers = at_once(served, *(f"/who?name={name}" for name in names))
    assert [json.loads(answer) for answer in answers] == [
        ["nobody", True, name, True, name, True] for name in names
    ]


def test_coroutines_go_on_while_synchronous_views_block(served):
    paths = ["/block?seconds=0.2", *["/sleep?seconds=0.01"] * 20, "/block?seconds=0.2"]
    assert at_once(served, *paths) == ["blocked", *["slept"] * 20, "blocked"]


def test_synchronous_views_run_in_threads(served):
    assert served.get("/thread")[1].startswith("aiopyramid")


def test_the_loop_is_of_the_kind_that_the_setting_asks_for(served, request):
    kind = request.node.callspec.params["served"]
    assert served.get("/loop") == (200, kind)


def test_a_background_task_keeps_the_request_that_began_it(served):
    # uWSGI uses the environ of a request for the next one.
    for number in range(3):
        served.get(f"/background?number={number}")
    for number in range(3):
        served.said(rf"the background task of /background\?number={number} has ended")


# --- Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/fail", "/leave", "/silent", "/panic", "/panic_in_thread", "/killed"]
)
def test_an_error_of_the_application_is_answered_with_500(served, path):
    assert served.get(path) == (500, "Internal Server Error\n")
    assert served.get("/hello") == (200, "hello")


@pytest.mark.parametrize("source", ["task", "callback"])
@pytest.mark.parametrize(("error", "name"), [("exit", "SystemExit"), ("interrupt", "KeyboardI")])
def test_a_task_or_callback_that_tries_to_exit_ends_neither_a_request_nor_the_worker(
    served, source, error, name
):
    line = f"{name}.* was raised in a task or callback, and does not end the worker"
    before = sum(bool(re.search(line, said)) for said in served.lines)
    pid = served.get("/pid")[1]
    assert served.get(f"/escape?from={source}&error={error}") == (200, pid)
    served.said(line, times=before + 1)
    assert served.get("/pid") == (200, pid)


def test_an_application_that_starts_no_response_is_told_so(served):
    served.get("/silent")
    served.said("ApplicationError: the application has not called start_response")


def test_an_error_is_logged_once_with_its_traceback(served):
    before = sum("LookupError: a bug" in line for line in served.lines)
    served.get("/fail")
    served.said("LookupError: a bug", times=before + 1)
    served.said("Error handling request GET /fail")
    assert sum("LookupError: a bug" in line for line in served.lines) == before + 1


def test_a_cancelled_request_is_answered_with_503(served):
    assert served.get("/cancel") == (503, "Service Unavailable\n")
    served.said("GET /cancel was cancelled")


@pytest.mark.parametrize(
    ("path", "error"), [("/broken", "LookupError: halfway"), ("/broken_by_panic", "Panic")]
)
def test_an_error_in_the_middle_of_a_body_breaks_the_connection_off(served, path, error):
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        served.get(path)
    served.said(error)
    assert served.get("/hello") == (200, "hello")


# --- Responses ------------------------------------------------------------------------------------


def test_an_asynchronous_body_arrives_whole_and_is_closed(served):
    before = served.lines.count("closed the stream")
    assert served.get("/stream?number=20") == (200, "".join(f"{n} " for n in range(20)))
    served.said("closed the stream", times=before + 1)


def test_a_body_is_produced_in_one_task(served):
    assert served.get("/timed") == (200, "same same same ")


def test_a_file_is_served(served):
    status, text = served.get("/file")
    assert status == 200
    assert text.startswith('"""The Pyramid application')


@pytest.mark.parametrize("length", [0, 1, 20_000_000])
def test_a_body_of_any_size_arrives_whole(served, length):
    assert len(served.get(f"/large?length={length}")[1]) == length


def test_what_is_written_comes_before_what_is_returned(served):
    assert served.get("/writing") == (200, "written twice, returned")


def test_a_client_that_vanishes_ends_its_body(served):
    before = served.lines.count("closed the endless stream")
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: test\r\n\r\n")
        assert client.recv(100)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    served.said("closed the endless stream", times=before + 1)


# --- Request bodies -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/length", "/length_in_thread"])
@pytest.mark.parametrize("length", [1, 100_000, 3_000_000])
def test_an_upload_is_complete_before_the_view_begins(served, path, length):
    assert served.get(path, b"x" * length) == (200, f"{length} {length}")


@pytest.mark.parametrize("path", ["/length", "/length_in_thread"])
def test_a_slow_upload_holds_up_nobody(served, path):
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n".encode())
        for _ in range(5):
            client.sendall(b"xx")
            assert served.get("/hello") == (200, "hello")
        answer = b""
        while data := client.recv(4096):
            answer += data
    assert answer.endswith(b"10 10")


def test_chunks_are_put_together(served):
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    parts = (b"x" * 1000 for _ in range(100))
    connection.request("POST", "/length", parts, encode_chunked=True)
    assert connection.getresponse().read() == b"100000 100000"
    connection.close()


@pytest.mark.parametrize("path", ["/length", "/length_in_thread"])
def test_a_body_that_the_system_has_no_room_for_is_answered_with_507(served, path):
    served.get("/limit_files?bytes=1000000")
    try:
        assert served.get(path, bytes(3_000_000))[0] == 507
    finally:
        served.get("/limit_files?bytes=-1")
    served.said(f"POST {path}: the request body cannot be kept: File too large")
    assert served.get(path, bytes(3_000_000)) == (200, "3000000 3000000")


def test_a_body_that_is_announced_as_too_long_is_refused(served):
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"POST /length HTTP/1.1\r\nHost: t\r\nContent-Length: 4000001\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")
    served.said("POST /length: the request body exceeds 4000000 bytes")


def test_a_client_that_vanishes_with_half_a_body_is_logged_without_a_traceback(served):
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"POST /length?gone HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nxx")
    served.said(r"POST /length\?gone: after \d bytes of the request body")
    assert served.get("/hello") == (200, "hello")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer_Encoding: gzip", 501),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        ("Transfer_Encoding: chunked\r\nContent-Length: 5", 400),
    ],
)
def test_a_body_whose_end_is_in_doubt_is_refused(served, fields, status):
    head, _ = served.ask(f"POST /length HTTP/1.1\r\nHost: t\r\n{fields}\r\n\r\n0\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")


# --- What proxies say -----------------------------------------------------------------------------


def test_a_proxy_on_this_machine_may_say_that_the_client_uses_tls(served):
    assert served.get("/scheme") == (200, "http:")
    assert served.get("/scheme", **{"X-Forwarded-Proto": "https"}) == (200, "https:")
    assert served.get("/scheme", **{"X-Forwarded-Ssl": "on"}) == (200, "https:")


def test_what_it_says_is_one_of_two(served):
    assert served.get("/scheme", **{"X-Forwarded-Proto": "javascript"}) == (200, "http:")


def test_somebody_else_may_not(uwsgi):
    with_setting = uwsgi(settings={"aiopyramid.uwsgi.forwarded_allow_ips": "192.0.2.1"})
    assert with_setting.get("/scheme", **{"X-Forwarded-Proto": "https"}) == (200, "http:")


# --- What only a proxy can put right: see the README ----------------------------------------------


def test_a_name_with_underscores_is_that_with_hyphens(served):
    head = "GET /scheme HTTP/1.1\r\nHost: t\r\nX_Forwarded_Proto: https\r\n\r\n"
    assert served.ask(head)[1] == b"https:"


@pytest.mark.parametrize(
    ("chunks", "seen"),
    [("zz\r\nabc", "0 0"), ("3\r\nabc\r\nzz\r\nd", "3 3"), ("3\r\nabc??", "3 3")],
)
def test_a_chunk_that_is_none_ends_the_body(served, chunks, seen):
    head = "POST /length HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert served.ask(f"{head}{chunks}0\r\n\r\n")[1] == seen.encode()


# --- Child processes ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/end_children", "/end_children_on_loop"])
def test_a_signal_to_a_child_process_does_not_stop_its_worker(served, path):
    worker = served.get("/pid")
    assert served.get(path) == (200, str([-15] * 5))
    assert served.get("/pid") == worker
    assert "SIGTERM" not in served.output


def test_a_child_process_that_lives_on_keeps_no_connection_open(served):
    with socket.create_connection(("127.0.0.1", served.port), 20) as client:
        client.sendall(b"GET /stream?number=300 HTTP/1.0\r\nHost: t\r\n\r\n")
        answer = client.recv(100)
        child = int(served.get("/leave_child")[1])
        try:
            while data := client.recv(1 << 16):
                answer += data
            assert answer.endswith(b" 298 299 ")
            os.kill(child, 0)  # it is still there
        finally:
            os.kill(child, signal.SIGTERM)
