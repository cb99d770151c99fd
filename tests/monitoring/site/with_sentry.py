"""The application with Sentry's SDK."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import sentry_sdk
import watched
from pyramid.config import Configurator
from sentry_sdk.integrations.pyramid import PyramidIntegration
from sentry_sdk.transport import Transport

_events: list[dict[str, Any]] = []


class _InMemory(Transport):
    def capture_envelope(self, envelope: Any) -> None:
        _events.extend(item.payload.json for item in envelope.items if item.payload.json)


@contextmanager
def _span(place: str, name: str) -> Iterator[None]:
    with sentry_sdk.start_span(op="watched", name=f"{place} {name}"):
        sentry_sdk.set_tag(f"{place}.{name}", name)
        yield


def _recorded() -> dict[str, Any]:
    transactions = [event for event in _events if event.get("type") == "transaction"]
    errors = [event for event in _events if "exception" in event]
    by_trace = defaultdict(list)
    for error in errors:
        trace = error["contexts"]["trace"]["trace_id"]
        by_trace[trace].append(error["exception"]["values"][-1]["value"])
    return {
        "traces": [
            {
                "path": urlsplit(transaction["request"]["url"]).path,
                "label": transaction["transaction"],
                "spans": [
                    span["description"].split()
                    for span in transaction["spans"]
                    if span["op"] == "watched"
                ],
                "errors": by_trace[transaction["contexts"]["trace"]["trace_id"]],
            }
            for transaction in transactions
        ],
        "errors": [
            [error["exception"]["values"][-1]["value"], sorted(set(error["tags"].values()))]
            if "tags" in error
            else ["no request's", []]
            for error in errors
        ],
    }


def main() -> Any:
    sentry_sdk.init(
        "http://nobody@127.0.0.1:9/1",
        transport=_InMemory,
        traces_sample_rate=1.0,
        integrations=[PyramidIntegration()],
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
    )
    with Configurator() as config:
        watched.configure(config, _span, _recorded)
        return config.make_wsgi_app()
