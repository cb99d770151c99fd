"""WebSockets under uWSGI: the mapper of the original's name.

``WebsocketMapper`` of aiopyramid-websocket works under uWSGI as it does on gunicorn; this is for
applications that name the server. Needs the extra ``aiopyramid-uwsgi[websocket]``.
"""

from aiopyramid_websocket import WebsocketMapper

__all__ = ("UWSGIWebsocketMapper",)


class UWSGIWebsocketMapper(WebsocketMapper):
    """Make a view a WebSocket endpoint: ``@view_config(mapper=UWSGIWebsocketMapper)``.

    The same as :class:`aiopyramid_websocket.WebsocketMapper`: after uWSGI has sent the answer to
    the opening handshake, the frames are read and written by this project's own code. uWSGI's
    native WebSocket functions are not used: a single frame can crash a worker with them.

    .. versionadded:: 1.0
    """
