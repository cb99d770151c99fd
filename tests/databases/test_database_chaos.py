"""The short form of ``chaos/database_chaos.py``, which describes the events and the checks."""

import os
import random
import sys

import pytest
from database_chaos import Plan, run
from repetition import TIMES
from system_programs import ProgramMissingError


def test_while_the_database_fails_no_row_and_no_connection_is_lost(capsys):
    seed = int(os.environ.get("STRESS_SEED", random.randrange(1 << 32)))
    with capsys.disabled():
        print(f"\nSTRESS_SEED={seed}", file=sys.stderr)
    includes_tm = random.Random(seed).random() < 0.5
    plan = Plan(200 * TIMES, seed, clients=20, pause_seconds=0.2, includes_tm=includes_tm)
    try:
        outcome = run(plan)
    except ProgramMissingError as missing:
        pytest.skip(str(missing))
    assert outcome.faults() == []
    assert outcome.counts["200"] > 0
