"""collector: the garbage collector of a worker takes less time."""

import gc
import os
import subprocess
import sys

import pytest

_PROGRAM = """
import gc
from aiopyramid_core.servers import collect_less_often, prepare_collector
{before}
{prepare}()
print(gc.get_threshold(), gc.isenabled(), gc.get_freeze_count() > 1000)
"""


@pytest.fixture
def prepared():
    """Return what the collector's state is in a process that has prepared it after some code."""

    def prepared(before="", prepare="prepare_collector"):
        program = _PROGRAM.format(before=before, prepare=prepare)
        environ = {**os.environ, "PYTHONWARNINGS": "ignore"}
        return subprocess.check_output([sys.executable, "-c", program], text=True, env=environ)

    return prepared


def test_it_runs_more_rarely_than_by_default_and_not_for_the_objects_that_stay(prepared):
    _, *others = gc.get_threshold()

    assert prepared().strip() == f"{(10_000, *others)} True True"


@pytest.mark.parametrize("threshold", ["(500, 5, 5)", "(50000, 5, 5)", "(0, 10, 10)"])
def test_a_threshold_that_the_application_has_set_is_left_alone(prepared, threshold):
    assert prepared(f"gc.set_threshold(*{threshold})").startswith(threshold)


def test_a_collector_that_is_off_stays_off(prepared):
    assert " False True" in prepared("gc.disable()")


def test_in_a_process_that_does_more_than_serve_no_object_need_stay(prepared):
    _, *others = gc.get_threshold()
    said = prepared(prepare="collect_less_often")
    assert said.strip() == f"{(10_000, *others)} True False"
