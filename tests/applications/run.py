"""Drive applications that nobody here wrote, on our worker and on gthread: ``make apps``.

Each is installed from the package index into an environment of its own below ``build/apps``, gets
the include and our worker and is changed in nothing else, and many clients use it at once. The
exit status tells whether one of them fares worse on our worker than on gthread, which serves it
without the include.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from drivers import devpi, kinto, mailer, suites, wiki2
from drivers.figures import Figure
from drivers.scratch import CannotPrepareError, Scratch
from drivers.ways import GTHREAD, MIXED, OURS, Way
from system_programs import ProgramMissingError


@dataclass(frozen=True)
class Drive:
    """A row of the table.

    Attributes:
        application: Its name on the command line.
        package: The package whose version is told.
        does: A description of its test.
        requirements: The packages to install.
        drive: Does it.
        mixed: Whether it is worth doing with the worker or the include alone, too.
    """

    application: str
    package: str
    does: str
    requirements: tuple[str, ...]
    drive: Callable[[Scratch, Way], Figure]
    mixed: bool = True


DRIVES: Final = (
    Drive("mailer", "pyramid-mailer", "ten mails", mailer.REQUIREMENTS, mailer.mails),
    Drive("kinto", "kinto", "its functional tests", kinto.REQUIREMENTS, kinto.functional_tests),
    Drive("kinto", "kinto", "8 users at once", kinto.REQUIREMENTS, kinto.clients),
    Drive("devpi", "devpi-server", "8 users at once", devpi.REQUIREMENTS, devpi.users),
    Drive("wiki2", "pyramid", "its tutorial, 40 clients", wiki2.REQUIREMENTS, wiki2.pages),
    *(
        Drive(name, name, "its own tests", requirements, suites.suite_of(name), mixed=False)
        for name, requirements in suites.REQUIREMENTS.items()
    ),
)


_GOOD: Final = "as good"


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = list(dict.fromkeys(each.application for each in DRIVES))
    parser.add_argument("folder", type=Path, help="where the environments are, or will be")
    parser.add_argument(
        "applications", nargs="*", metavar="APPLICATION", help=f"which: {', '.join(names)}"
    )
    parser.add_argument(
        "--mixed",
        action="store_true",
        help="also try worker and include without each other",
    )
    options = parser.parse_args()
    if unknown := set(options.applications) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(names)}")
    signal.signal(signal.SIGTERM, _leave)
    wanted = options.applications or names
    ways = (GTHREAD, OURS, *(MIXED if options.mixed else ()))
    rows = [_row(each, options.folder, ways) for each in DRIVES if each.application in wanted]
    heads = ("application", *(way.name for way in ways), "verdict")
    print(_table([heads, *rows]))
    return 0 if all(row[-1] == _GOOD for row in rows) else 1


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End as after an exception, so that no server outlives this."""
    sys.exit(128 + number)


def _row(drive: Drive, folder: Path, ways: tuple[Way, ...]) -> tuple[str, ...]:
    """Return a row of the table: a title, a figure for each of the ways, the verdict."""
    scratch = Scratch((folder / drive.application).absolute())
    try:
        _progress(f"==> {drive.application}: installing")
        scratch.install(drive.requirements)
        figures = {
            way: _driven(drive, scratch, way) for way in ways if way not in MIXED or drive.mixed
        }
    except (CannotPrepareError, ProgramMissingError) as missing:
        _progress(f"    {missing}")
        return (f"{drive.package}, {drive.does}", *("-" for _ in ways), "CANNOT BE DRIVEN")
    title = f"{drive.package} {scratch.versions()[drive.package]}, {drive.does}"
    return (title, *(str(figures.get(way, "-")) for way in ways), _verdict(figures))


def _verdict(figures: dict[Way, Figure]) -> str:
    if not figures[GTHREAD].is_perfect:
        return "FAILS ON GTHREAD, TOO: fix the driver"
    worse = [way.name for way in figures if figures[way].is_worse_than(figures[GTHREAD])]
    return f"WORSE: {'; '.join(worse)}" if worse else _GOOD


def _driven(drive: Drive, scratch: Scratch, way: Way) -> Figure:
    _progress(f"    {drive.does}, {way.name} ...")
    started = time.monotonic()
    figure = drive.drive(scratch, way)
    _progress(f"    {figure} (with all around it {time.monotonic() - started:.0f} s)")
    for remark in figure.remarks:
        _progress(f"      {remark}")
    return figure


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
