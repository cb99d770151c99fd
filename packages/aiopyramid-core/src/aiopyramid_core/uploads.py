"""Request bodies, read by coroutine views without blocking the event loop.

Most views use ``request.body`` and ``request.POST``. A large upload, however, is a file on disk, or
is still arriving, so that reading it may take a long time.
"""

from collections.abc import AsyncGenerator
from typing import Any

from ._live_body import LiveInput
from .executor import call_in_thread

__all__ = ("body_parts",)


async def body_parts(request: Any, part_bytes: int = 256 << 10) -> AsyncGenerator[bytes, None]:
    """Read a request's body part by part: as it arrives, or each part in a thread.

    ::

        @view_config(route_name="upload", stream_body=True)
        async def upload(request):
            digest = hashlib.sha256()
            async for part in body_parts(request):
                digest.update(part)

    With the view option ``stream_body``, the view begins before the body is complete, on ASGI
    servers and on the worker for gunicorn, and the client is read from as fast as the view reads.
    Other servers begin when the body is complete.

    The body can be read once. To read it again, as ``request.body`` does, call
    ``request.make_body_seekable()`` first.

    Args:
        request: A :class:`pyramid.request.Request`.
        part_bytes: The maximum size of a part, in bytes.

    Yields:
        The parts, as bytes; none if there is no body.

    Raises:
        OSError: The client disconnected before the body was complete.
        RequestError: The body of a view with ``stream_body`` was too long, too slow or invalid.
    """
    given = request.environ.get("wsgi.input")
    live = given.live_body if isinstance(given, LiveInput) else None
    if live is not None:
        while part := await live.part(part_bytes):
            yield part
        return
    source = request.body_file
    while part := await call_in_thread(None, source.read, part_bytes):
        yield part
