"""Get the programs that take long to get, so that no test waits for them; `make test` runs this.

A program that cannot be had is reported by the tests that want it.
"""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from chromium import find_chromium
from prometheus_server import find_prometheus
from system_programs import ProgramMissingError

from build_fast import fast_folder
from build_uwsgi import uwsgi_binary
from compiled_cache import CannotBuild


def find_debian_programs() -> None:
    """Find Chromium and Prometheus, which may have to be installed, one after the other."""
    for find in (find_chromium, find_prometheus):
        with contextlib.suppress(ProgramMissingError):
            find()


def build() -> None:
    """Build what is not built yet of uWSGI and the compiled part of the gunicorn worker."""
    for build_it in (uwsgi_binary, fast_folder):
        with contextlib.suppress(CannotBuild):
            build_it()


STEPS: Final[tuple[Callable[[], None], ...]] = (build, find_debian_programs)

if __name__ == "__main__":
    with ThreadPoolExecutor() as executor:
        for step in [executor.submit(each) for each in STEPS]:
            step.result()
