"""Every exception that aiopyramid-core raises.

::

    AiopyramidError
    ├── ScopeError          a synchronized call was made where nothing can wait for it
    ├── StartupError        a function of config.add_startup has failed
    ├── AlreadyShutDown     spawn() after the application has stopped
    ├── IncludeMissing      a coroutine view in an application that does not include the package
    ├── ApplicationError    an application broke the WSGI protocol; raised by servers
    ├── NotWSGI             a server called the application by another protocol
    └── NotServed           a server for tests has not started

Programming errors that Pyramid knows already (a view mapped by the wrong mapper, a setting that
makes no sense) are raised as :class:`pyramid.exceptions.ConfigurationError`, and a request that
exceeds its time limit as :class:`aiopyramid_core.timeouts.RequestTimeout`, an HTTP exception.
"""

__all__ = (
    "AiopyramidError",
    "AlreadyShutDown",
    "ApplicationError",
    "IncludeMissing",
    "NotServed",
    "NotWSGI",
    "ScopeError",
    "StartupError",
)


class AiopyramidError(Exception):
    """Base of all exceptions of the aiopyramid packages.

    .. versionadded:: 1.0
    """


class ScopeError(AiopyramidError, RuntimeError):
    """An awaitable was handed to ordinary code in a place where nothing can wait for it.

    Attributes:
        what: The callable or awaitable that was refused, as shown to the reader.
        where: The place of the call, a noun phrase.
        remedy: What the caller should do instead, an imperative sentence.

    .. versionadded:: 1.0
    """

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"Cannot wait for {self.what} {self.where}. {self.remedy}"


class StartupError(AiopyramidError):
    """A startup function has failed, so that the application cannot serve.

    Attributes:
        function: The name of the function.
        error: What it raised.

    .. versionadded:: 1.0
    """

    def __init__(self, function: str, error: Exception) -> None:
        super().__init__(function, error)
        self.function = function
        self.error = error

    def again(self) -> "StartupError":
        """Return a copy to raise for another request: one instance would collect tracebacks.

        .. versionadded:: 1.0
        """
        return StartupError(self.function, self.error)

    def __str__(self) -> str:
        return (
            f"The startup function {self.function} has failed:"
            f" {type(self.error).__name__}: {self.error}"
        )


class AlreadyShutDown(AiopyramidError):
    """A background task was to be started when the application had stopped already.

    Attributes:
        coroutine: The name of the coroutine, which was closed.

    .. versionadded:: 1.0
    """

    def __init__(self, coroutine: str) -> None:
        super().__init__(coroutine)
        self.coroutine = coroutine

    def __str__(self) -> str:
        return f"The application has shut down: nobody would wait for {self.coroutine}"


class IncludeMissing(AiopyramidError):
    """A view was a coroutine, in an application that does not include ``aiopyramid_core``.

    .. versionadded:: 1.0
    """

    def __str__(self) -> str:
        return (
            "A view of this application is a coroutine, and nobody awaits it: the application does"
            " not include aiopyramid_core. Say config.include('aiopyramid_core')"
        )


class ApplicationError(AiopyramidError):
    """The application broke the WSGI protocol (PEP 3333).

    .. versionadded:: 1.0
    """


class NotWSGI(AiopyramidError, TypeError):
    """A server called the application by another protocol than WSGI, such as ASGI.

    .. versionadded:: 1.0
    """

    def __str__(self) -> str:
        return (
            "A Pyramid application is a WSGI application (PEP 3333), and this server calls it by"
            " another protocol, such as ASGI. Serve it by a WSGI server, on which coroutines work,"
            " too: by gunicorn with the worker of aiopyramid-gunicorn (gunicorn"
            " -k aiopyramid_gunicorn.worker.AsyncGunicornWorker app:app), by uWSGI with"
            " aiopyramid-uwsgi, or by any other, such as waitress"
        )


class NotServed(AiopyramidError):
    """An application could not be served for a test.

    Attributes:
        server: The kind of server.
        reason: Why, a clause; perhaps with the server's output.

    .. versionadded:: 1.0
    """

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(server, reason)
        self.server = server
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.server} does not serve the application: {self.reason}"
