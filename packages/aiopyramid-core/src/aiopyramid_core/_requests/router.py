"""Pyramid's router with what this package adds to it."""

from typing import Any

from pyramid.router import Router

from ..contract import BODY_IN_MEMORY
from .request_classes import RequestProperties
from .wsgi_only import answer_other_protocol

__all__ = ("extend_router",)


def extend_router(router: Any) -> None:
    """Extend a Pyramid application, when its tweens are about to be created.

    Args:
        router: The application, changed in place. An instance of a subclass is left unchanged.
    """
    if type(router) is not Router:
        return
    router.__class__ = _ExtendedRouter
    extensions = router.request_extensions
    if extensions is None or not isinstance(extensions.descriptors, RequestProperties):
        router.extends = None
    else:
        # Pyramid's methods would derive a class for each request.
        router.extends, router.request_extensions = extensions, None


class _ExtendedRouter(Router):
    """A router.

    Attributes:
        extends: Pyramid's record of ``add_request_method`` calls, if this class applies it.
    """

    extends: Any

    def __call__(self, environ: Any, start_response: Any = None, *more: Any) -> Any:
        if start_response is None or more or type(environ) is not dict:
            return answer_other_protocol(environ, start_response, *more)
        # Not super(), which takes Python 3.11 as long as three calls; in request_context, too.
        return Router.__call__(self, environ, start_response)

    def request_context(self, environ: Any) -> Any:
        body = environ.get(BODY_IN_MEMORY)
        if body is not None and environ.get("wsgi.input") is body:
            # WebOb looks for this and not for a method. A body of more than 10 KiB would be copied
            # to a temporary file.
            environ["webob.is_body_seekable"] = True
        context = Router.request_context(self, environ)
        if self.extends is not None:  # most applications are spared the call
            self._extend(context.request)
        return context

    def invoke_subrequest(self, request: Any, use_tweens: bool = False) -> Any:
        self._extend(request)
        return super().invoke_subrequest(request, use_tweens=use_tweens)

    def _extend(self, request: Any) -> None:
        """Do as :func:`pyramid.request.apply_request_extensions`."""
        if (extensions := self.extends) is not None:
            for name, function in extensions.methods.items():
                setattr(request, name, function.__get__(request, request.__class__))
            extensions.descriptors.add_to(request)
