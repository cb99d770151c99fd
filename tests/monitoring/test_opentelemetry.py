"""OpenTelemetry's instrumentation of Pyramid."""

from collections.abc import Callable

import pytest
from watched_requests import NAMES, SPANS, Watched, check

pytest.importorskip(
    "opentelemetry.instrumentation.pyramid", reason="OpenTelemetry's packages are not installed"
)


@pytest.mark.parametrize("tweens", [None, "pyramid.tweens.excview_tween_factory"])
def test_each_request_has_a_trace_of_its_own(
    watch: Callable[..., Watched], tweens: str | None
) -> None:
    watched = watch("with_opentelemetry", **({} if tweens is None else {"TWEENS": tweens}))
    watched.request_at_the_same_time()
    check(watched.recorded(len(NAMES)), SPANS, lambda route: f"/{route}/{{name}}")
