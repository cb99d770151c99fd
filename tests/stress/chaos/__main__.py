"""A worker among harmful clients, reloaded and killed, with a database that comes and goes.

Honest clients beside all that count their answers: none may be lost, none wrong. A request that was
under way in a worker when that was killed is counted for itself, and so is what the application
refuses while its database is away. Before, the honest clients are alone for a while, to compare how
long the answers take. ::

    python tests/stress/chaos --minutes 60
    python tests/stress/chaos --minutes 60 --steady

The second one leaves the only worker alive, and looks every minute at what it holds: memory,
descriptors, threads, tasks and greenlets must stay as they are. The exit status is 1 if something
should not have been.
"""

import argparse
import random
import signal
import sys
import time
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).parents[2] / "support"))
from chaos_report import report
from chaos_run import Plan, run

QUIET_SHARE: Final = 0.1
MOST_QUIET_SECONDS: Final = 60.0
EVENTS: Final = 20
MOST_PAUSE_SECONDS: Final = 20.0
"""When workers are reloaded more often, how long they take to start is most of what is seen."""


def main() -> None:
    """Run it, and say what came of it."""
    parser = argparse.ArgumentParser(
        prog="python tests/stress/chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    parser.add_argument("--rate", type=float, default=300.0, help="honest requests a second")
    parser.add_argument(
        "--websockets", type=float, default=29.0, help="honest WebSocket connections a second"
    )
    parser.add_argument("--workers", type=int, default=3, help="how many, without --steady")
    parser.add_argument("--harmful", type=int, default=4, help="harmful clients at a time")
    parser.add_argument(
        "--pause", type=float, default=0.5, help="seconds that each of these rests between two acts"
    )
    parser.add_argument("--steady", action="store_true", help="one worker, which nobody ends")
    options = parser.parse_args()
    plan = Plan(
        seed=options.seed,
        loop=options.loop,
        seconds=options.minutes * 60,
        quiet_seconds=min(MOST_QUIET_SECONDS, options.minutes * 60 * QUIET_SHARE),
        rate=options.rate,
        websocket_rate=options.websockets,
        harmful_clients=options.harmful,
        harmful_pause_seconds=options.pause,
        workers=1 if options.steady else options.workers,
        event_pause_seconds=min(MOST_PAUSE_SECONDS, options.minutes * 60 / EVENTS),
        signals=not options.steady,
        say_seconds=30.0,
    )

    def say(text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it leaves nothing running
    say(f"--loop {plan.loop} --seed {plan.seed}")
    outcome = run(plan, say)
    print(report(outcome))
    sys.exit(1 if outcome.faults() else 0)


if __name__ == "__main__":
    main()
