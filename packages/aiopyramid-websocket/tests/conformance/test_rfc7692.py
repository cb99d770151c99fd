"""RFC 7692, compression: every combination of the parameters, with zlib of the test's own."""

import itertools
import re
import zlib

import pytest
from websocket_wire import BINARY, CONT, PING, PONG, TEXT, close, frame

COMPRESSED = 4  # RSV1
TAIL = b"\x00\x00\xff\xff"

TEXTS = [b"", b"a", b"Hello Hello Hello", "grüß".encode() * 500, bytes(range(32, 127)) * 1000]


class Deflate:
    """The client's half of what was agreed upon (7.2)."""

    def __init__(self, wire):
        agreed = wire.fields["sec-websocket-extensions"]
        assert agreed.startswith("permessage-deflate")
        self.agreed = agreed
        self._forgets_ours = "client_no_context_takeover" in agreed
        self._forgets_theirs = "server_no_context_takeover" in agreed
        self._compressor = self._decompressor = None

    def bits(self, side):
        found = re.search(rf"{side}_max_window_bits=(\d+)", self.agreed)
        return int(found[1]) if found else 15

    def compress(self, data):
        if self._compressor is None or self._forgets_ours:
            self._compressor = zlib.compressobj(wbits=-self.bits("client"))
        data = self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        return data.removesuffix(TAIL)

    def decompress(self, got):
        assert got.rsv == COMPRESSED
        if self._decompressor is None or self._forgets_theirs:
            self._decompressor = zlib.decompressobj(wbits=-self.bits("server"))
        return self._decompressor.decompress(got.payload + TAIL)


OFFERS = [
    "; ".join(["permessage-deflate", *filter(None, parameters)])
    for parameters in itertools.product(
        ["", "server_no_context_takeover"],
        ["", "client_no_context_takeover"],
        ["", *(f"server_max_window_bits={bits}" for bits in (9, 12, 15))],
        ["", "client_max_window_bits", *(f"client_max_window_bits={bits}" for bits in (9, 15))],
    )
]


@pytest.mark.parametrize("offer", OFFERS)
def test_whatever_is_agreed_upon_messages_come_back(connect, offer):
    wire = connect("/echo", Sec_WebSocket_Extensions=offer)
    deflate = Deflate(wire)
    for name in ("server", "client"):
        if f"{name}_no_context_takeover" in offer and name == "server":
            assert f"{name}_no_context_takeover" in deflate.agreed
        asked = re.search(rf"{name}_max_window_bits=(\d+)", offer)
        if asked:
            assert deflate.bits(name) <= int(asked[1])
    if "client_max_window_bits" not in offer:
        assert "client_max_window_bits" not in deflate.agreed  # 7.1.2.2
    for text in TEXTS:
        wire.send(frame(TEXT, deflate.compress(text), rsv=COMPRESSED))
        assert deflate.decompress(wire.next()) == text


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; client_max_window_bits=99",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "x-webkit-deflate-frame",
    ],
)
def test_an_offer_that_makes_no_sense_is_declined(connect, offer):
    wire = connect("/echo", Sec_WebSocket_Extensions=offer)
    assert wire.status == 101
    assert "sec-websocket-extensions" not in wire.fields
    wire.send(frame(TEXT, b"hello"))
    assert wire.next().payload == b"hello"


def test_the_second_offer_is_taken_if_the_first_is_declined(connect):
    offers = "permessage-deflate; server_max_window_bits=99, permessage-deflate"
    assert "permessage-deflate" in connect("/echo", Sec_WebSocket_Extensions=offers).fields.get(
        "sec-websocket-extensions", ""
    )


def test_a_message_in_fragments_is_compressed_as_a_whole(connect):
    wire = connect("/echo", Sec_WebSocket_Extensions="permessage-deflate")
    deflate = Deflate(wire)
    data = deflate.compress(b"Hello " * 1000)
    wire.send(
        frame(BINARY, data[:5], rsv=COMPRESSED, fin=False)
        + frame(PING, b"!")  # control frames are never compressed (6.1)
        + frame(CONT, data[5:])
    )
    pong = wire.next()
    assert (pong.opcode, pong.payload, pong.rsv) == (PONG, b"!", 0)
    assert deflate.decompress(wire.next()) == b"Hello " * 1000


def test_an_uncompressed_message_may_come_among_compressed_ones(connect):
    wire = connect("/echo", Sec_WebSocket_Extensions="permessage-deflate")
    deflate = Deflate(wire)
    wire.send(frame(TEXT, deflate.compress(b"one"), rsv=COMPRESSED))
    wire.send(frame(TEXT, b"two"))
    wire.send(frame(TEXT, deflate.compress(b"three"), rsv=COMPRESSED))
    assert [deflate.decompress(wire.next()) for _ in range(3)] == [b"one", b"two", b"three"]


def test_several_blocks_and_a_final_block_are_understood(connect):
    # 7.2.3.4 and 7.2.3.5
    wire = connect("/echo", Sec_WebSocket_Extensions="permessage-deflate")
    deflate = Deflate(wire)
    final = zlib.compressobj(wbits=-15)
    wire.send(
        frame(TEXT, final.compress(b"Hello") + final.flush(zlib.Z_FINISH) + b"\0", rsv=COMPRESSED)
    )
    assert deflate.decompress(wire.next()) == b"Hello"
    blocks = zlib.compressobj(wbits=-15)
    data = b"".join(blocks.compress(b"%d" % n) + blocks.flush(zlib.Z_SYNC_FLUSH) for n in range(5))
    wire.send(frame(TEXT, data.removesuffix(TAIL), rsv=COMPRESSED))
    assert deflate.decompress(wire.next()) == b"01234"


BROKEN = {
    "rsv of a continuation": (
        frame(TEXT, b"x", fin=False, rsv=COMPRESSED) + frame(CONT, b"y", rsv=COMPRESSED),
        {1002},
    ),
    "rsv of a ping": (frame(PING, b"x", rsv=COMPRESSED), {1002}),
    "no deflate at all": (frame(TEXT, b"\xff" * 20, rsv=COMPRESSED), {1002, 1007}),
    "text that is not UTF-8": (
        frame(TEXT, zlib.compress(b"\xff\xfe", wbits=-15) + b"\0", rsv=COMPRESSED),
        {1007},
    ),
    "a thousand times as large": (
        frame(BINARY, zlib.compress(b"\0" * (18 << 20), wbits=-15), rsv=COMPRESSED),
        {1009},
    ),
    "closed": (close(), {1000}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_understood_closes(connect, name):
    wire = connect("/echo", Sec_WebSocket_Extensions="permessage-deflate")
    data, codes = BROKEN[name]
    wire.send(data)
    assert wire.close_code() in codes


def test_rsv1_without_the_extension_closes_with_1002(connect):
    wire = connect("/plain", Sec_WebSocket_Extensions="permessage-deflate")
    assert "sec-websocket-extensions" not in wire.fields
    wire.send(frame(TEXT, b"x", rsv=COMPRESSED))
    assert wire.close_code() == 1002
