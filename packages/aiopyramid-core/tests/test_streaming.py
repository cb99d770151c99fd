"""streaming: server-sent events. Bodies of all kinds: test_streaming_bodies.py."""

import asyncio
import re
from contextvars import ContextVar

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyramid.config import Configurator

from aiopyramid_core import spawn_greenlet, synchronize
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_core.streaming import EventChannel, EventStreamResponse, ServerSentEvent

colour: ContextVar[str] = ContextVar("colour", default="none")


@synchronize
async def pause():
    await asyncio.sleep(0)


def parsed(stream):
    """Read an event stream as a browser does (WHATWG HTML, 9.2.6), from its text."""
    events, data, kind, last_id, retry = [], [], "", "", None
    for line in re.split("\r\n|\r|\n", stream.removeprefix("\ufeff")):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append((kind or "message", "\n".join(data), last_id))
            data, kind = [], ""
        elif name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id" and "\0" not in value:
            last_id = value
        elif name == "retry" and re.fullmatch("[0-9]+", value):
            retry = int(value)
    return events, retry


async def collected(response):
    return b"".join([part async for part in response.app_iter]).decode()


# --- One event ------------------------------------------------------------------------------------


def test_an_event_has_an_id_a_type_and_a_time_to_come_back():
    event = ServerSentEvent("one", event="price", id="7", retry=2500)
    assert event.encode() == b"event: price\nid: 7\nretry: 2500\ndata: one\n\n"


def test_an_event_without_data_is_an_event_all_the_same():
    assert parsed(ServerSentEvent(event="ping").encode().decode())[0] == [("ping", "", "")]


def test_a_time_to_come_back_alone_is_not_an_event():
    sent = ServerSentEvent(None, retry=2500).encode()
    assert parsed(sent.decode()) == ([], 2500)


@pytest.mark.parametrize("retry", [2.5, -1, True, "3"])
def test_the_time_to_wait_before_reconnecting_is_a_whole_number(retry):
    with pytest.raises(ValueError, match="must be a whole number of milliseconds"):
        ServerSentEvent("data", retry=retry)


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\rb"])
def test_each_line_of_the_data_is_a_field_of_its_own(text):
    assert ServerSentEvent(text).encode() == b"data: a\ndata: b\n\n"


@pytest.mark.parametrize("text", [" a", "a:b", ":", "\n", "a\n\nb", "data: x", "\ufeff", "\u2028"])
def test_data_arrives_as_it_was(text):
    assert parsed(ServerSentEvent(text).encode().decode())[0] == [("message", text, "")]


@pytest.mark.parametrize("name", ["event", "id"])
@pytest.mark.parametrize("smuggled", ["a\ndata: b", "a\rdata: b", "a\r\ndata: b", "a\n", "\0"])
def test_a_field_cannot_smuggle_in_another_one(name, smuggled):
    with pytest.raises(ValueError, match=f"the {name} of a server-sent event must be one line"):
        ServerSentEvent("data", **{name: smuggled})


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, LINE, LINE), max_size=5))
def test_whatever_is_sent_is_what_a_browser_reads(sent):
    stream = b"".join(ServerSentEvent(d, event=e, id=i).encode() for d, e, i in sent).decode()
    events, _ = parsed(stream)
    # A browser knows one kind of line end, and an empty type is the default one.
    assert events == [
        (kind or "message", re.sub("\r\n|\r", "\n", data), id_) for data, kind, id_ in sent
    ]


# --- A stream of events ---------------------------------------------------------------------------


def test_a_string_is_the_data_of_an_event(run):
    async def events():
        yield "one"
        yield ServerSentEvent("two", event="price", id="2", retry=10)

    async def main():
        return parsed(await collected(EventStreamResponse(events())))

    assert run(main) == ([("message", "one", ""), ("price", "two", "2")], 10)


def test_the_headers_say_that_it_is_a_stream_and_not_to_be_kept():
    async def events():
        yield "one"

    response = EventStreamResponse(events(), status=203)
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.status_int == 203


def test_nothing_that_is_passed_on_makes_the_events_be_cached_or_buffered():
    fields = [("cache-control", "private"), ("x-accel-buffering", "yes"), ("X-Mine", "1")]

    response = EventStreamResponse(EventChannel(), headerlist=fields, cache_control="max-age=9")

    assert response.headerlist == [
        ("X-Mine", "1"),
        ("Cache-Control", "no-cache"),
        ("X-Accel-Buffering", "no"),
    ]
    assert response.cache_control.no_cache
    assert response.cache_control.max_age is None


