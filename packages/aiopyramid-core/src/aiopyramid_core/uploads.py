"""Request bodies, read by coroutine views without holding up the event loop.

``request.body`` and ``request.POST`` are what views want most of the time. A large upload is a file
on disk, though, and under some servers it is still arriving: to read it may take long.
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

    The body is read once. To read it again, as ``request.body`` does, call
    ``request.make_body_seekable()`` before.

    Args:
        request: A :class:`pyramid.request.Request`.
        part_bytes: The most bytes in one part.

    Yields:
        The parts, as bytes; none if there is no body.

    Raises:
        OSError: The client went away before the body was complete. Under servers which let the
            application start no sooner than it is, as those of this project do, this never happens.
    """
    source = request.body_file
    while part := await call_in_thread(None, source.read, part_bytes):
        yield part
