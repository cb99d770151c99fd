"""RFC 6455, section by section, in the families of the Autobahn test suite."""

import pytest
from websocket_wire import BINARY, CLOSE, CONT, PING, PONG, TEXT, Frame, close, frame

MIB = 1 << 20

# --- 1: framing (5.2, 5.6) ------------------------------------------------------------------------

SIZES = [0, 1, 125, 126, 127, 128, 65535, 65536, 65537]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_of_any_size_comes_back(connect, opcode, size):
    wire = connect()
    wire.send(frame(opcode, b"*" * size))
    assert wire.next() == Frame(opcode, b"*" * size)


@pytest.mark.parametrize("piece", [1, 7, 997])
def test_pieces_of_the_stream_do_not_matter(connect, piece):
    wire = connect()
    wire.send_in_pieces(frame(TEXT, b"*" * 1000) + frame(BINARY, b"\xff" * 10), piece)
    assert [wire.next(), wire.next()] == [Frame(TEXT, b"*" * 1000), Frame(BINARY, b"\xff" * 10)]


# --- 2: pings and pongs (5.5.2, 5.5.3) ------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", b"hello", b"\x00\xff\xfe", b"\xfe" * 125])
def test_a_ping_is_answered_with_its_payload(connect, payload):
    wire = connect()
    wire.send_in_pieces(frame(PING, payload), 1)
    assert wire.next() == Frame(PONG, payload)


def test_pings_are_answered_in_their_order(connect):
    wire = connect()
    wire.send(b"".join(frame(PING, b"%d" % number) for number in range(10)))
    assert [wire.next().payload for _ in range(10)] == [b"%d" % number for number in range(10)]


def test_a_pong_that_nobody_asked_for_is_ignored(connect):
    wire = connect()
    wire.send(frame(PONG, b"unasked") + frame(PING, b"asked"))
    assert wire.next() == Frame(PONG, b"asked")


# --- What is against the protocol: close with 1002 (3, 4, 5, 7) -----------------------------------

