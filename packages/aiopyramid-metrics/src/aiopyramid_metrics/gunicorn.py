"""Hooks for the configuration file of gunicorn, for metrics of several workers.

::

    # gunicorn.conf.py
    from aiopyramid_metrics.gunicorn import child_exit, on_starting

    raw_env = ["PROMETHEUS_MULTIPROC_DIR=/run/site/metrics"]

``raw_env`` has to be set there or outside: ``prometheus_client`` reads it when it is imported.
"""

import os
from pathlib import Path
from typing import Any, Final

__all__ = ("child_exit", "on_starting")

_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def on_starting(server: Any) -> None:
    """Make the folder of the workers' metrics, and remove those of an earlier server.

    Args:
        server: gunicorn's arbiter.
    """
    if _FOLDER in os.environ:
        folder = Path(os.environ[_FOLDER])
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.db"):
            file.unlink(missing_ok=True)


def child_exit(server: Any, worker: Any) -> None:
    """Remove the gauges of a worker that has exited, however it did.

    Its counters and histograms remain, because they belong to the sums of all workers.

    Args:
        server: gunicorn's arbiter.
        worker: The worker.
    """
    if _FOLDER in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
