"""The application with New Relic's agent, which ``newrelic-admin run-program`` has started."""

from collections.abc import Iterator
from typing import Any

import watched
from newrelic import agent
from newrelic.core.stats_engine import StatsEngine
from pyramid.config import Configurator

_transactions: list[Any] = []
_record_transaction = StatsEngine.record_transaction


def _keep(self: Any, transaction: Any) -> None:
    _transactions.append(transaction)
    _record_transaction(self, transaction)


StatsEngine.record_transaction = _keep


def _span(place: str, name: str) -> Any:
    return agent.FunctionTrace(f"{place} {name}", group="Watched")


def _spans_of(node: Any) -> Iterator[list[str]]:
    if getattr(node, "group", None) == "Watched":
        yield node.name.split()
    for child in node.children:
        yield from _spans_of(child)


def _recorded() -> dict[str, Any]:
    return {
        "traces": [
            {
                "path": transaction.request_uri,
                "label": transaction.path,
                "spans": list(_spans_of(transaction.root)),
                "errors": [error.message for error in transaction.errors],
            }
            for transaction in _transactions
        ]
    }


def main() -> Any:
    agent.register_application(timeout=10.0)
    with Configurator() as config:
        watched.configure(config, _span, _recorded)
        return config.make_wsgi_app()
