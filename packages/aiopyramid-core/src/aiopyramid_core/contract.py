"""What servers and applications tell each other through the WSGI environ.

Neither imports the other: a server puts these keys into the environ of a request if it has the
capability, an application looks for them. All names begin with ``aiopyramid.``.
"""

from collections.abc import Callable
from typing import Final

__all__ = ("ON_DISCONNECT", "OnDisconnect")

ON_DISCONNECT: Final = "aiopyramid.on_disconnect"
"""Key of an :data:`OnDisconnect`, where the server notices clients that go away.

.. versionadded:: 1.0
"""

OnDisconnect = Callable[[Callable[[], object]], None]
"""Takes a callable without arguments, to be called on the event loop if the client goes away
before its response is complete; at once if it has gone already. Forgotten with the response.

.. versionadded:: 1.0
"""
