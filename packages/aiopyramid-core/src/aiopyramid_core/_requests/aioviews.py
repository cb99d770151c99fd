"""The command ``aioviews``, a companion of Pyramid's ``pviews`` and ``proutes``."""

import argparse
import sys
from collections.abc import Sequence

from pyramid.paster import bootstrap
from pyramid.scripts.common import parse_vars

from .placement import has_placement, placement_of
from .report import report

__all__ = ("main",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print where the requests of an application run, and why.

    Args:
        arguments: The command-line arguments; by default those of this process.

    Returns:
        The exit status: 1 if the application does not include ``aiopyramid_core``.
    """
    parser = argparse.ArgumentParser(
        prog="aioviews",
        description="Print for each route and view of a Pyramid application whether its requests"
        " run on the event loop or in a thread, and why.",
    )
    parser.add_argument(
        "config_uri", help="the configuration file, such as development.ini or production.ini#name"
    )
    parser.add_argument(
        "config_vars", nargs="*", help="variables of the file, such as http_port=8080"
    )
    options = parser.parse_args(arguments)
    with bootstrap(options.config_uri, options=parse_vars(options.config_vars)) as environment:
        registry = environment["registry"]
        if not has_placement(registry):
            print(
                f"{options.config_uri}: the application does not include aiopyramid_core. Call"
                " config.include('aiopyramid_core'), or list it in pyramid.includes",
                file=sys.stderr,
            )
            return 1
        print(report(placement_of(registry)))
    return 0
