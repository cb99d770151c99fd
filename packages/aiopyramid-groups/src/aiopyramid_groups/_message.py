"""Messages of a group, encoded once for all members."""

import base64
import json
from collections.abc import Callable
from typing import Any, Final, Literal

from aiopyramid_core.streaming import ServerSentEvent
from aiopyramid_websocket import Broadcast

from .engine import Entry
from .exceptions import InvalidMessage

__all__ = ("Envelope", "GroupMessage", "Slow", "decode", "encode", "json_envelope", "to_json")

Envelope = Callable[[str, str | bytes], str | bytes]
"""Makes the message for WebSockets from the identifier and the data; called once per message."""

Slow = Literal["close", "drop"]
"""The treatment of a member that does not keep up."""

_TEXT: Final = b"t"
_BINARY: Final = b"b"


class GroupMessage:
    """A message of a group.

    Attributes:
        id: Its identifier; ``after`` and ``Last-Event-ID`` accept it.
        data: ``str`` or ``bytes``.
    """

    __slots__ = ("_broadcasts", "_events", "data", "id")

    def __init__(self, id: str, data: str | bytes) -> None:
        self.id = id
        self.data = data
        self._broadcasts: dict[Envelope | None, Broadcast] = {}
        self._events: dict[str | None, bytes] = {}

    def broadcast(self, envelope: Envelope | None) -> Broadcast:
        """Return the message for WebSockets, made once for each envelope."""
        made = self._broadcasts.get(envelope)
        if made is None:
            data = self.data if envelope is None else envelope(self.id, self.data)
            made = self._broadcasts[envelope] = Broadcast(data)
        return made

    def event(self, kind: str | None) -> bytes:
        """Return the message for event streams, encoded once for each type of event."""
        made = self._events.get(kind)
        if made is None:
            data = self.data
            text = data if isinstance(data, str) else base64.b64encode(data).decode()
            made = self._events[kind] = ServerSentEvent(text, event=kind, id=self.id).encode()
        return made


def json_envelope(id: str, data: str | bytes) -> str:
    """Return a JSON object with ``id`` and ``data``; binary data is encoded in base64.

    For ``group.join(ws, envelope=json_envelope)``: a client needs the identifiers to resume.
    """
    text = data if isinstance(data, str) else base64.b64encode(data).decode()
    return json.dumps({"id": id, "data": text})


def to_json(value: Any) -> str:
    """Return a value as JSON.

    Raises:
        InvalidMessage: JSON cannot represent it.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidMessage(f"JSON cannot represent the message: {error}") from error


def encode(message: object, max_bytes: int) -> bytes:
    """Return a message as it is carried.

    Args:
        message: ``str`` or ``bytes``.
        max_bytes: The longest message.

    Raises:
        InvalidMessage: It has another type, or is too long.
    """
    if isinstance(message, str):
        try:
            data = _TEXT + message.encode()
        except UnicodeEncodeError as error:
            raise InvalidMessage(f"the message cannot be encoded: {error}") from None
    elif isinstance(message, bytes):
        data = _BINARY + message
    else:
        raise InvalidMessage(
            f"a message must be str or bytes, not {type(message).__name__}; send_json() accepts"
            " other values"
        )
    if len(data) - 1 > max_bytes:
        raise InvalidMessage(
            f"the message has {len(data) - 1} bytes, but aiopyramid.groups.max_message is"
            f" {max_bytes}"
        )
    return data


def decode(entry: Entry) -> GroupMessage:
    """Return the message that is carried by an entry."""
    data = entry.data[1:]
    return GroupMessage(entry.id, data.decode() if entry.data[:1] == _TEXT else data)
