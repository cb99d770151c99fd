"""Run any Pyramid application on asyncio, unmodified; its views become coroutines one at a time.

This distribution installs all the packages of aiopyramid, and its modules keep the import paths of
aiopyramid 0.2 to 0.4, so that code written for these needs to change only its requirement. New code
imports from the packages themselves, none of which imports from here.

========================================  ====================================================
module of aiopyramid 0.x                  where its names come from
========================================  ====================================================
:mod:`aiopyramid.config`                  :mod:`aiopyramid_core.mappers`
:mod:`aiopyramid.helpers`                 :mod:`aiopyramid_core`
:mod:`aiopyramid.exceptions`              :mod:`aiopyramid_core.exceptions`
:mod:`aiopyramid.tweens`                  here
:mod:`aiopyramid.traversal`               :mod:`aiopyramid_traversal`
:mod:`aiopyramid.auth`                    :mod:`aiopyramid_core.auth`
:mod:`aiopyramid.gunicorn.worker`         :mod:`aiopyramid_gunicorn.worker`
:mod:`aiopyramid.websocket.config`        :mod:`aiopyramid_websocket` and
                                          :mod:`aiopyramid_uwsgi.websocket`, with the old flags
:mod:`aiopyramid.websocket.view`          :mod:`aiopyramid_websocket`
:mod:`aiopyramid.websocket.helpers`       :mod:`aiopyramid_websocket`
:mod:`aiopyramid.websocket.exceptions`    :mod:`aiopyramid_websocket`
========================================  ====================================================
"""

from pyramid.config import Configurator

__all__ = ("includeme",)


def includeme(config: Configurator) -> None:
    """Set up the application for asyncio: ``config.include("aiopyramid")``.

    Includes all packages of aiopyramid that have an ``includeme``: ``aiopyramid_core``,
    ``aiopyramid_traversal``, ``aiopyramid_websocket`` and ``aiopyramid_uwsgi``. The last one has no
    effect under any other server.

    Args:
        config: The application's configurator.
    """
    config.include("aiopyramid_core")
    config.include("aiopyramid_traversal")
    config.include("aiopyramid_websocket")
    config.include("aiopyramid_uwsgi")
