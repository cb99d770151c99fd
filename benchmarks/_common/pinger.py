"""A program that asks for a page every few milliseconds, and prints the time of the slowest answer.

``python pinger.py http://127.0.0.1:8000 /ping`` prints a line after the first answer. When it can
read a line, it prints the seconds of the slowest answer, and ends.
"""

import http.client
import select
import sys
import time
from typing import Final
from urllib.parse import urlsplit

PAUSE_SECONDS: Final = 0.01


def main(address: str, path: str) -> None:
    """Ask until there is a line to read."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc)

    def ping() -> float:
        start = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status
        return time.perf_counter() - start

    ping()
    print("ready", flush=True)
    slowest = 0.0
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        slowest = max(slowest, ping())
    print(slowest)


if __name__ == "__main__":
    main(*sys.argv[1:])
