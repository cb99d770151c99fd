"""uWSGI's own module, with types: the only place that imports it.

It exists only in uWSGI's processes. Functions that need the current request raise or crash anywhere
except in the greenlet that uWSGI has created for it.
"""

import os
import signal
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

try:
    import uwsgi
except ImportError:
    uwsgi = None

__all__ = (
    "connection_descriptor",
    "duplicate_connection",
    "end_server",
    "has_option",
    "is_replacement",
    "is_running",
    "listening_sockets",
    "loop_engine",
    "on_fork",
    "peer_address",
    "read_chunk",
    "receive_message",
    "reset_connection",
    "seconds_of_mercy",
    "speaks_tls",
)


def is_running() -> bool:
    """Return whether this process is one of uWSGI's."""
    return uwsgi is not None


# --- How it was started ---------------------------------------------------------------------------


def loop_engine() -> str | None:
    """Return the name of the loop engine, which ``--asyncio`` or ``--loop`` chooses."""
    name: bytes | None = uwsgi.loop
    return None if name is None else name.decode()


def has_option(name: str) -> bool:
    """Return whether an option was given, on the command line or in a configuration file."""
    return name in uwsgi.opt


def seconds_of_mercy() -> float:
    """Return how long uWSGI's master waits for a worker to end before it kills it."""
    value = uwsgi.opt.get("worker-reload-mercy")
    # An option that is given more than once is a list, whose last item counts.
    return 60.0 if value is None else float(value[-1] if isinstance(value, list) else value)


def listening_sockets() -> tuple[int, ...]:
    """Return the file descriptors from which the workers accept connections."""
    return tuple(uwsgi.sockets)


# --- Processes ------------------------------------------------------------------------------------


def on_fork(function: Callable[[], None]) -> None:
    """Register a function to be called in each new process of uWSGI, in addition to others."""
    previous = getattr(uwsgi, "post_fork_hook", None)
    try:
        # On import it replaces any hook by one of its own, so import it now, before the
        # application does.
        from uwsgidecorators import postfork
    except Exception:  # it is not installed, or refuses to work without a master process
        uwsgi.post_fork_hook = _chained(previous, function)
    else:
        if previous is not None and previous is not uwsgi.post_fork_hook:
            postfork(previous)
        postfork(function)


def _chained(first: Callable[[], None] | None, second: Callable[[], None]) -> Callable[[], None]:
    def hook() -> None:
        if first is not None:
            first()
        second()

    return hook


def is_replacement() -> bool:
    """Return whether this worker was started to replace one that has ended."""
    (worker,) = [each for each in uwsgi.workers() if each["id"] == uwsgi.worker_id()]
    return bool(worker["respawn_count"])


def end_server() -> None:
    """Have the master end all workers and itself; do nothing if there is no master."""
    if master := uwsgi.masterpid():
        os.kill(master, signal.SIGINT)


def speaks_tls(environ: Mapping[str, Any]) -> bool:
    """Return whether uWSGI itself encrypts the connection on which a request arrived.

    ``wsgi.url_scheme`` alone does not show it, because its value may come from a proxy.
    """
    return has_option("https-socket") and environ["wsgi.url_scheme"] == "https"


# --- The current request --------------------------------------------------------------------------


def connection_descriptor() -> int:
    """Return the file descriptor of the current request's connection, which is uWSGI's."""
    descriptor: int = uwsgi.connection_fd()
    return descriptor


def duplicate_connection() -> socket.socket:
    """Return a socket of our own for the current request's connection; uWSGI closes its own."""
    return socket.socket(fileno=os.dup(connection_descriptor()))


def peer_address() -> str | None:
    """Return the address of the current request's peer, which may be a proxy.

    This is not ``REMOTE_ADDR``, whose value may come from a proxy. It is empty for a Unix socket,
    and None if the connection is gone.
    """
    with duplicate_connection() as connection:
        try:
            name = connection.getpeername()
        except OSError:
            return None
    return "" if isinstance(name, str | bytes) else str(name[0])


def reset_connection() -> None:
    """End the current request's connection with a reset, so that the client sees a failure."""
    with duplicate_connection() as connection:
        # The option applies to the socket, not to one of its descriptors.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def read_chunk() -> bytes:
    """Return the next chunk of the current request's body; ``b""`` at its end.

    Raises:
        OSError: The client went away or was too slow.
    """
    chunk: bytes = uwsgi.chunked_read()
    return chunk


def receive_message() -> bytes:
    """Return a WebSocket message that has arrived on the current request; ``b""`` if none has.

    Raises:
        OSError: The connection is closed.
    """
    message: bytes = uwsgi.websocket_recv_nb()
    return message
