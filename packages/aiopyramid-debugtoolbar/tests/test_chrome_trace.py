"""_chrome_trace: the export is what the "Trace Event Format" of Chromium demands."""

import json

import pytest
from trace_events import check_events

from aiopyramid_core.watchdog import LoopBlock
from aiopyramid_debugtoolbar._chrome_trace import chrome_trace
from aiopyramid_debugtoolbar._places import Place
from aiopyramid_debugtoolbar._trace import Span, Trace


@pytest.fixture
def trace():
    place = Place("/app/views.py", 7, "view", "sleep")
    trace = Trace("GET", "/page", True, 100.0, ended_at=101.0, route="page", status=200)
    trace.spans += [
        Span("wait", "sleep", 100.1, place=place, ended_at=100.2),
        Span("task", "fetch", 100.2, lane=1, ended_at=100.6),
        Span("wait", "sleep", 100.3, lane=1, ended_at=100.5),
        Span("task", "never ends", 100.25, lane=2),
        Span("thread", "work", 100.6, ended_at=100.9, ran_at=100.7, thread_name="asyncio_0"),
        Span("thread", "no thread yet", 100.65),
        Span("sql", "select 1", 100.7, place=place, ended_at=100.8),
    ]
    return trace


@pytest.fixture
def document(trace):
    blocks = [LoopBlock("views.view", "stack", 100.9, 100.99)]
    return json.loads(json.dumps(chrome_trace(trace, blocks)))


def test_the_document_is_an_object_with_the_events(document):
    assert set(document) == {"displayTimeUnit", "otherData", "traceEvents"}
    assert document["displayTimeUnit"] in ("ms", "ns")
    assert document["otherData"]["request"] == "GET /page"


def test_each_event_has_the_fields_of_its_phase_and_no_others(document):
    check_events(document)


def test_metadata_events_name_the_process_and_each_track(document):
    metadata = [event for event in document["traceEvents"] if event["ph"] == "M"]
    assert {event["name"] for event in metadata} == {"process_name", "thread_name"}
    tracks = {event["tid"]: event["args"]["name"] for event in metadata}
    assert {event["tid"] for event in document["traceEvents"]} == set(tracks)
    assert {"task fetch", "asyncio_0", "blocks of the event loop"} < set(tracks.values())


def test_asynchronous_events_come_in_pairs(document):
    pairs = {}
    for event in document["traceEvents"]:
        if event["ph"] in ("b", "e"):
            pairs.setdefault((event["cat"], event["id"]), []).append(event)
    assert len(pairs) == 4
    for began, ended in pairs.values():
        assert (began["ph"], ended["ph"]) == ("b", "e")
        assert began["name"] == ended["name"]
        assert began["ts"] <= ended["ts"]


def test_complete_events_of_a_track_are_within_each_other_or_apart(document):
    tracks = {}
    for event in document["traceEvents"]:
        if event["ph"] == "X":
            tracks.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
    for events in tracks.values():
        for begin, end in events:
            for other_begin, other_end in events:
                overlap = begin < other_begin < end < other_end
                assert not overlap


def test_times_are_microseconds_since_the_request_began(document):
    (block,) = [event for event in document["traceEvents"] if event["cat"] == "block"]
    assert (block["ts"], block["dur"]) == (900_000.0, 90_000.0)
    (query,) = [e for e in document["traceEvents"] if (e["cat"], e["ph"]) == ("sql", "b")]
    assert query["ts"] == 700_000.0
    assert query["args"] == {"file": "/app/views.py", "line": 7, "function": "view"}


def test_times_are_microseconds_since_a_block_began_in_which_the_request_did(trace):
    document = chrome_trace(trace, [LoopBlock("views.other", "stack", 99.9, 100.1)])
    check_events(document)
    (block,) = [event for event in document["traceEvents"] if event["cat"] == "block"]
    (request,) = [event for event in document["traceEvents"] if event["cat"] == "request"]
    assert (block["ts"], block["dur"]) == (0.0, 200_000.0)
    assert request["ts"] >= 100_000.0
