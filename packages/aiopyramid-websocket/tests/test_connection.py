"""_connection: messages, control frames and the closing handshake, over a real socket."""

import array
import asyncio
import contextlib
import re

import pytest
from websockets.frames import Opcode
from websockets.server import ServerProtocol

from aiopyramid_websocket import AlreadyReceiving, WebSocketClosed
from aiopyramid_websocket._inbox import Inbox
from aiopyramid_websocket._keepalive import Keepalive
from aiopyramid_websocket._messages import Assembler
from aiopyramid_websocket._reader import Reader
from aiopyramid_websocket._state import State
from aiopyramid_websocket._writer import Writer

# --- Receiving ------------------------------------------------------------------------------------


async def test_text_arrives_as_str_and_binary_data_as_bytes(connected):
    async with connected() as end:
        end.peer.send("grüß", b"\x00\xff", "", b"")
        assert [await end.ws.recv() for _ in range(4)] == ["grüß", b"\x00\xff", "", b""]


async def test_iteration_ends_when_the_client_closes(connected):
    async with connected() as end:
        end.peer.send("a", "b")
        end.peer.send_close()
        assert [message async for message in end.ws] == ["a", "b"]


@pytest.mark.parametrize("deflate", [False, True])
async def test_fragments_become_one_message_with_pings_in_between(connected, deflate):
    async with connected(deflate=deflate) as end:
        peer = end.peer
        # In the middle of a character.
        text = "grüß".encode()
        peer.send(text[:3], opcode=Opcode.TEXT, fin=False)
        peer.send(b"alive?", opcode=Opcode.PING)
        peer.send(b"", text[3:5], opcode=Opcode.CONT, fin=False)
        peer.send(text[5:], opcode=Opcode.CONT)
        assert await end.ws.recv() == "grüß"
        assert bytes((await peer.next_frame()).data) == b"alive?"


async def test_frames_may_arrive_byte_by_byte(connected):
    async with connected() as end:
        data = end.peer.frame(Opcode.TEXT, "hello") + end.peer.frame(Opcode.BINARY, b"x" * 300)
        for index in range(len(data)):
            end.peer.send_raw(data[index : index + 1])
            await asyncio.sleep(0)
        assert [await end.ws.recv(), await end.ws.recv()] == ["hello", b"x" * 300]


async def test_a_second_receiver_gets_a_clear_error(connected):
    async with connected() as end:
        first = asyncio.create_task(end.ws.recv())
        await asyncio.sleep(0)
        with pytest.raises(AlreadyReceiving, match="Receive in one task"):
            await end.ws.recv()
        end.peer.send("for the first")
        assert await first == "for the first"


async def test_a_cancelled_receive_loses_no_message(connected):
    async with connected() as end:
        task = asyncio.create_task(end.ws.recv())
        await asyncio.sleep(0)
        end.connection.data_received(end.peer.frame(Opcode.TEXT, "kept"))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert await end.ws.recv() == "kept"


async def test_none_is_received_once_the_client_is_gone(connected):
    async with connected() as end:
        end.peer.send("last")
        await end.until(lambda: end.connection._inbox.count)
        end.peer.vanish()
        assert [await end.ws.recv(), await end.ws.recv(), await end.ws.recv()] == [
            "last",
            None,
            None,
        ]
        assert end.ws.close_code == 1006


# --- Sending --------------------------------------------------------------------------------------


@pytest.mark.parametrize("deflate", [False, True])
async def test_messages_are_sent_as_what_they_are(connected, deflate):
    async with connected(deflate=deflate) as end:
        for message in ("grüß", b"\x00", bytearray(b"\x01"), memoryview(b"\x02"), "x" * 100_000):
            await end.ws.send(message)
        got = [await end.peer.recv() for _ in range(5)]
        assert got == ["grüß", b"\x00", b"\x01", b"\x02", "x" * 100_000]


@pytest.mark.parametrize("deflate", [False, True])
async def test_a_view_of_larger_items_is_sent_as_their_bytes(connected, deflate):
    async with connected(deflate=deflate) as end:
        numbers = array.array("I", [1, 2, 3])
        await end.ws.send(memoryview(numbers))
        await end.ws.send([memoryview(numbers)])
        assert [await end.peer.recv() for _ in range(2)] == [numbers.tobytes()] * 2


