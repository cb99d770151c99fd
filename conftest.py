"""Configuration of the tests of all packages."""

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Have two processes for each processor: they wait for servers much of the time."""
    processors = yield
    return processors * 2


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while tests are collected: nearly all objects that this makes stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what was collected out of garbage collections."""
    _freeze_what_stays()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Leave out as well what the tests of a module have imported, and pytest's notes of them."""
    handled = yield
    if nextitem is not None and nextitem.path != item.path:
        _freeze_what_stays()
    return handled


def _freeze_what_stays() -> None:
    """Leave all objects that are in use out of garbage collections.

    They stay to the end. Many tests collect garbage, which takes a third of a second otherwise.
    """
    gc.collect()
    gc.freeze()
