"""Every import path of aiopyramid 0.2 to 0.4 leads to the same objects as today's."""

import importlib
import pkgutil

import pytest

import aiopyramid

# The names of each historic module, and where they are defined today.
PATHS = {
    "aiopyramid": {"includeme": None},
    "aiopyramid.auth": {
        "CoroutineAuthenticationPolicyProxy": "aiopyramid_core.auth",
        "authn_policy_factory": "aiopyramid_core.auth",
        "coroutine_callback_authentication_policy_factory": None,
    },
    "aiopyramid.config": {
        "CoroutineMapper": "aiopyramid_core",
        "CoroutineOrExecutorMapper": "aiopyramid_core",
        "ExecutorMapper": "aiopyramid_core",
    },
    "aiopyramid.exceptions": {"ScopeError": "aiopyramid_core"},
    "aiopyramid.gunicorn": {},
    "aiopyramid.gunicorn.worker": {"AsyncGunicornWorker": "aiopyramid_gunicorn.worker"},
    "aiopyramid.helpers": {
        "is_generator": None,
        "run_in_greenlet": "aiopyramid_core.legacy",
        "spawn_greenlet": None,
        "spawn_greenlet_on_scope_error": "aiopyramid_core",
        "synchronize": "aiopyramid_core",
        "use_executor": "aiopyramid_core",
    },
    "aiopyramid.traversal": {"AsyncioTraverser": "aiopyramid_traversal"},
    "aiopyramid.tweens": {"coroutine_logger_tween_factory": None},
    "aiopyramid.websocket": {},
    "aiopyramid.websocket.config": {"UWSGIWebsocketMapper": None, "WebsocketMapper": None},
    "aiopyramid.websocket.config.gunicorn": {"WebsocketMapper": None},
    "aiopyramid.websocket.config.uwsgi": {"UWSGIWebsocketMapper": None},
    "aiopyramid.websocket.exceptions": {"WebsocketClosed": "aiopyramid_websocket"},
    "aiopyramid.websocket.helpers": {"ignore_websocket_closed": "aiopyramid_websocket"},
    "aiopyramid.websocket.view": {"WebsocketConnectionView": "aiopyramid_websocket"},
}


def test_the_table_above_names_every_module_that_is_not_new():
    found = {info.name for info in pkgutil.walk_packages(aiopyramid.__path__, "aiopyramid.")}
    new = {name for name in found if name.startswith("aiopyramid.scaffolds") or "._" in name}
    assert found - new | {"aiopyramid"} == set(PATHS)


@pytest.mark.parametrize("module", PATHS)
def test_a_module_lists_what_it_offers(module):
    names = getattr(importlib.import_module(module), "__all__", ())
    assert list(names) == sorted(PATHS[module])


@pytest.mark.parametrize(
    ("module", "name", "today"),
    [
        (module, name, today)
        for module, names in PATHS.items()
        for name, today in names.items()
        if today is not None
    ],
)
def test_a_name_is_the_same_object_as_todays(module, name, today):
    historic = getattr(importlib.import_module(module), name)
    assert historic is getattr(importlib.import_module(today), name)


def test_both_names_of_the_policy_factory_are_one():
    from aiopyramid import auth

    assert auth.coroutine_callback_authentication_policy_factory is auth.authn_policy_factory