@pytest.fixture
def recorded_writes():
    """Note how much is written at a time."""

    def recorded_writes(end):
        writes = []
        transport = end.connection._writer.transport

        class Recording:
            def write(self, data):
                writes.append(len(data))
                transport.write(data)

        end.connection._writer.transport = Recording()
        return writes

    return recorded_writes


async def test_the_answers_to_a_burst_are_written_in_one_piece(connected, recorded_writes):
    async with connected() as end:
        writes = recorded_writes(end)

        async def echo():
            async for message in end.ws:
                await end.ws.send(message)

        echoing = asyncio.create_task(echo())
        await asyncio.sleep(0)
        end.peer.send(*(str(number) for number in range(10)))
        assert [await end.peer.recv() for _ in range(10)] == [str(n) for n in range(10)]
        assert writes == [30]
        end.peer.send_close()
        await echoing


async def test_a_single_answer_is_written_at_once_and_further_ones_in_one_piece(
    connected, recorded_writes
):
    async with connected() as end:
        writes = recorded_writes(end)

        async def answer():
            async for _ in end.ws:
                for number in range(4):
                    await end.ws.send(str(number))

        answering = asyncio.create_task(answer())
        await asyncio.sleep(0)
        for _ in range(2):
            end.peer.send("a question")
            assert [await end.peer.recv() for _ in range(4)] == ["0", "1", "2", "3"]
        assert writes == [3, 9] * 2
        end.peer.send_close()
        await answering


async def test_what_is_sent_at_other_times_is_written_at_once(connected, recorded_writes):
    async with connected() as end:
        writes = recorded_writes(end)
        for number in range(3):
            await end.ws.send(str(number))
            assert writes == [3] * (number + 1)


async def test_the_fragments_of_an_iterable_are_sent_as_they_come(connected):
    async def fragments():
        yield "a"
        yield "b"
        yield "c"

    async with connected() as end:
        for message in (["a", "b", "c"], fragments()):
            await end.ws.send(message)
            frames = [await end.peer.next_frame() for _ in range(3)]
            assert [(f.opcode, bytes(f.data), f.fin) for f in frames] == [
                (Opcode.TEXT, b"a", False),
                (Opcode.CONT, b"b", False),
                (Opcode.CONT, b"c", True),
            ]


async def test_an_iterable_of_one_is_one_frame_and_an_empty_one_is_none(connected):
    async with connected() as end:
        await end.ws.send([])
        await end.ws.send([b"whole"])
        assert await end.peer.recv() == b"whole"


async def test_other_senders_wait_for_the_last_fragment(connected):
    gate = asyncio.Event()

    async def fragments():
        yield "a"
        yield "b"
        await gate.wait()
        yield "c"

    async with connected() as end:
        slow = asyncio.create_task(end.ws.send(fragments()))
        assert bytes((await end.peer.next_frame()).data) == b"a"
        other = asyncio.create_task(end.ws.send("whole"))
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(slow, other)
        rest = [bytes((await end.peer.next_frame()).data) for _ in range(3)]
        assert rest == [b"b", b"c", b"whole"]


async def test_a_message_that_is_broken_off_closes_the_connection(connected):
    def fragments():
        yield "a"
        yield "b"
        raise LookupError("no more")

    async with connected() as end:
        with pytest.raises(LookupError):
            await end.ws.send(fragments())
        assert await end.peer.close_code() == 1011


@pytest.mark.parametrize(("code", "seen"), [(1000, 1011), (4000, 4000)])
async def test_a_close_between_fragments_is_sent_at_once_and_is_not_a_normal_one(
    connected, code, seen
):
    async def fragments():
        yield "a"
        yield "b"
        await asyncio.get_running_loop().create_future()

    async with connected() as end:
        sending = asyncio.create_task(end.ws.send(fragments()))
        assert bytes((await end.peer.next_frame()).data) == b"a"
        closing = asyncio.create_task(end.ws.close(code))
        assert await end.peer.close_code() == seen
        # The websockets library takes it for an error of ours, and says 1002 in return.
        end.peer.send_close(1002)
        await closing
        sending.cancel()
        await asyncio.wait([sending])


