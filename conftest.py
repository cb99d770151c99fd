"""Configuration of the tests of all packages."""

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Have two processes for each processor: they wait for servers much of the time."""
    processors = yield
    return processors * 2


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what was collected out of garbage collections.

    It is there to the end. Many tests collect garbage, which takes a third of a second otherwise.
    """
    gc.collect()
    gc.freeze()
