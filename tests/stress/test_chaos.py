"""Honest clients among harmful ones, reloads, killed workers and a database that comes and goes.

``python tests/stress/chaos --minutes 60`` is the long run, and says how long the answers take.
"""

import os
import random
import sys

import pytest
from chaos_report import report
from chaos_run import Plan, run
from honest_acts import SHARES


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_what_others_do_costs_no_honest_client_an_answer(loop, capsys):
    seed = int(os.environ.get("STRESS_SEED", random.randrange(1 << 32)))
    seconds = 60 * float(os.environ.get("CHAOS_MINUTES", 0.1))
    with capsys.disabled():
        print(f"\n{loop}: STRESS_SEED={seed}", file=sys.stderr)

    outcome = run(Plan(seed, loop, seconds), lambda text: print(text, file=sys.stderr))

    print(report(outcome))
    assert outcome.faults() == []
    assert {act.__name__ for act in SHARES} <= set(outcome.tally.requests)
    assert outcome.tally.websockets
    assert outcome.harmful.total() > outcome.plan.harmful_clients
    assert {"reload", "kill_worker", "more_and_less_workers"} <= set(outcome.events)
