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

from build_uwsgi import CannotBuild, uwsgi_binary


def find_debian_programs() -> None:
    """Find Chromium and Prometheus, which may have to be installed, one after the other."""
    for find in (find_chromium, find_prometheus):
        with contextlib.suppress(ProgramMissingError):
            find()


def build_uwsgi() -> None:
    """Build uWSGI, unless it is built already."""
    with contextlib.suppress(CannotBuild):
        uwsgi_binary()


STEPS: Final[tuple[Callable[[], None], ...]] = (build_uwsgi, find_debian_programs)

if __name__ == "__main__":
    with ThreadPoolExecutor() as executor:
        for step in [executor.submit(each) for each in STEPS]:
            step.result()
