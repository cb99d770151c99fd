"""Uses of the public API as mypy sees them: checked by `make lint`, never run."""

from typing import assert_type

from aiopyramid_metrics import gunicorn, includeme, spans
from aiopyramid_metrics.settings import MetricsSettings

includeme(object())
spans.includeme(object())
spans.ThreadSpans()
gunicorn.on_starting(object())
gunicorn.child_exit(object(), object())
settings = MetricsSettings.from_mapping({})
assert_type(settings.exporters, tuple[str, ...])
assert_type(settings.blocking_seconds, float | None)