def test_while_there_are_no_events_comments_are_sent(run):
    async def main():
        go_on = asyncio.Event()

        async def events():
            yield "one"
            await go_on.wait()
            yield "two"

        stream = EventStreamResponse(events(), heartbeat_seconds=0.01).app_iter
        parts = [await anext(stream) for _ in range(3)]
        go_on.set()
        parts += [part async for part in stream]
        return [part for part in parts if not part.startswith(b":")], parts[1:3]

    events, heartbeats = run(main)
    assert heartbeats == [b":\n\n"] * 2
    assert events == [b"data: one\n\n", b"data: two\n\n"]


def test_a_stream_is_open_before_its_first_event(run):
    async def main():
        async def events():
            await asyncio.Event().wait()
            yield "never"

        stream = EventStreamResponse(events(), heartbeat_seconds=1000).app_iter
        async with asyncio.timeout(20):
            opening = await anext(stream)
        await stream.aclose()
        return opening

    assert run(main) == b":\n\n"


def test_heartbeats_do_not_cancel_what_the_generator_waits_for(run):
    log = []

    async def main():
        go_on = asyncio.Event()

        async def events():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                log.append("cancelled")
                raise
            yield "one"

        stream = EventStreamResponse(events(), heartbeat_seconds=0.01).app_iter
        for _ in range(3):
            assert await anext(stream) == b":\n\n"
        go_on.set()
        return [part async for part in stream][-1]

    assert run(main) == b"data: one\n\n"
    assert log == []


def test_no_event_is_lost_to_a_heartbeat(run):
    async def main():
        async def events():
            for number in range(200):
                await asyncio.sleep(0.001)  # about when a heartbeat is due
                yield str(number)

        return parsed(await collected(EventStreamResponse(events(), heartbeat_seconds=0.001)))

    events, _ = run(main)
    assert [data for _, data, _ in events] == [str(number) for number in range(200)]


def test_a_slow_client_holds_the_generator_up(run):
    async def main():
        produced = []

        async def events():
            for number in range(100):
                produced.append(number)
                yield str(number)

        stream = EventStreamResponse(events()).app_iter
        await anext(stream)
        for _ in range(50):
            await asyncio.sleep(0)
        await stream.aclose()
        return len(produced)

    assert run(main) < 5


def test_an_error_of_the_generator_comes_after_the_events_before_it(run):
    async def events():
        yield "one"
        raise LookupError("no more shares")

    async def main():
        stream = EventStreamResponse(events()).app_iter
        first = await anext(stream)
        with pytest.raises(LookupError, match="no more shares"):
            await anext(stream)
        return first

    assert run(main) == b"data: one\n\n"


def test_a_generator_that_wants_to_exit_ends_its_stream_and_not_the_loop(run):
    async def events():
        raise SystemExit
        yield

    async def main():
        with pytest.raises(RuntimeError, match="SystemExit in a background task"):
            await anext(EventStreamResponse(events()).app_iter)

    run(main)


def test_a_time_limit_in_the_generator_is_its_error_and_no_heartbeat(run):
    async def events():
        raise TimeoutError("the exchange is silent")
        yield

    async def main():
        with pytest.raises(TimeoutError, match="the exchange is silent"):
            await anext(EventStreamResponse(events()).app_iter)

    run(main)


def test_a_generator_whose_source_was_cancelled_ends_the_stream(run):
    async def events():
        source = asyncio.get_running_loop().create_future()
        source.cancel()  # as a client library does when its connection is closed
        yield await source

    async def main():
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await collected(EventStreamResponse(events(), heartbeat_seconds=0.01))

    run(main)


def test_an_object_that_is_not_an_event_is_an_error(run):
    async def events():
        yield 42

    async def main():
        with pytest.raises((AttributeError, TypeError)):
            await collected(EventStreamResponse(events()))

    run(main)


@pytest.mark.parametrize("after", [0, 1])
def test_when_the_client_goes_the_generator_is_closed(run, after):
    log = []

    async def main():
        async def events():
            try:
                yield "one"
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.sleep(0)
                log.append("closed")

        stream = EventStreamResponse(events(), heartbeat_seconds=0.01).app_iter
        for _ in range(1 + after):
            await anext(stream)
        await stream.aclose()
        return len(asyncio.all_tasks())

    assert run(main) == 1
    assert log == ["closed"]


def test_a_generator_may_call_synchronous_code_that_calls_coroutines(run, application, fetch):
    async def events():
        pause()
        yield "waited"

    async def view(request):
        return EventStreamResponse(events())

    async def main():
        response = await fetch(application(lambda config: config.add_view(view)))
        return await spawn_greenlet(lambda: response.text)

    assert run(main) == "data: waited\n\n"


