"""_messages: from frames to messages, and the messages that wait."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from aiopyramid_websocket._inbox import MessageQueue
from aiopyramid_websocket._messages import Assembler


def fed(*frames):
    assembler = Assembler()
    return [assembler.feed(Frame(*frame)) for frame in frames]


@pytest.mark.parametrize(
    ("frames", "messages"),
    [
        ([(Opcode.TEXT, "grüß".encode())], ["grüß"]),
        ([(Opcode.BINARY, b"\xff")], [b"\xff"]),
        ([(Opcode.TEXT, b"")], [""]),
        ([(Opcode.TEXT, b"a", False), (Opcode.CONT, b"b")], [None, "ab"]),
        ([(Opcode.BINARY, b"a", False), (Opcode.CONT, b"\xff")], [None, b"a\xff"]),
        (
            [(Opcode.TEXT, b"", False), (Opcode.CONT, b"", False), (Opcode.CONT, b"")],
            [None, None, ""],
        ),
        # One after the other, of different kinds.
        (
            [
                (Opcode.TEXT, b"a", False),
                (Opcode.CONT, b"b"),
                (Opcode.BINARY, b"c", False),
                (Opcode.CONT, b"d"),
            ],
            [None, "ab", None, b"cd"],
        ),
    ],
)
def test_messages_are_put_together(frames, messages):
    assert fed(*frames) == messages


@pytest.mark.parametrize(
    "frames",
    [
        [(Opcode.TEXT, b"\xff")],
        [(Opcode.TEXT, b"\xff", False)],
        [(Opcode.TEXT, b"\xc3", False), (Opcode.CONT, b"x", False)],
        [(Opcode.TEXT, b"\xc3", False), (Opcode.CONT, b"")],
        [(Opcode.TEXT, b"\xed\xa0\x80")],  # a surrogate
    ],
)
def test_text_that_is_not_utf_8_is_refused_as_soon_as_that_is_known(frames):
    with pytest.raises(UnicodeDecodeError):
        fed(*frames)


@given(text=st.text(), cuts=st.lists(st.integers(0, 50), max_size=5))
def test_a_text_may_be_cut_anywhere(text, cuts):
    data = text.encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    last = len(pieces) - 1
    frames = [
        (Opcode.CONT if index else Opcode.TEXT, piece, index == last)
        for index, piece in enumerate(pieces)
    ]
    assert fed(*frames)[-1] == text


def test_messages_leave_a_queue_in_their_order():
    queue = MessageQueue(10, None)
    taken = []
    for number in range(6):
        queue.put(str(number))
        if number % 2:
            taken.append(queue.take())
    taken += [queue.take() for _ in range(queue.count)]
    assert taken == list("012345")
    with pytest.raises(IndexError):
        queue.take()


def test_a_queue_is_full_of_messages_and_low_at_half():
    queue = MessageQueue(4, None)
    for _ in range(4):
        assert not queue.is_full
        queue.put("x")
    assert queue.is_full
    assert [(queue.take(), queue.is_low)[1] for _ in range(3)] == [False, True, True]


def test_a_queue_is_full_of_bytes_and_low_at_half():
    queue = MessageQueue(100, 10)
    for size in (4, 4, 4):
        assert not queue.is_full
        queue.put(b"x" * size)
    assert queue.is_full
    assert [(queue.take(), queue.is_low)[1] for _ in range(2)] == [False, True]
