"""A fence around each connection: a failure in one must not affect the others.

Code that looks after many connections, or that the event loop calls for one of them, catches the
exceptions raised there and passes them to this module, which aborts the connection and logs it.
"""

from typing import Any, Protocol

__all__ = ("Breakable", "break_off", "descriptor_of", "peer_of")


class Breakable(Protocol):
    """A connection that can be aborted; ``str()`` identifies it in the log."""

    def abort(self) -> None:
        """Abort the connection at once."""


def break_off(connection: Breakable, logger: Any) -> None:
    """Log the exception that is being handled, and abort the connection that raised it.

    Args:
        connection: The connection that raised it.
        logger: gunicorn's logger.
    """
    logger.exception("The connection of %s has failed, and is broken off", connection)
    try:
        connection.abort()
    except Exception:
        logger.exception("The connection of %s cannot be broken off", connection)


def peer_of(transport: Any) -> str:
    """Return the address of a transport's client, for the log.

    Args:
        transport: An :class:`asyncio.Transport`.
    """
    peer = transport.get_extra_info("peername")
    return ":".join(map(str, peer[:2])) if isinstance(peer, tuple) else "a Unix socket"


def descriptor_of(transport: Any) -> int:
    """Return the descriptor of a transport's socket; -1 if it is closed.

    Args:
        transport: An :class:`asyncio.Transport`.
    """
    sock = transport.get_extra_info("socket")
    descriptor: int = -1 if sock is None else sock.fileno()
    return descriptor