def test_context_variables_persist_over_the_events(run):
    async def events():
        token = colour.set("red")
        yield colour.get()
        await asyncio.sleep(0)
        yield colour.get()
        colour.reset(token)
        yield colour.get()

    async def main():
        return parsed(await collected(EventStreamResponse(events())))[0]

    assert [data for _, data, _ in run(main)] == ["red", "red", "none"]


# --- A channel of events --------------------------------------------------------------------------


def test_what_is_put_into_a_channel_arrives_in_order(run):
    async def main():
        channel = EventChannel()
        stream = EventStreamResponse(channel).app_iter
        channel.put("one")
        channel.put(ServerSentEvent("two", event="price", id="2"))
        first = await anext(stream)
        asyncio.get_running_loop().call_later(0.01, channel.put, b"data: three\n\n")
        second = await anext(stream)
        channel.end()
        return parsed((first + second + b"".join([part async for part in stream])).decode())[0]

    assert run(main) == [("message", "one", ""), ("price", "two", "2"), ("message", "three", "2")]


def test_a_silent_channel_sends_comments(run):
    async def main():
        channel = EventChannel()
        stream = EventStreamResponse(channel, heartbeat_seconds=0.01).app_iter
        parts = [await anext(stream) for _ in range(3)]
        channel.put("one")
        parts.append(await anext(stream))
        await stream.aclose()
        return parts

    assert run(main) == [b":\n\n"] * 3 + [b"data: one\n\n"]


def test_a_full_channel_refuses_events_until_one_is_removed(run):
    async def main():
        channel = EventChannel(limit=2)
        accepted = [channel.put(name) for name in ("one", "two", "three")]
        channel.waiting.popleft()
        accepted.append(channel.put("four"))
        channel.end()
        accepted.append(channel.put("five"))
        return accepted, await collected(EventStreamResponse(channel))

    accepted, stream = run(main)
    assert accepted == [True, True, False, True, False]
    assert stream == "data: two\n\ndata: four\n\n"


def test_a_channel_is_opened_on_the_loop_and_closed_when_the_client_goes(run):
    log = []

    class Channel(EventChannel):
        async def open(self):
            await asyncio.sleep(0)
            log.append("opened")

        def close(self):
            log.append("closed")

    async def main():
        channel = Channel()
        stream = EventStreamResponse(channel, heartbeat_seconds=0.01).app_iter
        assert log == []
        await anext(stream)
        assert log == ["opened"]
        await stream.aclose()
        return channel.put("late"), len(asyncio.all_tasks())

    assert run(main) == (False, 1)
    assert log == ["opened", "closed"]


def test_a_channel_writes_directly_while_the_response_waits(run):
    async def main():
        written = []
        is_full = False

        def post(part):
            if not is_full:
                written.append(part)
            return not is_full

        channel = EventChannel()
        stream = EventStreamResponse(channel, heartbeat_seconds=0.01).app_iter
        stream.attach(post)
        channel.put("early")  # nobody waits yet
        parts = [await anext(stream)]
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        channel.put("direct")
        is_full = True
        channel.put("queued")
        is_full = False
        channel.put("after it")  # in the order in which they were put
        parts.append(await waiting)
        channel.put("late")  # a part is being sent
        parts.append(await anext(stream))
        await stream.aclose()
        channel.put("too late")
        return written, parts

    written, parts = run(main)
    assert written == [b"data: direct\n\n"]
    assert parts == [b"data: early\n\n", b"data: queued\n\ndata: after it\n\n", b"data: late\n\n"]


def test_no_comment_is_sent_while_a_channel_writes_directly(run):
    async def main():
        channel = EventChannel()
        stream = EventStreamResponse(channel, heartbeat_seconds=1.0).app_iter
        stream.attach(lambda part: True)
        assert await anext(stream) == b":\n\n"
        waiting = asyncio.ensure_future(anext(stream))
        for _ in range(12):
            await asyncio.sleep(0.1)
            channel.put("one")
        assert not waiting.done()
        assert await waiting == b":\n\n"
        await stream.aclose()

    run(main)


def test_a_channel_whose_opening_fails_is_closed(run):
    log = []

    class Channel(EventChannel):
        async def open(self):
            raise LookupError("no such room")

        def close(self):
            log.append("closed")

    async def main():
        with pytest.raises(LookupError, match="no such room"):
            await anext(EventStreamResponse(Channel()).app_iter)

    run(main)
    assert log == ["closed"]


