"""Code that the benchmarks share.

``results``
    What was measured and where; the JSON files.
``chart``
    What a chart shows.
``report``
    Command lines, progress, statistics, and how results are shown.
``commands``
    The commands that start the servers.
``http_request``
    The requests of a load, and their answers.
``servers``
    Starting, pinning and stopping servers; their CPU time.
``http_client``
    A client that tells how long each answer takes.
``wrk``
    The load generator of ``hello.py``, ``api.py``, ``connections.py``, ``waiting.py`` and
    ``against_checkout.py``.
``load``
    Several servers under load, in turn.
``load_options``
    The command line of a benchmark that does this.
``load_table``
    The table that it prints.
"""

from typing import Final

HELLO: Final = b"Hello, world"
"""The body that every view returns, and every client expects."""

WAIT_SECONDS: Final = 0.2
"""How long a view waits that does wait."""

SHORT_WAIT_SECONDS: Final = 0.1
"""How long the views under ``/short`` wait."""

BLOCK_SECONDS: Final = 1.0
"""How long the views under ``/block`` hold their threads."""
