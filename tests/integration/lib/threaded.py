"""A plain WSGI server with a thread for each request, as mod_wsgi's daemon processes are.

``python -m threaded MODULE`` serves ``MODULE.main()``.
"""

import logging
import sys
from importlib import import_module

from aiopyramid_core.testing._threaded_server import ThreadedServer


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    ThreadedServer(import_module(sys.argv[1]).main()).serve_until_interrupted()


main()
