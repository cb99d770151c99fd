"""The response on its way from the application, in the bridge's greenlet, to uWSGI's greenlet."""

from typing import Any

from aiopyramid_core.servers import Capabilities, HostedCall, WSGIResponse

__all__ = ("Sink",)


class Sink:
    """Hands the parts of one response over; the core's :class:`~aiopyramid_core.servers.Sink`.

    The head is not handed over: uWSGI's greenlet finds it in ``response``.

    Args:
        response: The response.
        capabilities: The capabilities that the connection offers the application.

    Attributes:
        call: The call for which uWSGI's greenlet waits; to be set.
        whole: The body, if it is complete and was not handed over in parts.
    """

    __slots__ = ("call", "capabilities", "response", "whole")

    call: HostedCall[None]

    def __init__(self, response: WSGIResponse, capabilities: Capabilities) -> None:
        self.response = response
        self.capabilities = capabilities
        self.whole = b""

    def send_whole(self, body: bytes) -> None:
        """Keep a body that is complete already, which uWSGI then sends without another switch."""
        self.response.commit()
        self.whole = self.response.take(body)

    def send_file(self, body: Any) -> bool:
        """Return False: a file is read in threads."""
        return False

    def write(self, part: bytes) -> None:
        """Hand a part over, and wait until uWSGI has sent it."""
        if not self.response.head_sent:
            self.response.commit()
        if part := self.response.take(part):
            self.call.hand_over(part)

    def end(self) -> None:
        """Do nothing more than to commit the head: the end of the call is that of the body."""
        if not self.response.head_sent:
            self.response.commit()
