"""Run the whole comparison, one benchmark after the other, and draw the charts: ``make bench``.

For each benchmark there are then, in the folder, its samples (``.json``), its tables (``.md``) and
its output (``.log``), and for all of them a page, ``index.html``. A benchmark that fails, or a
server that cannot be installed or started, is reported, and the others are run.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from _common.report import clean_up_when_ended, progress
from _common.results import Results, load_average

HOME: Final = Path(__file__).parent
PATIENCE: Final = 3
"""A benchmark is ended that takes so many times as long as it should, ..."""

PATIENCE_SECONDS: Final = 240.0
"""... and so much more: it may have a program to install first."""


@dataclass(frozen=True)
class Step:
    """A benchmark to run.

    Attributes:
        name: That of its file.
        options: Its command line.
        seconds: How long it takes with them, roughly.
        quick_options: Its command line for a try.
        quick_seconds: How long that takes.
    """

    name: str
    options: str
    seconds: int
    quick_options: str
    quick_seconds: int


STEPS: Final = (
    Step("bridge", "--rounds 15", 50, "--rounds 3 --number 5000", 5),
    Step("hello", "--rounds 5 --seconds 3", 360, "--rounds 2 --seconds 1", 90),
    Step("api", "--rounds 5 --seconds 3", 95, "--rounds 2 --seconds 1", 25),
    Step("waiting", "--rounds 5 --seconds 4", 75, "--rounds 2 --seconds 1", 15),
    Step("connections", "--rounds 5 --seconds 5", 70, "--rounds 1 --seconds 4", 25),
    Step("concurrency", "--rounds 10", 35, "--rounds 2", 10),
    Step("busy_threads", "--rounds 10", 55, "--rounds 2", 20),
    Step("placement", "--rounds 15", 20, "--rounds 2 --number 500", 5),
    Step(
        "websocket", "--rounds 5 --broadcasts 3", 250, "--rounds 2 --seconds .3 --broadcasts 1", 55
    ),
    Step("websocket_memory", "--rounds 3", 25, "--rounds 1", 5),
    Step("memory", "--requests 100000", 90, "--requests 5000", 10),
    Step("idle", "--minutes 1", 70, "--minutes .1", 12),
    Step("reload", "--requests 20000", 50, "--requests 1000 --reloads 2", 15),
)


def run(step: Step, folder: Path, *, quick: bool) -> str | None:
    """Run a benchmark; return what is the matter with it, or None."""
    options = (step.quick_options if quick else step.options).split()
    out, said, results = (folder / f"{step.name}.{end}" for end in ("md", "log", "json"))
    results.unlink(missing_ok=True)  # no results of an earlier run among those of this one
    program = os.path.relpath(HOME / f"{step.name}.py")
    command = [sys.executable, program, *options, "--markdown", "--json", str(results)]
    limit = PATIENCE * (step.quick_seconds if quick else step.seconds) + PATIENCE_SECONDS
    with out.open("w") as stdout, said.open("w") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL)
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            return f"it was not done after {limit:.0f} s"
        finally:
            if process.poll() is None:
                process.terminate()  # it then stops its servers
                process.wait()
    lines = [line for line in said.read_text().splitlines() if line.strip()]
    if process.returncode:
        return f"exit status {process.returncode}; {said}: {lines[-1] if lines else 'empty'}"
    return None


def minutes(seconds: float) -> str:
    """Write a time for people."""
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the results go")
    parser.add_argument("--quick", action="store_true", help="short rounds, for a try")
    parser.add_argument(
        *("--only", "-o"),
        action="append",
        choices=[step.name for step in STEPS],
        help="run only this benchmark; may be repeated",
    )
    options = parser.parse_args()
    clean_up_when_ended()
    steps = [step for step in STEPS if options.only is None or step.name in options.only]
    times = [step.quick_seconds if options.quick else step.seconds for step in steps]
    options.folder.mkdir(parents=True, exist_ok=True)
    progress(f"{len(steps)} benchmarks, {minutes(sum(times))} in all. Leave the machine alone.")
    if (load := load_average()) is not None and load > 0.5:
        progress(f"The machine is busy already (load average {load}): figures will scatter.")
    failed = []
    for number, (step, seconds) in enumerate(zip(steps, times, strict=True), 1):
        progress(f"==> {step.name} ({number} of {len(steps)}): about {minutes(seconds)}")
        started = time.monotonic()
        trouble = run(step, options.folder, quick=options.quick)
        if trouble is not None:
            failed.append(step.name)
            progress(f"    FAILED, going on: {trouble}")
            continue
        for name, why in Results.read(options.folder / f"{step.name}.json").left_out.items():
            progress(f"    without {name}: {why}")
        progress(f"    done in {minutes(time.monotonic() - started)}")
    draw = [sys.executable, str(HOME / "charts.py"), "--page", str(options.folder)]
    drawn = subprocess.run(draw, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if drawn.returncode:
        sys.exit(f"The charts cannot be drawn:\n{drawn.stderr}")
    progress(f"open {options.folder / 'index.html'}")
    if failed:
        sys.exit(f"Not measured: {', '.join(failed)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
