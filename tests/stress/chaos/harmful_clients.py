"""Harmful clients, as a program: so many at a time, in a process of their own. ::

    python tests/stress/chaos/harmful_clients.py --port 8080 --clients 4 --seed 7

They run until SIGTERM, or until the process that started them is gone, and print a report as JSON
every ten seconds and at the end.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).parents[2] / "support"))
from harmful_acts import ACTS, Act, Client, Harmed

PATIENCE_SECONDS: Final = 20.0
"""For one of them; the server times out long before."""

REPORT_SECONDS: Final = 10.0
"""How often to say what was done."""


class HarmfulClients:
    """So many of them at a time.

    Args:
        port: Where the server listens, on 127.0.0.1.
        pause_seconds: How long each of them rests on average before the next act.
        dice: The source of random choices.
    """

    def __init__(self, port: int, pause_seconds: float, dice: random.Random) -> None:
        self._port = port
        self._pause_seconds = pause_seconds
        self._dice = dice
        self._deck: list[Act] = []
        self._done: Counter[str] = Counter()
        self._harmed: list[str] = []

    async def run(self, clients: int) -> None:
        """Run so many, until this process is told to stop, or its parent is gone."""
        stopping, parent = asyncio.Event(), os.getppid()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        tasks = [asyncio.create_task(self._client()) for _ in range(clients)]
        while not stopping.is_set() and os.getppid() == parent:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), REPORT_SECONDS)
            self._say()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    def _say(self) -> None:
        print(json.dumps({"done": self._done, "harmed": self._harmed}), flush=True)

    def _next_act(self) -> Act:
        """Return an act; each has its turn before any of them has another one."""
        if not self._deck:
            self._deck = self._dice.sample(ACTS, len(ACTS))
        return self._deck.pop()

    async def _client(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(0, 2 * self._pause_seconds))
            act = self._next_act()
            # Whatever the server does to the connection: most of them ask for no better.
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                try:
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await self._do(act)
                except Harmed as error:
                    self._harmed.append(f"{act.__name__}: {error}")
            self._done[act.__name__] += 1

    async def _do(self, act: Act) -> None:
        client = Client(*await asyncio.open_connection("127.0.0.1", self._port), self._dice)
        try:
            await act(client)
        finally:
            client.writer.close()


def main() -> None:
    """Do harm until told to stop."""
    parser = argparse.ArgumentParser(description="Be harmful clients of a server under test.")
    parser.add_argument("--port", type=int, required=True, help="where it listens, on 127.0.0.1")
    parser.add_argument("--clients", type=int, default=4, help="how many at a time")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between their acts")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    asyncio.run(HarmfulClients(options.port, options.pause, dice).run(options.clients))


if __name__ == "__main__":
    main()
