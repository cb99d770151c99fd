"""The published charts and tables, what the documents say of them, and the run that makes them."""

import json
import os
import platform
import re
import socket
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from system_programs import ProgramMissingError, find_program

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks/results"
CHARTS = sorted((ROOT / "benchmarks/charts").glob("*.svg"))


def run(program: str, *arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, ROOT / "benchmarks" / program, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )


def published(benchmark: str) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((RESULTS / f"{benchmark}.json").read_text())
    return results


def medians(benchmark: str, field: str, name: str = "server", **where: object) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for sample in published(benchmark)["samples"]:
        if field in sample and all(sample[key] == value for key, value in where.items()):
            values.setdefault(sample[name], []).append(sample[field])
    return {name: median(some) for name, some in values.items()}


# --- What is published ----------------------------------------------------------------------------


def test_charts_and_tables_are_what_the_published_results_make() -> None:
    checked = run("charts.py", "--check")
    assert checked.returncode == 0, checked.stderr


def test_a_chart_is_the_same_file_each_time_it_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "bridge.json").write_text((RESULTS / "bridge.json").read_text())
    # Those that are published were drawn by another process, with another seed.
    assert run("charts.py", "--page", tmp_path, PYTHONHASHSEED="1").returncode == 0
    drawn = {path.name: path.read_text() for path in tmp_path.glob("*.svg")}
    published_ones = {path.name: path.read_text() for path in CHARTS if path.name in drawn}
    assert len(drawn) == 2
    assert drawn == published_ones


@pytest.mark.parametrize("chart", CHARTS, ids=lambda path: path.stem)
def test_a_chart_says_where_when_and_with_what_it_was_measured(chart: Path) -> None:
    results, text = published(chart.stem.partition("-")[0]), chart.read_text()
    assert results["date"][:10] in text
    assert results["machine"]["processor"] in text
    assert results["machine"]["kernel"] in text
    assert results["python"] in text
    assert f"uvloop\N{NO-BREAK SPACE}{results['packages']['uvloop']}" in text


@pytest.mark.parametrize("chart", CHARTS, ids=lambda path: path.stem)
def test_a_chart_is_small_and_has_colours_for_dark_pages(chart: Path) -> None:
    assert chart.stat().st_size < 30_000
    assert "prefers-color-scheme:dark" in chart.read_text()


def test_a_chart_has_a_dot_for_each_round() -> None:
    samples = sum(sample["contest"] == "coroutine" for sample in published("hello")["samples"])
    dots = (ROOT / "benchmarks/charts/hello-cpu.svg").read_text().count("<use ")
    assert dots >= samples


# --- What docs/how-it-works.md says of it in words ------------------------------------------------


def test_hello_takes_less_than_half_of_the_cpu_time_of_threads_and_more_than_some() -> None:
    cpu = medians("hello", "cpu_microseconds", contest="coroutine")
    ours = cpu["AsyncGunicornWorker"]
    for start in ("sync", "gthread", "gevent", "waitress"):
        assert all(2 * ours < cpu[name] for name in cpu if name.startswith(start)), start
    for start in ("Starlette", "granian, def", "uWSGI, def"):
        assert all(cpu[name] < ours for name in cpu if name.startswith(start)), start
    assert ours < cpu["AsyncGunicornWorker, def view"]
    assert cpu["gthread, def view, no aiopyramid"] < cpu["gthread, same application"]


def test_a_call_in_a_thread_takes_more_than_a_hundred_times_as_long_as_await_() -> None:
    times = medians("bridge", "microseconds", "way")
    assert (
        times["aiopyramid call_in_thread"]
        > 100
        * medians("bridge", "microseconds", "way", contest="Waiting for a coroutine that is ready")[
            "aiopyramid await_"
        ]
    )


def test_requests_that_block_in_threads_do_not_hold_up_those_that_wait() -> None:
    alone, beside = (medians("concurrency", "total", beside=number) for number in (0, 20))
    assert beside["AsyncGunicornWorker"] < 1.3 * alone["AsyncGunicornWorker"]
    assert alone["AsyncGunicornWorker"] < alone["gthread, 40 threads"] / 2


