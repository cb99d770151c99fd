"""A PostgreSQL server of the tests' own."""

import contextlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from system_programs import find_program


@contextlib.contextmanager
def postgres_server(*, most_connections: int = 100) -> Iterator[str]:
    """Run a server that listens on a Unix socket; return the socket's folder.

    Anybody may connect as ``postgres``.

    Args:
        most_connections: How many connections there may be at the same time.

    Raises:
        ProgramMissingError: PostgreSQL is not installed, and cannot be.
    """
    # Not pytest's folder: a socket's path may have no more than 107 bytes.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        _hand_over(Path(folder))
        initial = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        _run("initdb", folder, *initial)
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        options += f" -c max_connections={most_connections} -c max_prepared_transactions=20"
        _start(folder, options)
        try:
            yield folder
        finally:
            _run("pg_ctl", folder, "stop", "-s", "-m", "immediate")


@contextlib.contextmanager
def stopped(folder: str, mode: Literal["fast", "immediate"]) -> Iterator[None]:
    """Stop a server, and start it again at the end of the block.

    Args:
        folder: The folder that :func:`postgres_server` has returned.
        mode: How to stop it: ``fast`` rolls transactions back, ``immediate`` is a crash.
    """
    options = Path(folder, "options").read_text()
    _run("pg_ctl", folder, "stop", "-s", "-m", mode)
    try:
        yield
    finally:
        _start(folder, options)


def _start(folder: str, options: str) -> None:
    Path(folder, "options").write_text(options)
    _run("pg_ctl", folder, "start", "-w", "-s", "-l", f"{folder}/log", "-o", options)


def _run(program: str, folder: str, *arguments: str) -> None:
    found = find_program(
        "initdb", package="postgresql", elsewhere=["usr/lib/postgresql/*/bin/initdb"]
    )
    # Debian keeps the server's programs together, away from PATH.
    path = Path(found).resolve().parent / program
    owner = Path(folder).stat()
    is_ours = owner.st_uid == os.geteuid()
    done = subprocess.run(
        [path, "-D", f"{folder}/data", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=None if is_ours else owner.st_uid,
        group=None if is_ours else owner.st_gid,
        extra_groups=None if is_ours else [],
    )
    assert done.returncode == 0, f"{program}: {done.stdout}"


def _hand_over(folder: Path) -> None:
    """PostgreSQL refuses to run as root: give the folder to somebody else."""
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
