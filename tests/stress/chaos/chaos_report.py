"""The report of a run, in words and figures."""

from chaos_run import Outcome
from worker_census import SLACK

P99_BAR = 5.0
"""How much longer than in the quiet the slowest but one in a hundred may take: by hand only."""


def report(outcome: Outcome) -> str:
    """Return a report for people."""
    return "\n".join([*_requests(outcome), *_rest(outcome), *_looks(outcome), *_faults(outcome)])


def _requests(outcome: Outcome) -> list[str]:
    plan, tally, quiet = outcome.plan, outcome.tally, outcome.quiet
    lines = [
        f"{tally.requests.total()} honest requests answered in {outcome.seconds:.0f} seconds,"
        f" {tally.websockets} of them WebSocket connections"
        f" ({plan.loop}, {plan.workers} workers, seed {plan.seed})",
        "",
        f"{'milliseconds':18}{'answered':>10}{'p50':>9}{'p99':>9}{'most':>9}{'quiet p99':>11}  p99",
    ]
    for name, answered in sorted(tally.requests.items()):
        p50, p99, most = (1000 * tally.quantile(name, share) for share in (0.5, 0.99, 1.0))
        line = f"{name:18}{answered:10}{p50:9.1f}{p99:9.1f}{most:9.0f}"
        if quiet.requests[name]:
            before = 1000 * quiet.quantile(name, 0.99)
            line += f"{before:11.1f}  x{p99 / before:.1f}"
            line += f" (more than {P99_BAR:g})" if p99 > P99_BAR * before else ""
        lines.append(line)
    return lines


def _rest(outcome: Outcome) -> list[str]:
    tally = outcome.tally
    rows = "no database" if outcome.rows is None else f"{len(outcome.rows)} rows written"
    return [
        "",
        f"cut by the death of their worker: {dict(tally.cut)}",
        f"refused without a database: {dict(tally.refused)}; {rows}",
        f"told to come again by a worker that stops: {dict(tally.told_to_come_again)}",
        f"events: {dict(outcome.events)}",
        f"harmful acts: {outcome.harmful.total()}: {dict(sorted(outcome.harmful.items()))}",
    ]


def _looks(outcome: Outcome) -> list[str]:
    looks = outcome.looks
    if len(looks.seen) < 8:
        return []
    lines = ["", f"{'what the worker holds':22}{'quarter 2':>12}{'quarter 4':>12}{'slack':>12}"]
    for name, slack in SLACK.items():
        before, after = looks.medians(name)
        lines.append(f"{name:22}{before:12.0f}{after:12.0f}{slack:12}")
    return lines


def _faults(outcome: Outcome) -> list[str]:
    faults = outcome.faults()
    return ["", f"{len(faults)} faults" if faults else "no faults", *faults]