@pytest.mark.parametrize("message", [5, None, {"a": 1}, ["a", 5]])
async def test_an_object_that_is_not_a_message_is_refused(connected, message):
    async with connected() as end:
        with pytest.raises(
            TypeError, match="a message must be str, bytes or an iterable of either"
        ):
            await end.ws.send(message)
        assert not end.ws.closed


async def test_fragments_of_both_kinds_are_refused(connected):
    async with connected() as end:
        with pytest.raises(TypeError, match="all str or all bytes"):
            await end.ws.send(["a", b"b"])
        assert not end.ws.closed


async def test_many_tasks_may_send_at_a_time(connected):
    async with connected() as end:
        await asyncio.gather(*(end.ws.send(str(n) * 1000) for n in range(50)))
        got = {await end.peer.recv() for _ in range(50)}
        assert got == {str(n) * 1000 for n in range(50)}


@pytest.fixture
def clogged(connected):
    """A connection whose client does not read, and that has no room for more."""

    @contextlib.asynccontextmanager
    async def clogged(**options):
        async with connected(buffer_bytes=4096, **options) as end:
            await end.ws.send(b"first" + b"x" * 200_000)
            await end.until(lambda: end.connection._writer.is_full)
            yield end

    return clogged


@pytest.fixture
def room():
    """Note how much waits already when a message is written."""

    def room(end):
        before = []
        transport = end.connection._writer.transport

        class Measuring:
            def write(self, data):
                before.append(transport.get_write_buffer_size())
                transport.write(data)

        end.connection._writer.transport = Measuring()
        return before

    return room


async def test_a_sender_waits_for_a_client_that_does_not_read(clogged):
    async with clogged() as end:
        sent = 0

        async def send():
            nonlocal sent
            while sent < 100:
                await end.ws.send(b"x" * 10_000)
                sent += 1

        task = asyncio.create_task(send())
        await asyncio.sleep(0)
        assert sent == 0
        for _ in range(101):
            await end.peer.recv()
        await task


async def test_many_that_wait_do_not_all_take_the_same_room(clogged, room):
    async with clogged() as end:
        before = room(end)
        sending = [asyncio.create_task(end.ws.send(bytes([n]) * 50_000)) for n in range(40)]
        got = [await end.peer.recv() for _ in range(41)]
        await asyncio.gather(*sending)
        assert {each[0] for each in got[1:]} == set(range(40))
        assert max(before) <= 64 << 10  # what a transport takes before it says stop


async def test_a_sender_that_gives_up_waiting_has_sent_nothing(clogged):
    async def fragments(number):
        yield b"%d" % number
        yield b""

    async with clogged() as end:
        unsent = end.connection._transport.get_write_buffer_size()
        for number in range(50):
            for wait in (
                end.ws.send(b"%d" % number * 100_000),
                end.ws.send(fragments(number)),
                end.ws.ping(),
            ):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(wait, 0.001)
        assert end.connection._transport.get_write_buffer_size() <= unsent
        assert end.connection._writer._parts == []
        last = asyncio.create_task(end.ws.send("last"))
        assert (await end.peer.recv())[:5] == b"first"
        assert await end.peer.recv() == "last"
        await last


async def test_a_ping_that_nobody_waits_for_any_more_is_forgotten(connected):
    async with connected() as end:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(end.ws.ping(), 0.001)
        frame = await end.peer.next_frame()
        assert frame.opcode is Opcode.PING
        assert end.connection._reader.pongs._waiting == {}


