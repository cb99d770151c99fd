"""broadcast and ``ws.post``: messages that are sent without waiting, to one or to many."""

import asyncio

import pytest
from websockets.frames import Opcode

from aiopyramid_websocket import Broadcast
from aiopyramid_websocket._sans_io import Deflate


def compress(end, window_bits=12, *, no_context=False):
    """Let a connection use compression, as if it had been negotiated."""
    end.connection._protocol.extensions = [Deflate(False, no_context, 12, window_bits)]
    end.peer.protocol.extensions = [Deflate(no_context, False, window_bits, 12)]


async def fill(end):
    """Send until the client does not keep up."""
    while end.ws.post(b"x" * (1 << 16)):
        await asyncio.sleep(0)


@pytest.mark.parametrize("message", ["grüß", b"\x00\xff", "", b""])
async def test_a_posted_message_arrives(connected, message):
    async with connected() as end:
        assert end.ws.post(message)
        assert await end.peer.recv() == message


@pytest.mark.parametrize("message", ["grüß", b"\x00\xff", "", b"", "x" * 70000])
async def test_a_broadcast_arrives_like_any_message(connected, message):
    async with connected() as one, connected() as other:
        broadcast = Broadcast(message)
        assert one.ws.post(broadcast)
        assert other.ws.post(broadcast)
        assert await one.peer.recv() == await other.peer.recv() == message


async def test_post_refuses_a_message_for_a_client_that_does_not_keep_up(connected):
    async with connected(buffer_bytes=4096) as end:
        await fill(end)
        assert not end.ws.post("late")
        assert not end.ws.post(Broadcast("late"))
        assert not end.ws.closed


async def test_post_sends_nothing_in_the_middle_of_a_fragmented_message(connected):
    async with connected() as end:
        may_end = asyncio.Event()

        async def fragments():
            yield "a"
            yield "b"
            await may_end.wait()
            yield "c"

        sending = asyncio.create_task(end.ws.send(fragments()))
        assert (await end.peer.next_frame()).data == b"a"
        assert not end.ws.post("between")
        assert not end.ws.post(Broadcast("between"))
        may_end.set()
        await sending
        assert end.ws.post(Broadcast("after"))
        assert [(await end.peer.next_frame()).data for _ in "bcd"] == [b"b", b"c", b"after"]


async def test_post_sends_nothing_on_a_closed_connection(connected):
    async with connected() as end:
        end.peer.send_close()
        assert await end.ws.recv() is None
        assert not end.ws.post("late")


async def test_what_is_not_a_message_is_refused(connected):
    async with connected() as end:
        with pytest.raises(TypeError, match="a message must be str, bytes or an iterable"):
            end.ws.post(["a", "b"])
    with pytest.raises(TypeError, match="a broadcast must be str or bytes, not int"):
        Broadcast(1)


@pytest.mark.parametrize("no_context", [False, True])
async def test_compressed_broadcasts_and_other_messages_may_alternate(connected, no_context):
    text = "the same words again and again, " * 20
    async with connected() as end:
        compress(end, no_context=no_context)
        sent = []
        for number in range(6):
            for message in (text, f"{number}{text}", f"{text}{number}"):
                sent.append(message)
                if number % 2:
                    assert end.ws.post(Broadcast(message))
                else:
                    await end.ws.send(message)
        assert [await end.peer.recv() for _ in sent] == sent


async def test_fragments_after_a_broadcast_are_compressed_in_one_context(connected):
    async with connected() as end:
        compress(end)
        await end.ws.send("words words words")
        end.ws.post(Broadcast("other words other words"))
        await end.ws.send(["words ", "words ", "words"])
        received = [await end.peer.next_frame() for _ in range(5)]
        assert b"".join(bytes(frame.data) for frame in received[2:]) == b"words words words"
        assert [frame.opcode for frame in received[2:]] == [Opcode.TEXT, Opcode.CONT, Opcode.CONT]


async def test_a_broadcast_is_compressed_once_for_each_size_of_the_window(connected):
    broadcast = Broadcast("words " * 100)
    async with connected() as one, connected() as two, connected() as three:
        compress(one)
        compress(two)
        compress(three, 9)
        first, second, third = (
            broadcast.frame_for(end.connection._protocol) for end in (one, two, three)
        )
    assert first is second
    assert first is not third
    assert len(first) < 50
