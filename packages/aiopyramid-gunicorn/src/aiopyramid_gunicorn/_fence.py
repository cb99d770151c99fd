"""A fence around each connection: what one of them does, the others must not feel.

Whatever looks after many connections, or is called by the event loop for one of them, catches what
is raised there and comes here with it. The log names the connection, which is broken off.
"""

from typing import Any, Protocol

__all__ = ("Breakable", "break_off", "descriptor_of", "peer_of")


class Breakable(Protocol):
    """A connection that can be broken off; ``str()`` tells the log which it is."""

    def abort(self) -> None:
        """Break the connection off at once."""


def break_off(connection: Breakable, logger: Any) -> None:
    """Log the exception that is being handled, and break off the connection that has raised it.

    Args:
        connection: Where it was raised.
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
