"""Every exception of aiopyramid-sqlalchemy.

::

    AiopyramidError (aiopyramid_core)
    ├── SessionInUse            two tasks use one session at the same time
    ├── SessionEnded            a session is used after its request
    ├── NotAnAsyncioDriver      request.async_dbsession with a synchronous driver
    └── SQLAlchemyNotSupported  this version of SQLAlchemy does not wait in our greenlets

A setting without which there is no engine raises
:class:`pyramid.exceptions.ConfigurationError`.
"""

from aiopyramid_core import AiopyramidError

__all__ = ("NotAnAsyncioDriver", "SQLAlchemyNotSupported", "SessionEnded", "SessionInUse")


class SessionInUse(AiopyramidError, RuntimeError):
    """A session was used while another task waits for the database in the same session.

    Attributes:
        method: The method of the session that was called.
        in_use_by: The method that the other task waits in.
    """

    def __init__(self, method: str, in_use_by: str) -> None:
        super().__init__(method, in_use_by)
        self.method = method
        self.in_use_by = in_use_by

    def __str__(self) -> str:
        return (
            f"Cannot call {self.method}() of a database session: another task waits in its"
            f" {self.in_use_by}(). A session does one thing at a time. Give each task a session of"
            " its own with 'async with begin_dbsession(request.registry) as dbsession:'."
        )


class SessionEnded(AiopyramidError, RuntimeError):
    """The session of a request was used after the request had ended.

    Nothing would commit what it writes, and nothing would return its connection to the pool.

    Attributes:
        method: The method of the session that was called.
    """

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.method = method

    def __str__(self) -> str:
        return (
            f"Cannot call {self.method}() of a database session: its request has ended. In"
            " background tasks and streamed bodies, open a session with"
            " 'async with begin_dbsession(registry) as dbsession:'."
        )


class NotAnAsyncioDriver(AiopyramidError, RuntimeError):
    """``request.async_dbsession`` was asked for, and the engine has a synchronous driver.

    Attributes:
        driver: The engine's driver, such as ``psycopg2``.
        alternative: An asyncio driver for the same database, such as ``asyncpg``; None if none is
            known.
    """

    def __init__(self, driver: str, alternative: str | None) -> None:
        super().__init__(driver, alternative)
        self.driver = driver
        self.alternative = alternative

    def __str__(self) -> str:
        remedy = f"Install {self.alternative} and name it" if self.alternative else "Name another"
        return (
            f"An AsyncSession cannot use the synchronous driver {self.driver}. {remedy} in the"
            " engine's URL."
        )


class SQLAlchemyNotSupported(AiopyramidError, RuntimeError):
    """The installed SQLAlchemy does not recognise the greenlets in which requests run.

    Attributes:
        version: The version of SQLAlchemy.
    """

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.version = version

    def __str__(self) -> str:
        return (
            f"SQLAlchemy {self.version} does not wait in the greenlets of aiopyramid, because it no"
            " longer recognises greenlets by __sqlalchemy_greenlet_provider__. Install an earlier"
            " version of SQLAlchemy, or a later one of aiopyramid-core."
        )