async def test_a_message_does_not_get_between_the_fragments_of_one_that_waits_longer(clogged):
    async def fragments():
        yield "a"
        yield "b"

    async with clogged() as end:
        sending = [
            asyncio.create_task(end.ws.send(message))
            for message in ("before", fragments(), "behind", fragments())
        ]
        assert (await end.peer.recv())[:5] == b"first"
        frames = [await end.peer.next_frame() for _ in range(6)]
        await asyncio.gather(*sending)
        in_message = False
        for frame in frames:
            assert (frame.opcode is Opcode.CONT) is in_message
            in_message = not frame.fin
        assert {bytes(frame.data) for frame in frames} == {b"before", b"behind", b"a", b"b"}


@pytest.fixture
def turns():
    """Count the turns of the event loop while somebody does something: ``await turns(doing)``."""

    async def turns(doing):
        count = 0
        task = asyncio.create_task(doing)
        while not task.done():
            count += 1
            await asyncio.sleep(0)
        await task
        return count

    return turns


@pytest.mark.parametrize("fragments", [False, True])
async def test_a_handler_that_keeps_sending_lets_others_run(connected, turns, fragments):
    async def many():
        for _ in range(10_000):
            yield "x"

    async def send(ws):
        if fragments:
            await ws.send(many())
        else:
            async for message in many():
                await ws.send(message)

    async with connected(buffer_bytes=1 << 20) as end:
        assert await turns(send(end.ws)) > 50


async def test_a_handler_that_keeps_sending_learns_that_the_client_has_gone(connected):
    async def send(ws):
        for _ in range(10_000):
            await ws.send("x")

    async with connected(tcp=True) as end:
        end.peer.reset_now()
        with pytest.raises(WebSocketClosed):
            await send(end.ws)


async def test_a_sender_that_waits_is_told_of_the_clients_end(clogged):
    async with clogged() as end:
        task = asyncio.create_task(end.ws.send("too late"))
        await asyncio.sleep(0)
        end.peer.vanish()
        with pytest.raises(WebSocketClosed):
            await task


async def test_a_sender_that_waits_is_told_at_once_that_the_connection_is_closed(clogged):
    async with clogged() as end:
        task = asyncio.create_task(end.ws.send("too late"))
        await asyncio.sleep(0)
        closing = asyncio.create_task(end.ws.close())
        with pytest.raises(WebSocketClosed):
            await task
        assert not closing.done()
        assert await end.peer.close_code() == 1000
        end.peer.send_close()
        await closing


# --- Limits and violations ------------------------------------------------------------------------


@pytest.mark.parametrize("deflate", [False, True])
async def test_a_message_that_is_too_long_closes_with_1009(connected, deflate):
    async with connected(deflate=deflate, max_size_bytes=1000) as end:
        end.peer.send(b"x" * 1000, b"x" * 1001)
        assert await end.peer.close_code() == 1009
        assert [await end.ws.recv(), await end.ws.recv()] == [b"x" * 1000, None]


async def test_fragments_that_never_end_close_with_1009(connected):
    async with connected(max_size_bytes=1000) as end:
        end.peer.send(b"x", opcode=Opcode.BINARY, fin=False)
        end.peer.send(*[b"xy"] * 500, opcode=Opcode.CONT, fin=False)
        assert await end.peer.close_code() == 1009


@pytest.mark.parametrize("deflate", [False, True])
async def test_text_that_is_not_utf_8_closes_with_1007(connected, deflate):
    async with connected(deflate=deflate) as end:
        end.peer.send(b"\xff", opcode=Opcode.TEXT)
        end.peer.send("not delivered")
        assert await end.peer.close_code() == 1007
        assert await end.ws.recv() is None
        assert end.ws.close_code == 1007


async def test_a_fragment_that_is_not_utf_8_is_noticed_before_the_last_one(connected):
    async with connected() as end:
        end.peer.send(b"\xce\xba\xff", opcode=Opcode.TEXT, fin=False)
        assert await end.peer.close_code() == 1007


@pytest.mark.parametrize(
    ("opcode", "data", "fin"),
    [
        (Opcode.CONT, b"of nothing", True),
        (Opcode.PING, b"x" * 126, True),
        (Opcode.PING, b"in pieces", False),
        (Opcode.CLOSE, b"x", True),
    ],
)
async def test_what_breaks_the_protocol_closes_with_1002(connected, opcode, data, fin):
    async with connected() as end:
        end.peer.send(data, opcode=opcode, fin=fin)
        assert await end.peer.close_code() == 1002


