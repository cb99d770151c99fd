"""Sentry's SDK."""

from collections.abc import Callable
from importlib.util import find_spec

import pytest
from watched_requests import FAILING, NAMES, SPANS, Watched, check

# Only the server imports it, since it imports eventlet.
pytestmark = pytest.mark.skipif(
    find_spec("sentry_sdk") is None, reason="Sentry's SDK is not installed"
)


def test_each_request_has_a_transaction_of_its_own_and_each_error_is_reported_once(
    watch: Callable[..., Watched],
) -> None:
    watched = watch("with_sentry")
    watched.request_at_the_same_time()
    report = watched.recorded(len(NAMES))
    check(report, SPANS, str)
    # The server logs the error as well, which Sentry does not take for another one. The tags are
    # those of the request's scope.
    assert sorted(report["errors"]) == [[name, [name]] for name in sorted(FAILING)]
