"""What holds for the tests of all packages."""

import gc

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what was collected out of garbage collections.

    It is there to the end. Many tests collect garbage, which takes a third of a second otherwise.
    """
    gc.collect()
    gc.freeze()
