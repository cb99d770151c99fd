"""newrelic: New Relic's agent tells requests apart; tests/monitoring shows it in use."""

import greenlet
import pytest
from newrelic.core.trace_cache import TraceCache

from aiopyramid_core import spawn_greenlet
from aiopyramid_core._isolation import newrelic as _newrelic


@pytest.fixture
def cache(monkeypatch):
    """The agent's cache before its first request."""
    cache = TraceCache()
    monkeypatch.setattr(_newrelic, "trace_cache", lambda: cache)
    return cache


def test_it_asks_for_the_greenlet_though_it_knows_of_no_request(run, cache, application):
    application(lambda config: None)

    async def main():
        return await spawn_greenlet(lambda: cache.current_thread_id() == id(greenlet.getcurrent()))

    assert run(main) is True


def test_nobody_is_taken_for_a_request(run, cache, application):
    application(lambda config: None)

    async def main():
        return await spawn_greenlet(lambda: (cache.current_transaction(), cache.current_trace()))

    assert run(main) == (None, None)
    assert [each.transaction for each in cache.values()] == [None]
