"""A PostgreSQL server of the tests' own."""

import contextlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    program = find_program(
        "initdb", package="postgresql", elsewhere=["usr/lib/postgresql/*/bin/initdb"]
    )
    # Debian keeps the server's programs together, away from PATH.
    programs = Path(program).resolve().parent
    # Not pytest's folder: a socket's path may have no more than 107 bytes.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        user = _unprivileged_user(Path(folder))

        def run(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [programs / program, "-D", f"{folder}/data", *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                **user,
            )
            assert done.returncode == 0, f"{program}: {done.stdout}"

        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        options += f" -c max_connections={most_connections} -c max_prepared_transactions=20"
        run("pg_ctl", "start", "-w", "-s", "-l", f"{folder}/log", "-o", options)
        try:
            yield folder
        finally:
            run("pg_ctl", "stop", "-s", "-m", "immediate")


def _unprivileged_user(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: hand the folder over to somebody else."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
