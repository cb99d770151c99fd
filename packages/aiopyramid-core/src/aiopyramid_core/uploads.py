"""Request bodies, read by coroutine views without blocking the event loop.

Most views use ``request.body`` and ``request.POST``. A large upload, however, is a file on disk,
and under some servers it is still arriving, so that reading it may take a long time.
"""

from collections.abc import AsyncGenerator
from typing import Any

from .executor import call_in_thread

__all__ = ("body_parts",)


async def body_parts(request: Any, part_bytes: int = 256 << 10) -> AsyncGenerator[bytes, None]:
    """Read a request's body part by part, each in a thread.

    ::

        async def upload(request):
            digest = hashlib.sha256()
            async for part in body_parts(request):
                digest.update(part)

    The body can be read once. To read it again, as ``request.body`` does, call
    ``request.make_body_seekable()`` first.

    Args:
        request: A :class:`pyramid.request.Request`.
        part_bytes: The maximum size of a part, in bytes.

    Yields:
        The parts, as bytes; none if there is no body.

    Raises:
        OSError: The client disconnected before the body was complete. This never happens under
            servers that start the application after the whole body has arrived, as the servers of
            this project do.
    """
    source = request.body_file
    while part := await call_in_thread(None, source.read, part_bytes):
        yield part
