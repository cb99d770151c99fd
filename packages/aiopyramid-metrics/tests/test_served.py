"""Two workers of gunicorn: what Prometheus gets from them, and after one of them was killed."""

import os
import re
import signal
import urllib.request
from pathlib import Path

from websockets.sync.client import connect


def test_requests_of_all_workers_are_counted_by_side_and_status(site):
    for _ in range(10):
        site.get("/coroutine")
        site.get("/synchronous")
    site.get("/failing")
    site.get("/nowhere/1")
    count = "request_duration_seconds_count"
    labels = {"method": "GET", "status": "200"}
    assert site.number(count, route="coroutine", side="loop", **labels) == 10
    assert site.number(count, route="synchronous", side="thread", **labels) == 10
    assert site.number(count, route="failing", side="loop", status="500") == 1
    assert site.number(count, route="", status="404") == 1
    assert site.number("request_duration_seconds_sum", route="synchronous") >= 0.1
    assert site.number("thread_wait_seconds_count", kind="request") >= 10


def test_gauges_are_sums_over_the_workers(site):
    site.until(lambda: site.number("threads_limit") == 80)
    site.until(lambda: site.number("tasks") >= 2)
    site.until(lambda: site.number("greenlets_idle") >= 1)
    site.get("/background")
    site.until(lambda: site.number("background_tasks") == 1)


def test_a_block_of_the_loop_is_counted_with_its_culprit(site):
    site.get("/blocking")
    site.until(lambda: site.number("loop_blocks_total", culprit="measured_app.blocking") == 1)
    assert site.number("loop_blocked_seconds_total", culprit="measured_app.blocking") > 0.1
    assert site.number("loop_lag_seconds_count") > 0


def test_websockets_and_groups_are_counted(site):
    with connect(site.site.replace("http", "ws") + "/chat", proxy=None) as ws:
        ws.send("hello")
        assert ws.recv(30) == "hello"
        site.until(lambda: site.number("connections_open", kind="websocket") == 1)
        site.until(lambda: site.number("group_members") == 1)
    closed = {"kind": "websocket", "code": "1000"}
    site.until(lambda: site.number("connections_closed_total", **closed) == 1)
    sent = {"kind": "websocket", "direction": "sent"}
    site.until(lambda: site.number("connection_messages_total", **sent) == 1)
    assert site.number("connection_payload_bytes_total", **sent) == 5
    site.until(lambda: site.number("group_messages_sent_total") == 1)
    assert site.number("group_messages_delivered_total") == 1


def test_an_event_stream_is_open_while_its_client_listens(site):
    with urllib.request.urlopen(site.site + "/feed", timeout=30):
        site.until(lambda: site.number("connections_open", kind="event_stream") == 1)
    site.until(lambda: site.number("connections_closed_total", kind="event_stream") == 1)


def test_a_client_that_wants_openmetrics_gets_it(site):
    assert site.get("/metrics", Accept="application/openmetrics-text").endswith("# EOF\n")


def test_gunicorns_statsd_works_as_before(site, statsd):
    site.get("/coroutine")
    received = b""
    while b"gunicorn.requests:1" not in received:
        received += statsd.recv(65536)


def test_the_gauges_of_a_killed_worker_are_gone_and_its_counters_are_not(site):
    count = "request_duration_seconds_count"
    before = site.number(count, route="coroutine")
    os.kill(int(site.get("/coroutine")), signal.SIGKILL)
    site.said("Booting worker", times=3)
    site.until(lambda: site.number("threads_limit") == 80)
    assert site.number(count, route="coroutine") >= before
    files = site.folder.glob("gauge_livesum_*.db")
    workers = {int(re.search(r"(\d+)\.db", file.name)[1]) for file in files}
    assert all(Path(f"/proc/{worker}").exists() for worker in workers)


def test_a_worker_that_stops_takes_its_gauges_along(site):
    site.until(lambda: site.number("threads_limit") == 80)  # both serve
    site.signal(signal.SIGHUP)
    site.said("Worker exiting", times=2)
    site.until(lambda: site.number("threads_limit") == 80)