async def test_after_a_violation_the_client_may_still_send_what_it_was_about_to(connected):
    async with connected() as end:
        end.peer.send(b"x", opcode=Opcode.CONT)
        for _ in range(100):
            end.peer.send(b"x" * 10_000)
        assert await end.peer.close_code() == 1002
        assert await end.peer.ended()


# --- Ping and pong --------------------------------------------------------------------------------


async def test_a_ping_tells_the_latency(connected):
    async with connected() as end:
        ping = asyncio.create_task(end.ws.ping())
        frame = await end.peer.next_frame()
        assert frame.opcode is Opcode.PING
        end.peer.send(b"another", bytes(frame.data), opcode=Opcode.PONG)
        assert 0 < await ping < 10


async def test_one_pong_answers_the_pings_before_it(connected):
    async with connected() as end:
        pings = [asyncio.create_task(end.ws.ping()) for _ in range(3)]
        frames = [await end.peer.next_frame() for _ in range(3)]
        end.peer.send(bytes(frames[1].data), opcode=Opcode.PONG)
        await asyncio.wait(pings[:2])
        assert [ping.done() for ping in pings] == [True, True, False]
        end.peer.vanish()
        with pytest.raises(WebSocketClosed):
            await pings[2]


async def test_pings_of_a_client_that_does_not_read_fill_no_memory(connected):
    async with connected(buffer_bytes=4096) as end:
        task = asyncio.create_task(end.ws.send(b"x" * 200_000))
        await end.until(lambda: end.connection._writer.is_full)
        end.peer.send(*[b"%d" % number for number in range(1000)], opcode=Opcode.PING)
        end.peer.send("read")
        assert await end.ws.recv() == "read"
        assert end.connection._writer._parts == []
        await end.peer.recv()
        await task
        frame = await end.peer.next_frame()
        assert (frame.opcode, bytes(frame.data)) == (Opcode.PONG, b"999")


# --- Closing --------------------------------------------------------------------------------------


async def test_the_client_closes(connected):
    async with connected() as end:
        end.peer.send_close(3456, "enough")
        assert await end.peer.close_code() == 3456
        assert await end.peer.ended()
        assert await end.ws.recv() is None
        assert (end.ws.closed, end.ws.close_code, end.ws.close_reason) == (True, 3456, "enough")
        with pytest.raises(WebSocketClosed, match=r"closed \(3456: enough\)"):
            await end.ws.send("too late")


async def test_the_application_closes(connected):
    async with connected() as end:
        closing = asyncio.create_task(end.ws.close(4000, "bye"))
        assert await end.peer.close_code() == 4000
        assert (end.ws.closed, closing.done()) == (True, False)
        end.peer.send_close(4000)
        await closing
        assert end.ws.close_code == 4000
        await end.ws.close()  # once more does no harm


async def test_nothing_is_known_of_the_close_of_an_open_connection(connected):
    async with connected() as end:
        assert (end.ws.closed, end.ws.close_code, end.ws.close_reason) == (False, None, None)


@pytest.mark.parametrize(("code", "reason"), [(1006, ""), (999, ""), (1000, "ß" * 62)])
async def test_a_close_that_cannot_be_sent_is_refused(connected, code, reason):
    async with connected() as end:
        with pytest.raises(ValueError, match="cannot close with code"):
            await end.ws.close(code, reason)
        assert not end.ws.closed


async def test_a_client_that_does_not_answer_a_close_is_broken_off(connected):
    async with connected(close_timeout_seconds=5) as end:
        closing = asyncio.create_task(end.ws.close())
        assert await end.peer.close_code() == 1000
        end.pass_time(4)
        assert end.connection.state is State.CLOSING
        end.pass_time(6)
        await closing


async def test_a_close_is_answered_though_nobody_receives(connected):
    async with connected(max_queue=1) as end:
        end.peer.send(*["x" * 1000] * 10)
        await end.until(lambda: end.connection._reader.is_paused)
        closing = asyncio.create_task(end.ws.close())
        end.peer.send(*["x" * 1000] * 1000)
        assert await end.peer.close_code() == 1000
        end.peer.send_close()
        await closing


