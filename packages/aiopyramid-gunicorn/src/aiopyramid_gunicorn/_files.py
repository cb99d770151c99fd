"""Files as response bodies that the system sends itself (``sendfile``)."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any, Final

from aiopyramid_core.exceptions import ClientDisconnected
from aiopyramid_core.servers import FileSpan, FileWrapper

from ._flow import WriteFlow

__all__ = ("FileTransfer", "Outlet")

_STEP_BYTES: Final = 4 << 20
"""How much the system is asked to send at once; the thread cannot be interrupted until then."""


class FileTransfer:
    """A file as a response body that the system sends: its items are the numbers of bytes sent.

    Args:
        body: The body; closed with the transfer.
        span: Which part of the file to send.

    Attributes:
        size_bytes: How much is still to be sent.
        target: The descriptor of the client's socket, or -1 before it is known.
    """

    def __init__(self, body: FileWrapper, span: FileSpan) -> None:
        self._body = body
        self._source = span.descriptor
        self._offset = span.offset
        self.size_bytes = span.size_bytes
        self.target = -1

    @classmethod
    def of(cls, body: Any) -> "FileTransfer | None":
        """Return the transfer of a body, or None if the system cannot send it."""
        span = body.span() if type(body) is FileWrapper else None
        return None if span is None else cls(body, span)

    def aim(self, target: int, most_bytes: int) -> None:
        """Set the target of the file; to be called before the first item is requested.

        Args:
            target: A descriptor of the client's socket; closed with the transfer.
            most_bytes: How much the client expects.
        """
        self.target = target
        self.size_bytes = min(self.size_bytes, most_bytes)

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        """Send as much as the socket accepts now; wait for the disk, but not for the client.

        Raises:
            ClientDisconnected: The client went away.
        """
        step = min(self.size_bytes, _STEP_BYTES)
        try:
            sent = os.sendfile(self.target, self._source, self._offset, step) if step else 0
        except BlockingIOError:
            return 0
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ClientDisconnected("the client closed the connection during the file") from error
        if not sent:  # all is sent, or the file is shorter than it was
            raise StopIteration
        self._offset += sent
        self.size_bytes -= sent
        return sent

    def close(self) -> None:
        """Close the descriptor of the socket, and the body."""
        target, self.target = self.target, -1
        try:
            if target != -1:
                os.close(target)
        finally:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()


class Outlet:
    """A way to bypass a transport and use its socket, for data that the system sends itself.

    Args:
        protocol: Told when the client reads too slowly, as the transport would tell it.
        transport: A transport without TLS.
        flow: The protocol's write flow.
        loop: The event loop.
        write_buffer_bytes: The transport's high-water mark.
    """

    __slots__ = ("_flow", "_loop", "_protocol", "_transport", "_write_buffer_bytes")

    def __init__(
        self,
        protocol: asyncio.BaseProtocol,
        transport: asyncio.Transport,
        flow: WriteFlow,
        loop: asyncio.AbstractEventLoop,
        write_buffer_bytes: int,
    ) -> None:
        self._protocol = protocol
        self._transport = transport
        self._flow = flow
        self._loop = loop
        self._write_buffer_bytes = write_buffer_bytes

    async def empty(self) -> None:
        """Wait until the transport has sent all its data, which nothing else may overtake.

        Raises:
            ClientDisconnected: The client went away.
        """
        self._transport.set_write_buffer_limits(0)
        try:
            await self._flow.drain()
        finally:
            self._transport.set_write_buffer_limits(self._write_buffer_bytes)

    def descriptor(self) -> int:
        """Return a descriptor of the socket, to be closed by the caller.

        It is a duplicate, because a loop refuses to watch the transport's own descriptor, and
        because a thread may use it for a short time after the connection is gone.
        """
        return os.dup(self._transport.get_extra_info("socket").fileno())

    async def writable(self, descriptor: int) -> None:
        """Wait until the client has read so much that the socket accepts more.

        Args:
            descriptor: The return value of :meth:`descriptor`.

        Raises:
            ClientDisconnected: The client went away, or read nothing for too long.
        """
        self._protocol.pause_writing()
        self._loop.add_writer(descriptor, self._protocol.resume_writing)
        try:
            await self._flow.drain()
        finally:
            self._loop.remove_writer(descriptor)
            self._flow.resume()
