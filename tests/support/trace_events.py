"""The rules of Chromium's "Trace Event Format", as far as Perfetto relies on them."""

from typing import Any, Final

# The fields of each phase, after the section "Event Descriptions" of the specification; the ids of
# nestable asynchronous events are strings.
COMMON: Final = {"name": str, "cat": str, "ph": str, "ts": (int, float), "pid": int, "tid": int}
FIELDS: Final[dict[str, dict[str, Any]]] = {
    "X": {"dur": (int, float), "args": dict},
    "b": {"id": str, "args": dict},
    "e": {"id": str},
    "M": {"args": dict},
}


def check_events(document: Any) -> None:
    """Check that each event has the fields of its phase, and no others.

    Args:
        document: The JSON object, as it was read.
    """
    assert document["traceEvents"]
    for event in document["traceEvents"]:
        fields = COMMON | FIELDS[event["ph"]]
        assert set(event) == set(fields)
        for name, kind in fields.items():
            assert isinstance(event[name], kind), (name, event)
        assert event["ts"] >= 0
        assert event.get("dur", 0) >= 0