@pytest.mark.parametrize(("size", "window"), [(16, 32), (65_536, 4)])
def test_small_and_large_websocket_messages_are_cheaper(size: int, window: int) -> None:
    ours, *others = medians("websocket", "cpu_microseconds", bytes=size, window=window).values()
    assert all(ours < other for other in others)


def test_an_idle_connection_takes_a_few_kibibytes_and_a_websocket_more() -> None:
    (idle,) = published("idle")["samples"]
    memory = medians("websocket", "kibibytes_per_connection")
    assert idle["bytes_per_connection"] / 1024 < memory["AsyncGunicornWorker"]
    assert memory["AsyncGunicornWorker"] == min(memory.values())


# --- The run --------------------------------------------------------------------------------------

SHORT = ("--rounds", 1, "--seconds", 1)


@pytest.fixture(scope="module")
def wrk() -> str:
    try:
        return find_program("wrk", package="wrk")
    except ProgramMissingError as missing:
        pytest.skip(str(missing))


def broken(folder: Path, module: str) -> str:
    """Return a path on which a module cannot be imported."""
    (folder / f"{module}.py").write_text("raise ImportError('it is broken')\n")
    return str(folder)


@pytest.mark.usefixtures("wrk")
def test_a_server_that_does_not_start_is_left_out_and_the_others_are_measured(
    tmp_path: Path,
) -> None:
    file = tmp_path / "hello.json"
    options = ("--contest", "coroutine", "--only", "waitress", "--only", "gevent", *SHORT)
    done = run("hello.py", *options, "--json", file, PYTHONPATH=broken(tmp_path, "waitress"))
    assert done.returncode == 0, done.stderr
    results = json.loads(file.read_text())
    assert "it is broken" in results["left_out"]["waitress, same application"]
    assert [sample["server"] for sample in results["samples"]] == [
        "AsyncGunicornWorker",
        "gevent, def view, no aiopyramid",
    ]


def test_a_benchmark_that_fails_is_told_of_and_the_others_are_run(tmp_path: Path) -> None:
    results = tmp_path / "results"
    only = ("--only", "bridge", "--only", "websocket_memory")
    done = run("compare.py", "--quick", *only, results, PYTHONPATH=broken(tmp_path, "greenback"))
    assert re.search(r"FAILED, going on: .*it is broken", done.stderr)
    assert done.stderr.endswith("Not measured: bridge\n")
    assert (results / "websocket_memory.svg").exists()
    assert "1,000 WebSockets" in (results / "index.html").read_text()


@pytest.mark.usefixtures("wrk")
@pytest.mark.parametrize(
    ("program", "options", "server"),
    [
        ("api.py", ("--only", "FastAPI"), "FastAPI on uvicorn"),
        (
            "hello.py",
            ("--contest", "synchronous", "--only", "waitress"),
            "waitress, same application",
        ),
    ],
)
def test_a_server_is_compared_by_its_cpu_time_and_latency(
    program: str, options: tuple[object, ...], server: str, tmp_path: Path
) -> None:
    file = tmp_path / "results.json"
    done = run(program, *options, *SHORT, "--json", file)
    assert done.returncode == 0, done.stderr
    results = json.loads(file.read_text())
    assert not results["left_out"]
    ours, its = results["samples"]
    assert (ours["server"], its["server"]) == ("AsyncGunicornWorker", server)
    ratio = f"{ours['cpu_microseconds'] / its['cpu_microseconds']:.2f}"
    (row,) = (line for line in done.stdout.splitlines() if line.startswith(server))
    assert f"  {ratio} ({ratio}-{ratio})" in row
    assert f"{its['p99_milliseconds']:,.1f}" in row
    assert row.count("<=") >= 2


