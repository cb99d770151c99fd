"""A user of Redis who may do what the README of aiopyramid-groups lists, and no more."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from redis_server import RedisServer

README: Final = Path(__file__).parents[2] / "packages" / "aiopyramid-groups" / "README.md"


def documented_commands(server: RedisServer) -> list[str]:
    """Return the commands that a user needs.

    Args:
        server: Where; newer servers know more commands.
    """
    commands = _names_after(r"and\s+the\s+commands")
    major, minor, *_ = server.client().info("server")["redis_version"].split(".")
    if (int(major), int(minor)) >= (7, 2):
        commands += _names_after(r"From\s+Redis\s+7\.2\s+on,\s+permit")
    return commands


def documented_commands_on_a_cluster() -> list[str]:
    """Return the commands that a user needs there beside the others."""
    return _names_after(r"On\s+a\s+cluster,\s+the\s+user\s+needs")


def _names_after(words: str) -> list[str]:
    sentence = re.search(words + r"\s([^.:]*)[.:]", README.read_text(encoding="utf-8"))
    assert sentence is not None
    return re.findall(r"`([\w|]+)`", sentence[1])


def make_user(
    server: RedisServer, prefix: str, commands: Iterable[str], *, channels: bool = True
) -> str:
    """Make a user for an application, or change it.

    Args:
        server: Where.
        prefix: The application's ``prefix``, and the user's name.
        commands: The commands that are permitted.
        channels: Whether the application's channels are permitted.

    Returns:
        The user's URL of the server.
    """
    rules = ["on", ">secret", f"~{{{prefix}:*", "resetchannels", *(f"+{name}" for name in commands)]
    if channels:
        rules.append(f"&{{{prefix}:*")
    server.client().execute_command("ACL", "SETUSER", prefix, "reset", *rules)
    return server.url.replace("//", f"//{prefix}:secret@")
