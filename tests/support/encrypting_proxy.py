"""A proxy that encrypts, for clients that read in one thread and write in another.

Before CPython 3.13 the ``ssl`` module does not protect a connection that two threads use at the
same time (github.com/python/cpython, issue 124984): of about 500 connections of ``websockets.sync``
to a busy machine, one never sent its request. asyncio encrypts in one thread.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

from stalling_proxy import StallingProxy


@contextlib.contextmanager
def encrypting_proxy(port: int, trusted: ssl.SSLContext) -> Iterator[int]:
    """Accept plain connections, and pass them on to a server as encrypted ones.

    Args:
        port: The server's port on 127.0.0.1.
        trusted: Which certificates are accepted.

    Returns:
        The port of the proxy on 127.0.0.1.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(coroutine: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)

    proxy = StallingProxy(port, trusted)
    try:
        run(proxy.__aenter__())
        try:
            yield proxy.port
        finally:
            run(proxy.__aexit__())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
