"""``wsgi.file_wrapper``: files as response bodies, for servers on an event loop."""

import io
import os
import stat
import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final

__all__ = ("FileSpan", "FileWrapper")

_SMALLEST_BYTES: Final = 256 << 10
"""Smaller files are read: they are one block, which is sent in one write with the head."""


class FileWrapper:
    """``wsgi.file_wrapper``: a file as a response body, in blocks (PEP 3333).

    Args:
        file: A binary file; closed with the response if it has a ``close`` method.
        block_size: Bytes per block. The default is larger than in other servers, since each
            block is read by a thread.
    """

    def __init__(self, file: IO[bytes], block_size: int = 256 << 10) -> None:
        self._file = file
        self._block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        """Return this object."""
        return self

    def __next__(self) -> bytes:
        """Return the next block."""
        data = self._file.read(self._block_size)
        if not data:
            raise StopIteration
        return data

    def span(self) -> "FileSpan | None":
        """Return the rest of the file for the system to send, or None if it has to be read.

        Neither system call waits for a disk, because the file is open.
        """
        file: Any = self._file
        if isinstance(file, tempfile._TemporaryFileWrapper):
            file = file.file
        # Exactly these types. Others, such as gzip.GzipFile, may return bytes that are not in the
        # file that fileno() names.
        raw = file.raw if type(file) in (io.BufferedReader, io.BufferedRandom) else file
        if type(raw) is not io.FileIO:
            return None
        try:
            status, offset = os.fstat(raw.fileno()), file.tell()
        except (OSError, ValueError):  # a pipe has no position, a closed file has no descriptor
            return None
        size = status.st_size - offset
        if not stat.S_ISREG(status.st_mode) or size < _SMALLEST_BYTES:
            return None
        return FileSpan(raw.fileno(), offset, size, raw.name)


class FileSpan:
    """A part of a regular file, for the system to send.

    Args:
        descriptor: The descriptor of the file.
        offset: The position in the file at which it begins.
        size_bytes: How long it is.
        name: The path with which the file was opened; another object if there was none.
    """

    __slots__ = ("_name", "descriptor", "offset", "size_bytes")

    def __init__(self, descriptor: int, offset: int, size_bytes: int, name: object = None) -> None:
        self.descriptor = descriptor
        self.offset = offset
        self.size_bytes = size_bytes
        self._name = name

    def path(self) -> str | None:
        """Return a path of the file, for servers that open it themselves; None if there is none.

        The file may have been moved or deleted since, and another one be in its place.
        """
        if not isinstance(self._name, str):
            return None
        path = os.path.abspath(self._name)
        try:
            is_same = os.path.samestat(os.stat(path), os.fstat(self.descriptor))
        except OSError:
            return None
        return path if is_same else None
