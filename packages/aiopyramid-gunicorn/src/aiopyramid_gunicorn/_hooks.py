"""gunicorn's ``pre_request`` and ``post_request`` hooks."""

from typing import Any

from gunicorn.config import PostRequest, PreRequest

from ._http1.request import GunicornRequest
from ._http1.response import Response

__all__ = ("RequestHooks",)


class RequestHooks:
    """Calls the hooks of a worker for each request.

    Args:
        worker: The worker, which the hooks get as their first argument.
    """

    __slots__ = ("_worker",)

    def __init__(self, worker: Any) -> None:
        self._worker = worker

    @classmethod
    def of(cls, worker: Any) -> "RequestHooks | None":
        """Return the hooks that a worker's settings name, or None if they are the defaults."""
        cfg = worker.cfg
        defaults = (PreRequest.default, PostRequest.default)
        return None if (cfg.pre_request, cfg.post_request) == defaults else cls(worker)

    def before(self, request: GunicornRequest) -> None:
        """Call ``pre_request``; if it raises, the request is answered with 500."""
        self._worker.cfg.pre_request(self._worker, request)

    def after(self, request: GunicornRequest, environ: dict[str, Any], response: Response) -> None:
        """Call ``post_request``; the response is sent already, so an error is only logged."""
        try:
            self._worker.cfg.post_request(self._worker, request, environ, response)
        except BaseException:  # as in a view, sys.exit() must not end the worker
            self._worker.log.exception("Exception in post_request hook")
