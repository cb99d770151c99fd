"""The tests that WebSockets have on gunicorn, the very same, on uWSGI."""

import importlib.util
from pathlib import Path

ON_GUNICORN = Path(__file__).parents[3] / "aiopyramid-websocket/tests/served"

OTHERWISE = {
    # Its access log and its options.
    "test_the_access_log_has_the_101",
    "test_tls",
    # uWSGI keeps to itself what has come with a request's head. A client must not send frames
    # before it has the answer (RFC 6455, 4.1).
    "test_what_comes_right_after_the_handshake_is_not_lost",
}


def _load(name):
    """Return the tests and the fixtures of a module that no import finds, by name."""
    spec = importlib.util.spec_from_file_location(f"on_gunicorn_{name}", ON_GUNICORN / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {
        name: value
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and name not in OTHERWISE
    }


globals().update(_load("test_handlers") | _load("test_handshakes"))