@pytest.mark.usefixtures("wrk")
def test_latencies_are_compared_on_connections_that_are_open_before(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    done = run("connections.py", "--connections", 200, *SHORT, "--json", file)
    assert done.returncode == 0, done.stderr
    samples = json.loads(file.read_text())["samples"]
    assert [sample["load"] for sample in samples] == ["wrk", "wrk", *["all open before"] * 2]
    ours, its = samples[2:]
    assert 0 < ours["p50_milliseconds"] <= ours["p99_milliseconds"] <= ours["slowest_milliseconds"]
    assert 0 < ours["fewest"] <= ours["most"]
    ratio = f"{ours['p99_milliseconds'] / its['p99_milliseconds']:.2f}"
    assert f"  {ratio} ({ratio}-{ratio})" in done.stdout.splitlines()[-1]


SEND = r"""
import sys
from _common.http_request import BROWSER_FIELDS, HTTPRequest
from _common.wrk import run_wrk

request = HTTPRequest("/path", BROWSER_FIELDS, b'"quoted"\n\\\0\xff')
print(run_wrk(sys.argv[1], int(sys.argv[2]), request, seconds=1, connections=1, core=None))
"""


def test_the_load_sends_the_header_fields_and_the_body_as_they_are_given(wrk: str) -> None:
    received = b""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        command = [sys.executable, "-c", SEND, wrk, str(listening.getsockname()[1])]
        sending = subprocess.Popen(command, cwd=ROOT / "benchmarks")
        try:
            while not received.endswith(b"\xff"):
                client, _ = listening.accept()  # wrk connects once before, to see who listens
                with client:
                    while not received.endswith(b"\xff") and (data := client.recv(65_536)):
                        received += data
        finally:
            sending.kill()
            sending.wait()
    head, _, body = received.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    assert first == "POST /path HTTP/1.1"
    assert len(fields) == 15  # the 13 of a browser, Host and Content-Length
    assert "Sec-Fetch-Mode: navigate" in fields
    assert body == b'"quoted"\n\\\0\xff'


# --- The instructions of a request ----------------------------------------------------------------

COUNTS_OF_REQUESTS = """#!{python}
import json, subprocess, sys

(folder,) = (word.partition("=")[2] for word in sys.argv if word.startswith("--log-file="))
program = sys.argv[sys.argv.index({python!r}) :]
done = subprocess.run(program, stdout=subprocess.PIPE, text=True)
print(done.stdout, end="")
for line in done.stdout.splitlines():
    run = json.loads(line)
    count = 1_000_000 + round(run["requests"] * {costs!r}[run["case"]])
    with open(folder.replace("%p", str(run["pid"])), "w") as log:
        log.write(f"==1== \\n==1== I   refs:      {{count:,}}\\n")
sys.exit(done.returncode)
"""
"""A program in the place of valgrind. It runs the cases, too, but their costs are given."""


def count_instructions(
    folder: Path, *, growth: float = 1.0, python: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """Compare figures with the published ones.

    Args:
        folder: A folder for this.
        growth: How many times as large one of the figures is.
        python: The version that has published them; by default this one, whatever it was.
    """
    costs = {
        sample["case"]: sample["ratio"] * 100_000 for sample in published("instructions")["samples"]
    }
    costs["coroutine view"] *= growth
    valgrind = folder / "valgrind"
    valgrind.write_text(COUNTS_OF_REQUESTS.format(python=sys.executable, costs=costs))
    valgrind.chmod(0o755)
    against = folder / "published.json"
    version = f"CPython {python or platform.python_version()}"
    against.write_text(json.dumps(published("instructions") | {"python": version}))
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return run("instructions.py", "--against", against, PATH=path)


def test_a_request_may_take_slightly_more_instructions_than_published(tmp_path: Path) -> None:
    done = count_instructions(tmp_path, growth=1.02)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^coroutine view +[\d.]+ +[\d.]+ +\+2.0% +<= \+3%: met$", done.stdout, re.M)


def test_a_request_that_takes_many_more_instructions_than_published_is_a_failure(
    tmp_path: Path,
) -> None:
    done = count_instructions(tmp_path, growth=1.04)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Over 3% more instructions: coroutine view.")
    assert "--update" in done.stderr


def test_instructions_are_not_compared_with_those_of_another_python(tmp_path: Path) -> None:
    done = count_instructions(tmp_path, python="3.7.1")
    assert done.returncode == 1
    assert "run this with CPython 3.7." in done.stderr


def test_counting_instructions_says_what_to_install(tmp_path: Path) -> None:
    done = run("instructions.py", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "apt-get install valgrind" in done.stderr
