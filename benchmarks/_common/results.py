"""What a benchmark has measured and where: made, written as JSON, read again."""

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Self

Sample = Mapping[str, Any]
"""What one round has given for one of the candidates: names with strings or numbers."""

_DIGITS: Final = 6
"""Significant digits of a sample: more than any of these measurements has."""

_OF_THE_REPORT: Final = ("json", "markdown")
"""Options which have nothing to do with what is measured."""


def load_average() -> float | None:
    """Return how many processes wanted to run in the last minute, where that is known."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def interpreter() -> str:
    """Return the name and the version of this interpreter."""
    return f"{platform.python_implementation()} {platform.python_version()}"


_LOAD_BEFORE: Final = load_average()  # before the benchmark adds its own


@dataclass(frozen=True)
class Results:
    """The samples of one run of a benchmark, and all that a reader must know to compare them.

    Attributes:
        benchmark: Its name, which is that of its file.
        date: The end of the run in UTC, as ISO 8601.
        command: The command line.
        machine: Processor, cores, system, and the load before the run, which warns of noise.
        python: The interpreter and its version.
        packages: The version of each package that matters; None for one that was not installed.
        parameters: The options that were in force, and where processes ran.
        left_out: Candidates that could not be measured, and why.
        samples: One record for each round and candidate.
    """

    benchmark: str
    date: str
    command: str
    machine: Mapping[str, Any]
    python: str
    packages: Mapping[str, str | None]
    parameters: Mapping[str, Any]
    left_out: Mapping[str, str]
    samples: Sequence[Sample]

    @classmethod
    def of_this_run(
        cls,
        packages: Iterable[str],
        parameters: Mapping[str, Any],
        samples: Iterable[Sample],
        left_out: Mapping[str, str],
    ) -> Self:
        """Return the results of the benchmark that this process runs."""
        uname = platform.uname()
        return cls(
            Path(sys.argv[0]).stem,
            f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
            _command(),
            {
                "processor": _processor(),
                "cores": os.cpu_count(),
                "system": uname.system,
                "kernel": uname.release,
                "load_average_before": _LOAD_BEFORE,
            },
            interpreter(),
            {package: _version(package) for package in packages},
            {name: value for name, value in parameters.items() if name not in _OF_THE_REPORT},
            {name: _in_a_line(why) for name, why in left_out.items()},
            [{name: _rounded(value) for name, value in one.items()} for one in samples],
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what :meth:`write` has written."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write everything to a file, a line a sample."""
        fields = asdict(self)
        samples = [json.dumps(one) for one in fields.pop("samples")]
        head = json.dumps(fields, indent=2).removesuffix("\n}")
        body = ",\n    ".join(samples)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{head},\n  "samples": [\n    {body}\n  ]\n}}\n', encoding="utf-8")

    def names(self, field: str, **where: Any) -> list[Any]:
        """Return what a field holds, each value once, in the order of the samples."""
        return list(dict.fromkeys(one[field] for one in self._matching(where) if field in one))

    def values(self, field: str, **where: Any) -> list[float]:
        """Return the figures of a field, one a round, of the samples that have what is given."""
        return [one[field] for one in self._matching(where) if field in one]

    def _matching(self, where: Mapping[str, Any]) -> list[Sample]:
        return [
            one
            for one in self.samples
            if all(one.get(name) == value for name, value in where.items())
        ]

    @property
    def machine_text(self) -> str:
        """The machine, in a line."""
        machine = self.machine
        return "{processor}, {cores} cores, {system} {kernel}".format(**machine)

    @property
    def packages_text(self) -> str:
        """The packages with their versions, in a line."""
        return ", ".join(
            f"{name} {'(not installed)' if number is None else number}"
            for name, number in self.packages.items()
        )

    def circumstances(self, *, markdown: bool) -> list[str]:
        """Return the header of a report."""
        command = f"`{self.command}`" if markdown else self.command
        load = self.machine["load_average_before"]
        return [
            f"{self.date[:10]} {self.date[11:16]} UTC: {command}",
            self.machine_text + ("" if load is None else f", load average {load:.2f} before"),
            f"{self.python}, {self.packages_text}",
            *(f"left out: {name} ({why})" for name, why in self.left_out.items()),
        ]


def _command() -> str:
    """Return what was typed, without what only says where the results go."""
    words = iter(sys.argv)
    kept = []
    for word in words:
        if word == "--json":
            next(words, None)
        elif word != "--markdown" and not word.startswith("--json="):
            kept.append(word)
    return " ".join(["python", *kept])


def _in_a_line(reason: str) -> str:
    """Shorten what a server has said: how it begins and how it ends tell enough."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    return " ".join(lines if len(lines) < 3 else [lines[0], "...", lines[-1]])


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
