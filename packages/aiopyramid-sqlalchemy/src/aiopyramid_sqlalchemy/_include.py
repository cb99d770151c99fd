"""``config.include("aiopyramid_sqlalchemy")``: how this package becomes part of an application."""

from typing import Any, Final

from pyramid.config import PHASE3_CONFIG
from pyramid.exceptions import ConfigurationError
from pyramid.interfaces import ITweens
from pyramid.tweens import EXCVIEW

from . import _sessions
from ._engines import engines_of
from ._support import check_sqlalchemy, warn_of_blocking_drivers

__all__ = ("includeme",)

_TWEEN: Final = "aiopyramid_sqlalchemy._tween.commit_tween_factory"
_TM_TWEEN: Final = "pyramid_tm.tm_tween_factory"


def includeme(config: Any) -> None:
    """Give each request of the application a database session.

    Includes ``aiopyramid_core``. Adds ``request.dbsession``, ``request.async_dbsession``,
    ``request.dbsessions`` and ``request.begin_dbsession()``, and the directive
    ``config.set_dbsession_options()``. The engines are created when a worker starts, and disposed
    of when it stops. With ``pyramid_tm`` the sessions take part in its transactions; without it,
    they are committed when a view has succeeded.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.

    Raises:
        ConfigurationError: There is no ``sqlalchemy.url``; or the application includes
            ``pyramid_tm``, and ``zope.sqlalchemy`` is not installed.
        SQLAlchemyNotSupported: This version of SQLAlchemy cannot wait in requests.
    """
    config.include("aiopyramid_core")
    check_sqlalchemy()
    engines_of(config.registry)
    config.add_request_method(_sessions.dbsession, reify=True)
    config.add_request_method(_sessions.async_dbsession, reify=True)
    config.add_request_method(_sessions.sessions_of, "dbsessions", property=True)
    config.add_request_method(_begin_dbsession, "begin_dbsession")
    config.add_directive(
        "set_dbsession_options", _sessions.set_dbsession_options, action_wrap=False
    )
    config.add_startup(_start)
    config.add_shutdown(_stop)
    # When all is said, because pyramid_tm may be included later.
    config.action(None, _add_commit, args=(config,), order=PHASE3_CONFIG)


def _begin_dbsession(request: Any, name: str = "default") -> _sessions.BeginDBSession:
    return _sessions.begin_dbsession(request.registry, name)


async def _start(registry: Any) -> None:
    engines = engines_of(registry)
    engines.start()
    warn_of_blocking_drivers(registry, engines)


async def _stop(registry: Any) -> None:
    engines_of(registry).dispose()


def _add_commit(config: Any) -> None:
    tweens = config.registry.queryUtility(ITweens)
    if _TM_TWEEN in {*tweens.sorter.names, *(name for name, _ in tweens.explicit)}:
        if not _sessions.can_join_transactions():
            raise ConfigurationError(
                "This application includes pyramid_tm, and zope.sqlalchemy is not installed:"
                " install aiopyramid-sqlalchemy[tm]"
            )
        return
    config.add_tween(_TWEEN, under=EXCVIEW)