VIOLATIONS = {
    **{f"5.2 rsv {rsv}": frame(TEXT, b"x", rsv=rsv) for rsv in range(1, 8)},
    "5.2 rsv of a ping": frame(PING, b"x", rsv=2),
    "5.2 rsv of a close": frame(CLOSE, b"\x03\xe8", rsv=1),
    **{f"5.2 opcode {opcode}": frame(opcode, b"x") for opcode in (3, 4, 5, 6, 7)},
    **{f"5.2 opcode {opcode}": frame(opcode) for opcode in (11, 12, 13, 14, 15)},
    "5.1 not masked": frame(TEXT, b"x", mask=False),
    "5.1 ping not masked": frame(PING, b"x", mask=False),
    "5.5 ping of 126 bytes": frame(PING, b"x" * 126),
    "5.5 close of 126 bytes": close(1000, b"x" * 124),
    "5.5 ping in fragments": frame(PING, b"x", fin=False) + frame(CONT, b"y"),
    "5.5 pong in fragments": frame(PONG, b"x", fin=False) + frame(CONT, b"y"),
    "5.4 continuation of nothing": frame(CONT, b"x"),
    "5.4 first continuation of nothing": frame(CONT, b"x", fin=False),
    "5.4 continuation of a finished message": (
        frame(TEXT, b"x", fin=False) + frame(CONT, b"y") + frame(CONT, b"z")
    ),
    "5.4 text inside a text": frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"),
    "5.4 binary inside a text": frame(TEXT, b"x", fin=False) + frame(BINARY, b"y"),
    "5.5.1 close of one byte": frame(CLOSE, b"\x03"),
    **{
        f"7.4 code {code}": close(code)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_closes_with_1002(connect, name):
    wire = connect()
    wire.send(VIOLATIONS[name])
    assert wire.close_code() == 1002


# --- 5: fragments (5.4) ---------------------------------------------------------------------------

FRAGMENTS = {
    "two": [frame(TEXT, b"ab", fin=False), frame(CONT, b"cd")],
    "empty ones": [frame(TEXT, fin=False), frame(CONT, b"abcd", fin=False), frame(CONT)],
    "a ping between": [frame(TEXT, b"ab", fin=False), frame(PING, b"!"), frame(CONT, b"cd")],
    "a pong between": [frame(TEXT, b"ab", fin=False), frame(PONG, b"!"), frame(CONT, b"cd")],
}


@pytest.mark.parametrize("name", FRAGMENTS)
@pytest.mark.parametrize("piece", [1, 1000])
def test_fragments_become_one_message(connect, name, piece):
    wire = connect()
    wire.send_in_pieces(b"".join(FRAGMENTS[name]), piece)
    if name == "a ping between":
        assert wire.next() == Frame(PONG, b"!")
    assert wire.next() == Frame(TEXT, b"abcd")


def test_a_close_between_fragments_is_answered_as_any_other(connect):
    wire = connect()
    wire.send(frame(TEXT, b"never ", fin=False) + close() + frame(CONT, b"complete"))
    assert wire.rest() == [Frame(CLOSE, b"\x03\xe8")]


# --- 6: UTF-8 (5.6, 8.1) --------------------------------------------------------------------------

VALID = [
    "κόσμε",
    "\x00\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff",
    "\ufffe\U0001fffe\ufeff\ufffd",
]
INVALID = {
    "continuation alone": b"\x80",
    "lonely start": b"\xc3 ",
    "cut short": b"\xe2\x82",
    "overlong slash": b"\xc0\xaf",
    "overlong of three": b"\xe0\x80\xaf",
    "overlong of four": b"\xf0\x80\x80\xaf",
    "overlong nul": b"\xc0\x80",
    "surrogate": b"\xed\xa0\x80",
    "surrogates in pairs": b"\xed\xa0\x80\xed\xb0\x80",
    "beyond the last": b"\xf4\x90\x80\x80",
    "of five bytes": b"\xf8\x88\x80\x80\x80",
    "of six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "fe": b"\xfe",
    "ff": b"\xff",
}


@pytest.mark.parametrize("text", VALID)
@pytest.mark.parametrize("as_fragments", [False, True])
def test_any_character_comes_back(connect, text, as_fragments):
    wire, data = connect(), text.encode()
    if as_fragments:
        wire.send(frame(TEXT, fin=False))
        wire.send(b"".join(frame(CONT, bytes([byte]), fin=False) for byte in data) + frame(CONT))
    else:
        wire.send(frame(TEXT, data))
    assert wire.next() == Frame(TEXT, data)


@pytest.mark.parametrize("name", INVALID)
def test_a_text_that_is_not_utf_8_closes_with_1007(connect, name):
    wire = connect()
    wire.send(frame(TEXT, b"before" + INVALID[name]))
    assert wire.close_code() == 1007


@pytest.mark.parametrize("name", [name for name in INVALID if name != "cut short"])
def test_the_first_wrong_fragment_is_enough(connect, name):
    wire = connect()
    fragments = [frame(CONT, bytes([byte]), fin=False) for byte in INVALID[name]]
    wire.send(frame(TEXT, b"before", fin=False) + b"".join(fragments))
    assert wire.close_code() == 1007  # though the message goes on


def test_binary_data_may_be_anything(connect):
    wire = connect()
    wire.send(frame(BINARY, bytes(range(256))))
    assert wire.next() == Frame(BINARY, bytes(range(256)))


# --- 7: closing (5.5.1, 7) ------------------------------------------------------------------------

CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000]


@pytest.mark.parametrize("code", [*CODES, 4999, None])
def test_a_close_is_answered_with_its_code(connect, code):
    wire = connect()
    wire.send(close(code))
    assert wire.close_code() == code


def test_a_reason_may_have_123_bytes(connect):
    wire = connect()
    wire.send(close(1000, b"x" * 123))
    assert wire.close_code() == 1000


def test_a_reason_that_is_not_utf_8_closes_with_1007(connect):
    wire = connect()
    wire.send(close(1000, b"\xce\xba\xff"))
    assert wire.close_code() in (1002, 1007)


@pytest.mark.parametrize("behind", [frame(TEXT, b"x"), frame(PING, b"x"), close(), b"\xff" * 99])
def test_what_comes_after_a_close_is_dropped(connect, behind):
    wire = connect()
    wire.send(close() + behind)
    assert wire.rest() == [Frame(CLOSE, b"\x03\xe8")]


def test_a_message_before_the_close_is_echoed_or_not_but_nothing_after_the_close_is(connect):
    wire = connect()
    wire.send(frame(TEXT, b"x" * 70_000) + close())
    assert wire.close_code() == 1000


# --- 9: sizes (10.4) ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [MIB, 4 * MIB, 16 * MIB])
@pytest.mark.parametrize("fragment", [64 << 10, 16 * MIB])
def test_large_messages_come_back(connect, size, fragment):
    wire = connect("/echo")
    data = bytes(range(256)) * (size // 256)
    parts = [data[begin : begin + fragment] for begin in range(0, size, fragment)]
    wire.send(
        b"".join(
            frame(CONT if number else BINARY, part, fin=number == len(parts) - 1)
            for number, part in enumerate(parts)
        )
    )
    assert wire.next() == Frame(BINARY, data)


@pytest.mark.parametrize("as_fragments", [False, True])
def test_a_message_above_the_limit_closes_with_1009(connect, as_fragments):
    wire = connect("/small")
    wire.send(frame(BINARY, b"x" * 1000))
    assert wire.next() == Frame(BINARY, b"x" * 1000)
    if as_fragments:
        wire.send(frame(BINARY, b"x" * 1000, fin=False) + frame(CONT, b"x", fin=False))
    else:
        wire.send(frame(BINARY, b"x" * 1001)[:-900])  # its head says it all
    assert wire.close_code() == 1009


def test_many_small_messages_come_back_in_order(connect):
    wire = connect()
    for begin in range(0, 1000, 100):
        numbers = range(begin, begin + 100)
        wire.send(b"".join(frame(TEXT, b"%d" % number) for number in numbers))
        assert [wire.next().payload for _ in numbers] == [b"%d" % number for number in numbers]


# --- The handshake (1.3, 4.2) ---------------------------------------------------------------------


def test_the_answer_to_the_key_of_the_example(connect):
    wire = connect()
    assert wire.status == 101
    assert wire.fields["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert "sec-websocket-extensions" not in wire.fields


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [("first, second", "second"), ("first", "first"), ("other", None), ("other, first", "first")],
)
def test_a_subprotocol_is_one_of_those_offered(connect, offered, chosen):
    wire = connect("/small", Sec_WebSocket_Protocol=offered)
    assert wire.fields.get("sec-websocket-protocol") == chosen


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"}, 101),
        ({"Upgrade": "h2c"}, 426),
        ({"Connection": "keep-alive"}, 426),
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_handshake_is_answered_as_it_deserves(connect, fields, status):
    assert connect(**fields).status == status
