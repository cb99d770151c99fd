"""The class of an application's requests, with the properties that ``add_request_method`` adds.

Pyramid derives a class with these properties anew for each request. That takes twice as long as
everything else that Pyramid does for a simple request, and whatever the interpreter has cached
about the attributes of classes is lost. But the properties are the same for all requests of an
application, so here the class is derived once.
"""

from typing import Any, Final

from pyramid.util import InstancePropertyHelper

__all__ = ("RequestProperties",)

_MOST_CLASSES: Final = 64
"""An application has one class of requests, or a few. Only a request factory that makes a class for
each request has more; those are not kept."""


class RequestProperties(dict[str, Any]):
    """Descriptors by name, for the requests of an application."""

    def __init__(self) -> None:
        super().__init__()
        self._derived: dict[type, type] = {}

    def __setitem__(self, name: str, descriptor: Any) -> None:
        super().__setitem__(name, descriptor)
        self._derived.clear()

    def add_to(self, request: Any) -> None:
        """Give a request the properties.

        Args:
            request: The request, whose class is replaced by one that is derived from it.
        """
        if not self:
            return
        given = request.__class__
        derived = self._derived.get(given)
        if derived is not None:
            request.__class__ = derived
            return
        InstancePropertyHelper.apply_properties(request, self)
        if len(self._derived) < _MOST_CLASSES:
            derived = request.__class__
            # The second entry for a request that gets the properties again, as a subrequest.
            self._derived[given] = self._derived[derived] = derived