async def test_messages_from_before_the_close_are_delivered_after_it(connected):
    async with connected() as end:
        end.peer.send("a", "b")
        end.peer.send_close()
        await end.connection.wait_lost()
        assert [await end.ws.recv() for _ in range(3)] == ["a", "b", None]


async def test_the_server_stops(connected):
    async with connected() as end:
        waiting = asyncio.create_task(end.ws.recv())
        await asyncio.sleep(0)
        end.connection.server_stops()
        assert await waiting is None
        assert await end.peer.close_code() == 1012


async def test_the_close_of_a_server_that_stops_waits_for_its_turn(connected):
    async with connected() as end:
        turns = []
        end.watch.in_turn = turns.append
        end.connection.server_stops()
        end.peer.send("still served")
        assert await end.ws.recv() == "still served"
        (close,) = turns
        close()
        assert await end.peer.close_code() == 1012
        close()  # whatever has happened until its turn


async def test_a_connection_that_is_gone_is_not_watched(connected):
    async with connected() as end:
        assert end.watch.connections == {end.connection}
        end.peer.vanish()
        await end.connection.wait_lost()
        assert end.watch.connections == set()
        assert end.watch._timer is None


# --- What fails in one connection -----------------------------------------------------------------


@pytest.fixture
def reset_when_written_to():
    """Have the client reset the connection as soon as it is sent anything."""

    def reset_when_written_to(end):
        transport = end.connection._writer.transport

        class Resetting:
            def write(self, data):
                transport.write(data)
                end.peer.reset_now()

        end.connection._writer.transport = Resetting()

    return reset_when_written_to


@pytest.fixture
def failing(monkeypatch):
    """Have a part of a connection fail once, as a bug would."""

    def failing(part, method):
        sound = getattr(part, method)

        def fail(*args, **kwargs):
            monkeypatch.setattr(part, method, sound)
            raise ZeroDivisionError("a bug")

        monkeypatch.setattr(part, method, fail)

    return failing


async def test_a_client_that_resets_when_it_is_told_to_go_fails_nowhere(
    connected, reset_when_written_to, caplog
):
    async with connected(tcp=True, ping_interval_seconds=1, ping_timeout_seconds=1) as end:
        end.pass_time(2)  # the ping
        reset_when_written_to(end)
        end.connection.expire()
        await end.connection.wait_lost()
        assert (end.ws.close_code, caplog.records) == (1011, [])


async def test_a_handler_that_reads_on_learns_nothing_of_what_fails_after_it(
    connected, failing, caplog
):
    async with connected(max_queue=1) as end:
        end.peer.send("a", "b")
        await end.until(lambda: end.connection._reader.is_paused)
        failing(Reader, "resume")
        assert [await end.ws.recv() for _ in range(3)] == ["a", "b", None]
        assert "ZeroDivisionError: a bug" in caplog.text


@pytest.mark.parametrize(
    ("part", "method", "act"),
    [
        (Assembler, "feed", lambda end: end.peer.send("x", fin=False)),
        (Inbox, "put", lambda end: end.peer.send("x")),
        (Reader, "receive_eof", lambda end: end.peer.writer.write_eof()),
        (Keepalive, "judge", lambda end: end.pass_time(1000)),
        (ServerProtocol, "send_close", lambda end: end.connection.server_stops()),
        (Writer, "resume", lambda end: end.connection.resume_writing()),
    ],
)
async def test_a_failure_in_one_connection_is_logged_and_ends_it_and_no_other(
    connected, failing, caplog, part, method, act
):
    async with connected() as end:
        waiting = asyncio.create_task(end.ws.recv())
        await asyncio.sleep(0)
        failing(part, method)
        act(end)
        assert await waiting is None
        (record,) = (each for each in caplog.records if each.name == "aiopyramid_websocket")
        assert re.fullmatch(
            r"The WebSocket of no view with client .* has failed and is broken off", record.message
        )
        assert record.exc_info[0] is ZeroDivisionError
