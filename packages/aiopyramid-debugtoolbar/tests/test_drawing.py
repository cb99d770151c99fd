"""_drawing: rows and bars, in percent of the request's time."""

import pytest

from aiopyramid_core.watchdog import LoopBlock
from aiopyramid_debugtoolbar._drawing import draw, milliseconds
from aiopyramid_debugtoolbar._places import Place
from aiopyramid_debugtoolbar._trace import Span, Trace


def trace(*spans, **attributes):
    options = {"on_loop": True, "began_at": 10.0, "ended_at": 11.0} | attributes
    found = Trace("GET", "/page", **options)
    found.spans += spans
    return found


def bars(row):
    return [(bar.kind, bar.left, bar.width, bar.continues) for bar in row.bars]


def test_a_wait_is_a_bar_at_its_time():
    wait = Span("wait", "sleep", 10.25, ended_at=10.75)
    drawing = draw(trace(wait), [])
    request, row = drawing.rows
    assert bars(request) == [("request loop", 0.0, 100.0, False)]
    assert bars(row) == [("wait", 25.0, 50.0, False)]
    assert (row.name, row.duration) == ("sleep", "500.0 ms")
    assert (drawing.duration, drawing.waited) == ("1.00 s", "500.0 ms")


def test_waits_at_the_same_time_count_once():
    waits = [Span("wait", "one", 10.2, ended_at=10.6), Span("wait", "two", 10.4, ended_at=10.7)]
    assert draw(trace(*waits), []).waited == "500.0 ms"


def test_the_waits_of_a_task_are_bars_in_its_row_and_rows_below_it():
    task = Span("task", "fetch", 10.0, lane=1, ended_at=10.5)
    wait = Span("wait", "sleep", 10.1, lane=1, ended_at=10.4)
    _, row = draw(trace(task, wait), []).rows
    assert bars(row) == [("task", 0.0, 50.0, False), ("wait", 10.0, 30.0, False)]
    assert [child.name for child in row.children] == ["sleep"]


def test_a_call_in_a_thread_shows_its_time_in_the_queue():
    call = Span("thread", "work", 10.0, ran_at=10.1, ended_at=10.5, thread_name="asyncio_0")
    _, row = draw(trace(call), []).rows
    assert bars(row) == [("queued", 0.0, 10.0, False), ("thread", 10.0, 40.0, False)]
    assert row.detail == "in asyncio_0, after 100.0 ms in the queue"


def test_so_does_a_request_that_has_waited_for_a_thread():
    request, *_ = draw(trace(on_loop=False, ran_at=10.5, thread_name="thread-1"), []).rows
    assert bars(request) == [("queued", 0.0, 50.0, False), ("request thread", 50.0, 50.0, False)]
    assert request.detail == "in thread-1, after 500.0 ms in the queue"


def test_what_outlives_the_response_ends_with_the_axis_and_what_begins_later_is_counted():
    outliving = Span("task", "background", 10.5, lane=1)
    late = Span("wait", "sleep", 11.5, ended_at=12.0)
    drawing = draw(trace(outliving, late), [])
    assert bars(drawing.rows[1]) == [("task", 50.0, 50.0, True)]
    assert len(drawing.rows) == 2
    assert drawing.late == 1


def test_a_block_of_the_loop_names_its_culprit():
    *_, row = draw(trace(), [LoopBlock("views.view (views.py:3)", "stack", 9.5, 10.5)]).rows
    assert bars(row) == [("block", 0.0, 50.0, False)]
    assert row.where == "views.view (views.py:3)"


def test_a_row_shows_the_line_of_the_source():
    place = Place(__file__, 1, "module")
    _, row = draw(trace(Span("wait", "sleep", 10.0, place=place, ended_at=10.1)), []).rows
    assert row.where.endswith("test_drawing.py:1 in module")
    assert row.source.startswith('"""_drawing: rows and bars')


def test_the_place_of_many_like_rows_is_shown_once():
    place = Place(__file__, 1, "module")
    waits = [Span("wait", "sleep", 10.1, place=place, ended_at=10.2) for _ in range(3)]
    _, *rows = draw(trace(*waits), []).rows
    assert [bool(row.where) for row in rows] == [True, False, False]


def test_the_axis_has_labels():
    assert draw(trace(), []).ticks == [
        (0.0, "0.0 ms"),
        (25.0, "250.0 ms"),
        (50.0, "500.0 ms"),
        (75.0, "750.0 ms"),
        (100.0, "1.00 s"),
    ]


@pytest.mark.parametrize(("seconds", "text"), [(0.0123, "12.3 ms"), (2.5, "2.50 s")])
def test_times_are_written_for_humans(seconds, text):
    assert milliseconds(seconds) == text
