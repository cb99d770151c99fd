"""The compiled form of the path of a usual request through aiopyramid-gunicorn.

Install it by the extra ``fast`` of aiopyramid-gunicorn, which then uses it; nothing else may. The
modules are compiled from ``_request.pyx``, the head and the environ of a request, and
``_response.pyx``.
"""

from typing import Final

INTERFACE: Final = 1
"""The number of the interface with aiopyramid-gunicorn.

``aiopyramid_gunicorn._http1.implementation`` compares it with its own.
"""
