"""A request's body, received completely before the application starts: in memory, then on disk.

Pure: no asyncio, no sockets.
"""

import contextlib
import tempfile
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any, ClassVar

from ..contract import BODY_IN_MEMORY
from ..exceptions import ContentTooLarge, InsufficientStorage

__all__ = ("BodyLimits", "RequestBody")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How long a request's body may be, and where it is kept.

    Attributes:
        body_bytes: Longest request body.
        body_memory_bytes: Body size from which the body is kept in a temporary file.
        body_folder: The folder of that file; None for the system's default.
        body_setting: The setting for ``body_bytes``, which the error message names.
    """

    body_bytes: int = 1 << 30
    body_memory_bytes: int = 512 << 10
    body_folder: str | None = None
    body_setting: str = "body_limit_bytes"

    def check(self, length_bytes: int) -> None:
        """Check the length of a body.

        Args:
            length_bytes: Its length, so far or as announced.

        Raises:
            ContentTooLarge: It is longer than allowed.
        """
        if length_bytes > self.body_bytes:
            raise ContentTooLarge(
                f"the request body exceeds {self.body_bytes} bytes ({self.body_setting})"
            )


class RequestBody:
    """Collects the body of one request.

    Args:
        limits: How long it may be, and how much of it may stay in memory.

    Attributes:
        length_bytes: How many bytes of it have arrived.
        is_complete: Whether the application may rely on ``length_bytes``; see :class:`.LiveBody`.
        is_full: Whether the server must stop reading; see :class:`.LiveBody`.
    """

    is_complete: ClassVar[bool] = True
    is_full: ClassVar[bool] = False

    __slots__ = ("_announced_bytes", "_file", "_limits", "_room_bytes", "length_bytes")

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._file: IO[bytes] | None = None
        # Up to this length, data can be written to the file without another look at the limits.
        self._room_bytes = -1
        self.length_bytes = 0
        self._announced_bytes = 0

    def announce(self, length_bytes: int) -> None:
        """Record how long the body is going to be.

        Args:
            length_bytes: Its length.

        Raises:
            ContentTooLarge: It is longer than allowed.
        """
        self._limits.check(length_bytes)
        self._announced_bytes = length_bytes

    @property
    def missing_bytes(self) -> int:
        """How many of the announced bytes have not arrived yet."""
        missing = self._announced_bytes - self.length_bytes
        return missing if missing > 0 else 0

    def write(self, data: bytes) -> None:
        """Append data that has arrived.

        Args:
            data: The data.

        Raises:
            ContentTooLarge: The body is longer than allowed.
            InsufficientStorage: There is no room for it.
        """
        self.length_bytes += len(data)
        try:
            if self.length_bytes > self._room_bytes:
                self._make_room()
            assert self._file is not None
            self._file.write(data)
        except OSError as error:
            raise self._no_room(error) from None

    def _make_room(self) -> None:
        """Provide the file for the length that the body has now, if it may be that long."""
        limits = self._limits
        limits.check(self.length_bytes)
        if self.length_bytes <= limits.body_memory_bytes:
            self._file = BytesIO()
            self._room_bytes = min(limits.body_memory_bytes, limits.body_bytes)
            return
        # The disk is slower than memory, but a file in the page cache does not block the loop for
        # long; nginx and waitress do the same. Not tempfile.SpooledTemporaryFile, each write and
        # read of which is a call of a Python function.
        on_disk = tempfile.TemporaryFile(dir=limits.body_folder)  # noqa: SIM115
        in_memory, self._file = self._file, on_disk
        self._room_bytes = limits.body_bytes
        if isinstance(in_memory, BytesIO):
            on_disk.write(in_memory.getbuffer())

    def end(self) -> None:
        """Do nothing: the body is used when it is complete; see :class:`.LiveBody`."""

    def open(self) -> IO[bytes]:
        """Return the body as a file at its beginning, for ``wsgi.input``.

        Raises:
            InsufficientStorage: There is no room for it.
        """
        if self._file is None:
            return BytesIO()
        try:
            self._file.seek(0)
        except OSError as error:
            raise self._no_room(error) from None
        return self._file

    def offer(self, environ: dict[str, Any]) -> None:
        """Make the body the ``wsgi.input`` of a request.

        Args:
            environ: The environ of the request.

        Raises:
            InsufficientStorage: There is no room for it.
        """
        # Most requests have no body, and are spared a call.
        file = environ["wsgi.input"] = BytesIO() if self._file is None else self.open()
        if self.length_bytes and type(file) is BytesIO:
            environ[BODY_IN_MEMORY] = file

    def _no_room(self, error: OSError) -> InsufficientStorage:
        self.close()
        return InsufficientStorage(f"the request body cannot be kept: {error.strerror or error}")

    def close(self) -> None:
        """Release the temporary file; memory is released when the request is forgotten."""
        if self._file is not None and type(self._file) is not BytesIO:
            # Data that is not written yet will not be read, so an error for it does not matter.
            with contextlib.suppress(OSError):
                self._file.close()
