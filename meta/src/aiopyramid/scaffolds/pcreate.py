"""The command ``pcreate``, which Pyramid has removed: ``pcreate -s aio_starter PROJECT``."""

import argparse
from pathlib import Path

from ._create import create_project
from ._templates import SCAFFOLDS
from .exceptions import ScaffoldError

__all__ = ("main",)


def main(arguments: list[str] | None = None) -> None:
    """Run the command.

    Args:
        arguments: The arguments; None for those of the command line.

    Raises:
        SystemExit: With status 2, after a message, if the arguments are invalid or the project was
            not created; with 0 after the help.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list:
        _list()
        return
    if options.scaffold is None or options.project is None:
        parser.error("name a scaffold and a project, as in 'pcreate -s aio_starter hello'")
    try:
        folder = create_project(options.scaffold, options.project, options.package_name)
    except (ScaffoldError, OSError) as error:
        parser.exit(2, f"pcreate: {error}.\n")
    print(
        f"Created {folder}. Next:\n\n"
        f"    cd {options.project}\n"
        '    pip install -e ".[dev]"\n'
        "    pserve development.ini\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pcreate", description="Create a Pyramid project on asyncio."
    )
    parser.add_argument("project", nargs="?", type=Path, help="the folder to create, with its path")
    parser.add_argument("-s", "-t", "--scaffold", help="what to create it from; see --list")
    parser.add_argument("-l", "--list", action="store_true", help="list the scaffolds and end")
    parser.add_argument(
        "--package-name", metavar="NAME", help="the Python package; made from the folder's name"
    )
    return parser


def _list() -> None:
    width = max(map(len, SCAFFOLDS))
    print("Scaffolds:")
    for scaffold in SCAFFOLDS.values():
        print(f"    {scaffold.name:{width}}  {scaffold.summary}")
