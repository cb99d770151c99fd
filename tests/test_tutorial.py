"""All of ``docs/tutorial.md`` is done in order, as a reader does it: files, commands, output."""

import configparser
import contextlib
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from reader import Reader
from server_process import PATIENCE_SECONDS, Process
from system_programs import ProgramMissingError, find_program

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"
UNIT = "noticeboard.service"


@pytest.mark.skipif(shutil.which("curl") is None, reason="readers use curl: install it")
def test_a_reader_who_does_what_it_says_sees_what_it_says(tmp_path: Path) -> None:
    try:
        find_program("openssl", package="openssl")
        find_program("nginx", package="nginx", elsewhere=["usr/sbin/nginx"])
    except ProgramMissingError as missing:
        pytest.skip(str(missing))
    with Reader(tmp_path) as reader:
        reader.follow(TUTORIAL)


# --- The service, without systemd -----------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The reader's files, where the service expects them."""
    programs = {"/srv/noticeboard/.venv/bin": str(Path(sys.executable).parent)}
    Reader(tmp_path, programs | {"/srv/noticeboard": str(tmp_path)}).write_files(TUTORIAL)
    return tmp_path


@pytest.fixture
def service(folder: Path) -> dict[str, str]:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names as they are written
    unit.read(folder / UNIT)
    return dict(unit["Service"])


@pytest.fixture
def systemd() -> Iterator[socket.socket]:
    """Where services tell systemd how they are."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(f"\0noticeboard-{os.getpid()}")
        told.settimeout(PATIENCE_SECONDS)
        yield told


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_no_fault_in_the_unit(folder: Path) -> None:
    command = ["systemd-analyze", "verify", f"{folder}/{UNIT}"]
    verified = subprocess.run(command, capture_output=True, text=True)
    # It may have something to say of the machine's other units.
    assert [line for line in verified.stderr.splitlines() if UNIT in line] == []
    assert verified.returncode == 0, verified.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is for Linux")
def test_the_commands_of_the_unit_start_reload_and_stop_gunicorn(
    service: dict[str, str], systemd: socket.socket
) -> None:
    place = "@" + systemd.getsockname()[1:].decode()
    in_folder = f"cd {service['WorkingDirectory']} && exec"
    started = ["bash", "-c", f"{in_folder} {service['ExecStart']}"]
    with contextlib.closing(Process(started, {"NOTIFY_SOCKET": place})) as gunicorn:
        assert systemd.recv(4096).startswith(b"READY=1\n")
        assert service["Type"] == "notify"
        # A worker that is told to stop before it has its signal handlers says nothing.
        bind = runpy.run_path(f"{service['WorkingDirectory']}/gunicorn.conf.py")["bind"]
        urllib.request.urlopen(f"http://{bind}/", timeout=PATIENCE_SECONDS).close()

        environment = {"MAINPID": str(gunicorn.popen.pid)}
        subprocess.run(["bash", "-c", service["ExecReload"]], env=environment, check=True)
        gunicorn.said("Booting worker", times=2)
        gunicorn.said("Worker exiting")

        # What systemd does with KillMode=mixed: the signal goes to the main process only.
        assert gunicorn.end(signal.SIGTERM) < int(service["TimeoutStopSec"])
        assert gunicorn.popen.returncode == 0


def test_the_limits_of_the_unit_leave_room_for_those_of_gunicorn(
    folder: Path, service: dict[str, str]
) -> None:
    settings = runpy.run_path(str(folder / "gunicorn.conf.py"))
    assert int(service["TimeoutStopSec"]) > settings["graceful_timeout"]
    assert int(service["LimitNOFILE"]) > settings["worker_connections"]
