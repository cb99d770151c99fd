"""Views that are WebSocket endpoints.

Include this package (``config.include("aiopyramid_websocket")``) and name ``WebSocketMapper`` as
the mapper of a view. ``README.md`` is the introduction. The modules, in the order in which a
connection passes through them:

``mapper``, ``_handlers``, ``_on_loop``, ``config``, ``_include``
    How a view becomes a WebSocket endpoint.
``_handshake``, ``_acceptance``, ``_origins``, ``_sans_io``
    Whether a request opens a connection, and what is negotiated.
``_session``, ``_observed``
    The life of a handler, which observers are told of.
``_base_connection``, ``_sending``, ``_connection``, ``_state``, ``_fence``
    The connection: an asyncio protocol over the Sans-I/O layer of ``websockets``.
``_reader``, ``_plain_frames``, ``_frame_stream``, ``_messages``, ``_inbox``
    Its reading direction.
``_writer``, ``broadcast``
    Its writing direction; messages for many connections.
``_message_connection``
    The connection on a server that frames the messages itself.
``_keepalive``, ``_tcp``, ``_pongs``, ``_watch``
    Whether the client is still there.
``websocket``, ``view``
    The object that a handler gets, and handlers as classes.
``settings``
    The limits, with their units and defaults.
``testing``, ``_memory``
    WebSocket views in unit tests, without a server.
``exceptions``, ``helpers``
    The exception hierarchy; helpers for applications of aiopyramid 0.x.
"""

from ._include import includeme
from .broadcast import Broadcast
from .config import websocket_config
from .exceptions import (
    AlreadyReceiving,
    InvalidAcceptance,
    PingNotSupported,
    WebSocketClosed,
    WebsocketClosed,
)
from .helpers import ignore_websocket_closed
from .mapper import WebSocketMapper, WebsocketMapper
from .view import WebSocketConnectionView, WebsocketConnectionView
from .websocket import WebSocket

__all__ = (
    "AlreadyReceiving",
    "Broadcast",
    "InvalidAcceptance",
    "PingNotSupported",
    "WebSocket",
    "WebSocketClosed",
    "WebSocketConnectionView",
    "WebSocketMapper",
    "WebsocketClosed",
    "WebsocketConnectionView",
    "WebsocketMapper",
    "ignore_websocket_closed",
    "includeme",
    "websocket_config",
)
