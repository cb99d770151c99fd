"""Check that nothing in the repository names the host of a package registry.

People install from mirrors, company indexes and offline folders. The choice belongs in each
machine's configuration, and no file or commit message here may override it. The hosts to look for
are not listed here, because that would name them: they come from this machine's package clients.

Run it anywhere in the repository::

    python tools/check_neutral.py
    python tools/check_neutral.py --host mirror.example.com     # look for this host as well
    python tools/check_neutral.py --merged origin/main          # skip the messages of this branch

Only the commit messages that are not on the main branch yet are checked: merged ones were checked
before, and can no longer be changed.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pip._internal.models.index import PyPI, TestPyPI

APT = Path("/etc/apt")


def main() -> None:
    """Exit with a message that lists each place where a host is named."""
    parser = argparse.ArgumentParser(description="Look for the hosts of package registries.")
    parser.add_argument("--host", action="append", default=[], help="another host to look for")
    parser.add_argument("--merged", help="the branch whose messages need no check")
    arguments = parser.parse_args()
    hosts = {*arguments.host, *known_hosts(client_answers())}
    merged = arguments.merged or main_branch()
    places = [*named_in_files(hosts), *named_in_messages(hosts, merged)]
    if places:
        sys.exit(
            "A package registry is named here; write `the package index` or remove it:\n  "
            + "\n  ".join(places)
        )


def client_answers() -> Iterator[str]:
    """Yield the answers of this machine's package clients about where they download from."""
    for index in (PyPI, TestPyPI):
        yield f"{index.simple_url} https://{index.file_storage_domain}"
    yield output(sys.executable, "-m", "pip", "config", "list")
    if shutil.which("npm"):
        yield output("npm", "config", "get", "registry")
    for pattern in ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources"):
        for file in APT.glob(pattern):
            yield file.read_text(encoding="utf-8", errors="replace")


def known_hosts(answers: Iterable[str]) -> set[str]:
    """Return the hosts of all addresses in the answers, without this machine's own.

    A host without a dot (``localhost``) or a loopback address names no registry, and our own
    documentation is full of them.
    """
    found = re.findall(r"https?://(?:[^\s/@]*@)?([\w.-]+)", "\n".join(answers))
    return {host.lower() for host in found if "." in host and not host.startswith("127.")}


def named_in_files(hosts: Iterable[str]) -> Iterator[str]:
    """Yield ``file:line: host`` for the files that are tracked or could be added."""
    listed = output("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", ":/")
    for name in sorted(set(listed.split("\0"))):
        file = Path(name)
        if name and file.is_file():  # a deleted file can still be listed
            yield from named_in(file.read_text(encoding="utf-8", errors="replace"), name, hosts)


def main_branch() -> str | None:
    """Return the branch into which others are merged, or None if there is none."""
    names = ("refs/remotes/origin/main", "refs/heads/main")
    known = output("git", "for-each-ref", "--format=%(HEAD)%(refname)", *names).splitlines()
    # An asterisk instead of the space marks the branch that is checked out. A branch does not count
    # as merged into itself: on main, commits that are not pushed yet are new.
    return next((name for name in names if f" {name}" in known), None)


def named_in_messages(hosts: Iterable[str], merged: str | None) -> Iterator[str]:
    """Yield ``commit …:line: host`` for the commit messages up to HEAD that are not merged yet."""
    # --ignore-missing: in a new repository HEAD names no commit yet.
    new = ["HEAD"] if merged is None else ["HEAD", "--not", merged]
    log = output("git", "log", "-z", "--format=%h%n%B", "--ignore-missing", *new, "--")
    for entry in filter(None, log.split("\0")):
        commit, _, message = entry.partition("\n")
        yield from named_in(message, f"commit {commit}", hosts)


def named_in(text: str, where: str, hosts: Iterable[str]) -> Iterator[str]:
    """Yield a place for every line of the text and every host that it names."""
    lowered = text.lower()
    for host in sorted(hosts):
        if host in lowered:
            for number, line in enumerate(lowered.splitlines(), start=1):
                if host in line:
                    yield f"{where}:{number}: {host}"


def output(*command: str) -> str:
    """Return the standard output of a command; exit if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"`{' '.join(command)}` failed: see its message above.")
    return done.stdout


if __name__ == "__main__":
    main()
