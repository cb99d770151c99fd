"""plain_frames: the quick way makes of data what the Sans-I/O layer makes of it, and so in turn."""

import asyncio
import itertools
import logging

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode, apply_mask
from websockets.protocol import OPEN, Protocol, Side
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from aiopyramid_websocket._inbox import Inbox
from aiopyramid_websocket._plain_frames import (
    has_plain_frames,
    parse_plain_frame,
    plain_frame,
)
from aiopyramid_websocket._reader import Reader
from aiopyramid_websocket._sans_io import Deflate

MASK = b"\x12\xa4\x56\xf8"


def frame_of(first, payload, *, mask=MASK, width=0):
    """Return a frame as a client sends it; ``width`` is the least number of bytes of the length."""
    length = len(payload)
    bit = 0x80 if mask else 0
    if length < 126 and not width:
        head = bytes((first, bit | length))
    elif length < 1 << 16 and width < 8:
        head = bytes((first, bit | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + length.to_bytes(8, "big")
    return head + mask + (apply_mask(payload, mask) if mask else payload)


# --- A single frame -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 1023, 1024, 65_535, 65_536])
@pytest.mark.parametrize("message", ["x", b"x"])
def test_a_message_is_read_wherever_its_frame_begins(message, size):
    payload = b"x" * size
    frame = frame_of(0x81 if isinstance(message, str) else 0x82, payload)
    data = b"before" + frame + b"after"
    assert parse_plain_frame(data, 6, 65_536) == (message * size, 6 + len(frame))
    assert parse_plain_frame(bytearray(data), 6, 65_536) == (message * size, 6 + len(frame))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(frame_of(0x01, b"fragment"), id="fragment"),
        pytest.param(frame_of(0x80, b"fragment"), id="last fragment"),
        pytest.param(frame_of(0x89, b"ping"), id="ping"),
        pytest.param(frame_of(0xC1, b"compressed"), id="reserved bit"),
        pytest.param(frame_of(0x81, b"not masked", mask=b""), id="not masked"),
        pytest.param(frame_of(0x81, b"\xff"), id="not UTF-8"),
        pytest.param(frame_of(0x82, b"x" * 1001), id="too long"),
        pytest.param(frame_of(0x82, b"")[:5], id="a part of a header"),
        pytest.param(frame_of(0x82, b"x" * 300)[:7], id="a part of a long header"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_every_other_frame_is_left_to_the_layer_below(data):
    assert parse_plain_frame(data, 0, 1000) is None


def test_of_an_incomplete_frame_the_end_is_known():
    frame = frame_of(0x81, b"x" * 300)
    assert parse_plain_frame(frame[:8], 0, 1000) == (None, len(frame))


@given(st.one_of(st.text(), st.binary(), st.sampled_from([125, 126, 65_535, 65_536]).map(bytes)))
def test_a_message_is_sent_as_the_layer_below_sends_it(message):
    if isinstance(message, str):
        expected = Frame(Opcode.TEXT, message.encode()).serialize(mask=False)
    else:
        expected = Frame(Opcode.BINARY, message).serialize(mask=False)
        assert plain_frame(bytearray(message)) == plain_frame(memoryview(message)) == expected
    assert plain_frame(message) == expected


# --- Which connections ----------------------------------------------------------------------------


def test_only_a_server_without_extensions_and_without_a_log_of_frames_has_plain_frames():
    assert has_plain_frames(ServerProtocol(state=OPEN))
    assert not has_plain_frames(ClientProtocol(parse_uri("ws://test/"), state=OPEN))
    compressed = ServerProtocol(state=OPEN)
    compressed.extensions = [Deflate(False, False, 12, 12)]
    assert not has_plain_frames(compressed)
    logger = logging.getLogger("test_plain_frames")
    logger.setLevel(logging.DEBUG)
    assert not has_plain_frames(ServerProtocol(state=OPEN, logger=logger))


# --- A stream of frames ---------------------------------------------------------------------------

MAX_SIZE = 200


class Reading:
    """A reader, what it has delivered, and what has become of its connection."""

    def __init__(self, loop, *, is_plain):
        self.protocol = Protocol(Side.SERVER, state=OPEN, max_size=MAX_SIZE)
        self.inbox = Inbox(loop, 4, 10 * MAX_SIZE)
        self.reader = Reader(asyncio.Transport(), self.protocol, self.inbox)
        self.reader._is_plain = is_plain
        self.messages = []
        self.sent = b""

    def receive(self, data, taken):
        """Parse data as a connection does, and have its handler take some messages after that."""
        self.parse(data)
        for _ in range(min(taken, self.inbox.count)):
            self.messages.append(self.inbox.take())

    def parse(self, data=b""):
        told = self.reader.parse(data)
        sent = b"".join(self.protocol.data_to_send())
        self.sent += sent
        if self.protocol.state is not OPEN:
            self.reader.stop_delivering()
        else:
            assert told or not sent

    def end(self):
        """Have the handler take all the rest, then end the stream; return what is known by then."""
        while self.inbox.count or self.reader.is_behind:
            self.receive(b"", self.inbox.count)
        self.reader.receive_eof()
        protocol = self.protocol
        return self.messages, self.sent, protocol.state, protocol.close_rcvd, protocol.close_sent


payloads = st.one_of(
    st.text(max_size=40).map(str.encode),
    st.binary(max_size=40),
    st.sampled_from([0, 125, 126, 127, MAX_SIZE, MAX_SIZE + 1]).map(lambda size: b"x" * size),
)
# Mostly whole messages: all others end the quick way, and an error ends the stream.
firsts = st.one_of(
    *[st.sampled_from([0x81, 0x82])] * 4,
    st.sampled_from([0x01, 0x02, 0x00, 0x80, 0x89, 0x8A]),
    st.sampled_from([0x88, 0x83, 0xC1, 0x09]),
)
frames = st.builds(
    frame_of,
    firsts,
    payloads,
    mask=st.sampled_from([MASK, MASK, MASK, bytes(4), b""]),
    width=st.sampled_from([0, 0, 0, 2, 8]),
)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(frames, max_size=12).map(b"".join),
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 5)), min_size=1, max_size=6),
)
@example(frame_of(0x81, b"begun") + frame_of(0x88, b"\x03\xe8"), [(8, 0), (1, 0)])
@example(frame_of(0x81, "ä".encode()[:1]) + frame_of(0x89, b""), [(5, 0), (100, 0)])
@example(frame_of(0x82, b"x" * 100), [(5, 0), (3, 0)])
def test_a_reader_delivers_and_answers_the_same_as_without_the_quick_way(loop, data, pieces):
    quick, plain = (Reading(loop, is_plain=each) for each in (True, False))
    begin = 0
    # The pieces again and again, until all data has arrived.
    for size, taken in itertools.cycle(pieces):
        if begin >= len(data):
            break
        for reading in (quick, plain):
            reading.receive(data[begin : begin + size], taken)
        begin += size
    assert quick.end() == plain.end()


@given(st.lists(frames, max_size=3).map(b"".join), st.integers(0, 20))
@settings(deadline=None)
def test_a_connection_that_closes_in_the_middle_of_a_message_ends_the_same(loop, data, size):
    ends = []
    for is_plain in (True, False):
        reading = Reading(loop, is_plain=is_plain)
        reading.receive(frame_of(0x81, b"x" * 150)[:size], 0)
        reading.protocol.send_close(1000)
        reading.reader.stop_delivering()
        reading.parse(frame_of(0x81, b"x" * 150)[size:] + data)
        ends.append(reading.end())
    assert ends[0] == ends[1]


@pytest.fixture(scope="module")
def loop():
    """Return a loop for the inboxes, which never runs, since nothing here waits."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()
