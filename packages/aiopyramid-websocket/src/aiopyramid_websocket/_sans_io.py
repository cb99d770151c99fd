"""The Sans-I/O layer of ``websockets``, extended where the RFCs require more than it does.

Pure. ``tests/conformance`` has a test case for each extension.
"""

import zlib
from collections.abc import Sequence
from typing import Final

from websockets.exceptions import ProtocolError
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, State
from websockets.server import ServerProtocol
from websockets.typing import ExtensionParameter, Subprotocol

from .settings import WebSocketSettings

__all__ = ("Deflate", "make_protocol", "release")


def make_protocol(settings: WebSocketSettings) -> ServerProtocol:
    """Return a protocol in the state OPEN, in which it does not parse an opening handshake."""
    names = settings.subprotocols
    return _Protocol(
        state=State.OPEN,
        extensions=_EXTENSIONS if settings.compression else None,
        subprotocols=[Subprotocol(name) for name in names] if names else None,
        max_size=settings.max_size_bytes,
    )


def release(protocol: Protocol) -> None:
    """Break the reference cycles of a protocol whose connection is gone.

    Its memory, most of which belongs to the compression, is then freed at once instead of later by
    the garbage collector.
    """
    protocol.parser.close()  # a generator that refers to the protocol
    protocol.parser_exc = None  # its traceback refers to it as well


class _Protocol(ServerProtocol):
    # A method instead of an argument, with which the layer below creates a reference cycle.
    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Choose the first of ours that the client offers, or none (RFC 6455, 4.2.2)."""
        ours = self.available_subprotocols or ()
        return next((name for name in ours if name in subprotocols), None)

    def recv_frame(self, frame: Frame) -> None:
        """Process a frame."""
        if frame.opcode is Opcode.CLOSE:
            self._break_off_message()
        super().recv_frame(frame)

    def _break_off_message(self) -> None:
        """Forget the fragments of an incomplete message.

        RFC 6455, 5.4: control frames, including a close, may come between the fragments of a
        message. The layer below treats that as a violation, and would answer with 1002.
        """
        try:
            super().recv_frame(Frame(Opcode.CONT, b""))
        except ProtocolError:
            pass  # there was nothing to continue
        else:
            self.events.pop()


class Deflate(PerMessageDeflate):
    """Compression of one connection (RFC 7692)."""

    _has_other_context = False

    def forget_context(self) -> None:
        """Compress the next message without reference to earlier ones.

        The client's window contains a message that the encoder has not seen, so that the distances
        to all messages before it are wrong.
        """
        self._has_other_context = not self.local_no_context_takeover

    def without_context(self) -> "Deflate":
        """Return an extension with the same parameters that compresses each message alone."""
        return Deflate(True, True, 15, self.local_max_window_bits, self.compress_settings)

    def encode(self, frame: Frame) -> Frame:
        """Encode a frame."""
        if self._has_other_context and frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._has_other_context = False
            self.encoder = zlib.compressobj(
                wbits=-self.local_max_window_bits, **self.compress_settings
            )
        return super().encode(frame)

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """Decode a frame."""
        decoded = super().decode(frame, max_size=max_size)
        # RFC 7692, 7.2.3.4: a message may end with a block that is marked as the final one. zlib
        # ignores all data after that, so that every later message would be empty.
        if frame.fin and not self.remote_no_context_takeover and self.decoder.eof:
            self.decoder = zlib.decompressobj(wbits=-self.remote_max_window_bits)
        return decoded


class _DeflateFactory(ServerPerMessageDeflateFactory):
    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        """Negotiate."""
        agreed, made = super().process_request_params(params, accepted_extensions)
        return agreed, Deflate(
            made.remote_no_context_takeover,
            made.local_no_context_takeover,
            made.remote_max_window_bits,
            made.local_max_window_bits,
            made.compress_settings,
        )


# Windows of 4 KiB and less memory for zlib, as in the websockets library: most messages are short,
# and zlib's defaults would cost some 300 KB per connection.
_DEFLATE: Final = _DeflateFactory(
    server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
)

_EXTENSIONS: Final = (_DEFLATE,)
