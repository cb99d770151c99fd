"""How many requests are being handled at the moment: a synchronous tween."""

from collections.abc import Callable

from pyramid.config import Configurator
from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response

Handler = Callable[[Request], Response]


def traffic_tween_factory(handler: Handler, registry: Registry) -> Handler:
    """Return a tween that keeps ``registry.requests_in_flight``."""
    # A set, because adding to it and taking from it need no lock, whatever server runs this.
    in_flight: set[Request] = set()
    registry.requests_in_flight = in_flight

    def traffic_tween(request: Request) -> Response:
        in_flight.add(request)
        try:
            # Any number of requests are in here at once, on one thread: each in its greenlet.
            return handler(request)
        finally:
            in_flight.discard(request)

    return traffic_tween


def in_flight(request: Request) -> int:
    """Return how many requests are being handled, this one included."""
    return len(request.registry.requests_in_flight)


def includeme(config: Configurator) -> None:
    """Add the tween, and ``request.in_flight`` for the views."""
    config.add_tween(f"{__name__}.traffic_tween_factory")
    config.add_request_method(in_flight, property=True)
