"""The metrics of this process, which all of its applications share."""

import threading
from collections.abc import Callable
from typing import Any, Final

from pyramid.exceptions import ConfigurationError

from aiopyramid_core.observing import add_observer, remove_observer

from ._instruments import INSTRUMENTS, Exporter, Record
from ._observer import MetricsObserver
from ._sampler import Sampler
from .settings import MetricsSettings

__all__ = ("Measured", "measured")


class Measured:
    """The measured applications of this process.

    Args:
        exporters: The libraries that the metrics are given to.
    """

    def __init__(self, exporters: tuple[Exporter, ...]) -> None:
        self._records = {name: _record(name, exporters) for name in INSTRUMENTS}
        self._observer = MetricsObserver(self._records)
        self._totals: dict[tuple[str, ...], int] = {}
        self._sampler: Sampler | None = None

    def start(self, registry: Any, settings: MetricsSettings) -> None:
        """Measure an application; called on its event loop."""
        add_observer(self._observer)
        if self._sampler is None:
            self._sampler = Sampler(
                self._records,
                self._observer,
                settings.interval_seconds,
                settings.blocking_seconds,
                self._totals,
            )
        self._sampler.add(registry)

    def stop(self, registry: Any) -> bool:
        """Measure an application no more; return whether it was the last one."""
        sampler = self._sampler
        if sampler is None or not sampler.remove(registry):
            return False
        sampler.stop()
        self._sampler = None
        remove_observer(self._observer)
        return True

    def sample(self) -> None:
        """Look at all numbers now."""
        if self._sampler is not None:
            self._sampler.sample()


def _record(name: str, exporters: tuple[Exporter, ...]) -> Record:
    first, *others = (exporter.record(INSTRUMENTS[name]) for exporter in exporters)
    if not others:
        return first
    records = (first, *others)

    def record(number: float, *labels: str) -> None:
        for each in records:
            each(number, *labels)

    return record


_known: Final[dict[tuple[str, ...], Measured]] = {}
_lock: Final = threading.Lock()


def measured(names: tuple[str, ...]) -> Measured:
    """Return the one for some exporters; a metric cannot be registered twice in a process.

    Args:
        names: The names of the exporters.

    Raises:
        ConfigurationError: An exporter's library is not installed, or another application of this
            process uses other exporters.
    """
    names = tuple(sorted(names))
    with _lock:
        if names not in _known:
            if _known:
                raise ConfigurationError(
                    "aiopyramid.metrics.exporters must be the same for all applications of a"
                    f" process, but is {' '.join(names)!r} and {' '.join(next(iter(_known)))!r}"
                )
            _known[names] = Measured(tuple(_EXPORTERS[name]() for name in names))
        return _known[names]


def _prometheus() -> Exporter:
    try:
        from ._prometheus import PrometheusExporter
    except ImportError as error:
        raise _missing("prometheus") from error
    return PrometheusExporter()


def _opentelemetry() -> Exporter:
    try:
        from ._opentelemetry import OpenTelemetryExporter
    except ImportError as error:
        raise _missing("opentelemetry") from error
    return OpenTelemetryExporter()


def _missing(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"aiopyramid.metrics.exporters = {name} needs a library that is not installed: install"
        f" aiopyramid-metrics[{name}]"
    )


_EXPORTERS: Final[dict[str, Callable[[], Exporter]]] = {
    "prometheus": _prometheus,
    "opentelemetry": _opentelemetry,
}