@pytest.fixture
def logging_channel():
    """Return a channel that has one event, and the log of what is called."""
    log = []

    class Channel(EventChannel):
        async def open(self):
            log.append("opened")
            self.put("one")
            self.end()

        def close(self):
            log.append("closed")

    return Channel(), log


def test_a_channel_is_closed_once_and_its_stream_stays_at_its_end(run, logging_channel):
    channel, log = logging_channel

    async def main():
        stream = EventStreamResponse(channel).app_iter
        parts = [await anext(stream, "end") for _ in range(3)]
        await stream.aclose()
        return [*parts, await anext(stream, "end")]

    assert run(main) == [b"data: one\n\n", "end", "end", "end"]
    assert log == ["opened", "closed"]


def test_a_channel_whose_stream_is_closed_before_its_begin_is_not_opened(run, logging_channel):
    channel, log = logging_channel

    async def main():
        stream = EventStreamResponse(channel).app_iter
        await stream.aclose()
        return await anext(stream, "end")

    assert run(main) == "end"
    assert log == []


# --- The end of the server ------------------------------------------------------------------------


async def without_end():
    yield "first"
    await asyncio.Event().wait()


def channel():
    events = EventChannel()
    events.put("first")
    return events


@pytest.fixture
def stopping_application():
    """An application whose registry is the current one."""
    config = Configurator()
    config.include("aiopyramid_core")
    config.make_wsgi_app()
    config.begin()
    yield lifespan_of(config.registry)
    config.end()


async def read(response, lifespan):
    """Read a stream, in the middle of which the server begins to stop."""
    parts = []
    async with asyncio.timeout(30):
        async for part in response.app_iter:
            parts.append(part.decode())
            if len(parts) == 1:
                lifespan.announce_stop()
    return parsed("".join(parts))


@pytest.mark.parametrize("events", [without_end, channel])
def test_a_stream_ends_when_the_server_stops_and_the_client_is_to_come_again(
    run, events, stopping_application
):
    response = EventStreamResponse(events())
    events, retry = run(read, response, stopping_application)
    assert events == [("message", "first", "")]
    assert 100 <= retry < 500


@pytest.mark.parametrize("events", [without_end, channel])
def test_many_streams_end_one_after_the_other(events, stopping_application):
    ends = []

    async def read_to_end(body):
        parts = [part async for part in body]
        assert 100 <= parsed(b"".join(parts).decode())[1] < 500
        ends.append(asyncio.get_running_loop().time())

    async def main():
        bodies = [aiter(EventStreamResponse(events()).app_iter) for _ in range(500)]
        for body in bodies:
            await anext(body)
        stopping_application.announce_stop()
        await asyncio.gather(*map(read_to_end, bodies))

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(main())
    assert ends[-1] - ends[0] == pytest.approx(0.98, abs=0.05)
    assert sum(end < ends[0] + 0.5 for end in ends) == pytest.approx(250, abs=20)


@pytest.mark.parametrize(("seconds", "longest"), [(0.4, 0.2), (0, 0)])
def test_streams_end_while_the_server_waits_for_them(seconds, longest, stopping_application):
    ends = []

    async def read_to_end(body):
        async for _ in body:
            pass
        ends.append(asyncio.get_running_loop().time())

    async def main():
        bodies = [aiter(EventStreamResponse(channel()).app_iter) for _ in range(500)]
        for body in bodies:
            await anext(body)
        stopping_application.announce_stop(seconds)
        await asyncio.gather(*map(read_to_end, bodies))

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(main())
    assert ends[-1] - ends[0] == pytest.approx(longest, abs=0.03)


@pytest.mark.parametrize("events", [without_end, channel])
def test_a_stream_that_begins_during_the_stop_ends_at_once(run, events, stopping_application):
    stopping_application.announce_stop()
    _, retry = run(read, EventStreamResponse(events()), stopping_application)
    assert retry


def test_a_stream_may_outlast_the_beginning_of_the_stop(run, stopping_application):
    async def events():
        yield "first"
        await asyncio.sleep(0.01)
        yield "second"

    response = EventStreamResponse(events(), ends_on_stop=False)
    events, retry = run(read, response, stopping_application)
    assert [data for _, data, _ in events] == ["first", "second"]
    assert retry is None


def test_a_stream_that_has_ended_leaves_nothing_to_stop(run, stopping_application):
    async def events():
        yield "only"

    run(collected, EventStreamResponse(events()))
    assert not stopping_application._stop_notice._callbacks
