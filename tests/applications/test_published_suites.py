"""The own tests of Pyramid's extensions hold with the include and in the bridge, too.

The quickest of those that ``make apps`` runs. The tests are in the source archive only, so that
this comes from the package index, in the version that is installed and with the hash of the lock.
"""

import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from drivers.scratch import CannotPrepareError, fetch_source
from drivers.suites import run_suite

ROOT = Path(__file__).parents[2]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())


@pytest.mark.parametrize(("package", "tests"), [("pyramid-tm", 60)])
def test_what_passes_as_published_passes_in_the_bridge(package: str, tests: int) -> None:
    source = source_of(package)
    published = run_suite(Path(sys.executable), source, in_the_bridge=False)
    # Some fail with versions of what they need that came after them.
    assert len(published.right) >= tests, published.output

    bridged = run_suite(Path(sys.executable), source, in_the_bridge=True)

    assert published.right <= bridged.right, bridged.output


def source_of(package: str) -> Path:
    (hashed,) = (each["sdist"]["hash"] for each in LOCK["package"] if each["name"] == package)
    wanted = f"{package}=={version(package)} --hash={hashed}"
    try:
        return fetch_source(wanted, ROOT / "build" / "published")
    except CannotPrepareError as error:
        if "DO NOT MATCH" in str(error):
            raise
        pytest.skip(f"the source archive of {package} cannot be had: {error}")
