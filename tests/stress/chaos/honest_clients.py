"""Honest clients, which count their answers and attribute the missing ones.

A connection is kept as long as the server keeps it. A request whose connection breaks is lost,
unless the worker that served the connection was killed.
"""

import asyncio
import contextlib
import random
import time
from typing import Final

from chaos_tally import Tally, next_number
from honest_acts import (
    DATABASE_SHARES,
    REQUESTS,
    SHARES,
    Act,
    ComeAgain,
    Connection,
    Refused,
    Wrong,
    websocket,
    websocket_that_stays,
)

PATIENCE_SECONDS: Final = 60.0
"""For one answer."""


class HonestClients:
    """So many connections with one request after the other, and WebSockets that come and go.

    Args:
        port: Where the server listens, on 127.0.0.1.
        rate: Requests a second, of all connections.
        websocket_rate: WebSocket connections a second.
        dice: The source of random choices.
        with_database: Whether there is one to write to.

    Attributes:
        stopping: Set it to end them; requests under way are waited for.
    """

    CONNECTIONS: Final = 32

    def __init__(
        self,
        port: int,
        rate: float,
        websocket_rate: float,
        dice: random.Random,
        *,
        with_database: bool,
    ) -> None:
        self._port = port
        self._websocket_pause_seconds = 1 / websocket_rate
        self._dice = dice
        self._shares = SHARES | (DATABASE_SHARES if with_database else {})
        requests = sum(REQUESTS.get(act, 1) * share for act, share in self._shares.items())
        mean = requests / sum(self._shares.values())
        self._pause_seconds = self.CONNECTIONS * mean / rate
        self.stopping = asyncio.Event()

    async def run(self, tally: Tally) -> None:
        """Run them until they are to stop."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.CONNECTIONS):
                group.create_task(self._requests(tally, number))
            group.create_task(self._websockets(tally, group))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    async def _requests(self, tally: Tally, client: int) -> None:
        connection = None
        due = time.monotonic() + self._dice.random() * self._pause_seconds
        while not self.stopping.is_set():
            await self._pause(due - time.monotonic())
            # As often as is wanted, unless the server is too slow for it.
            due = max(due, time.monotonic() - 1) + self._dice.uniform(0.5, 1.5) * (
                self._pause_seconds
            )
            (act,) = self._dice.choices([*self._shares], [*self._shares.values()])
            mark = f"{client}-{next_number()}"
            if connection is not None and connection.has_ended:
                await connection.close()
                connection = None
            try:
                connection = connection or await Connection.open(self._port)
            except OSError as error:
                tally.lost(act.__name__, mark, error)
                continue
            if not await self._do(tally, act, mark, connection):
                connection.ends = True
        if connection is not None:
            await connection.close()

    async def _do(self, tally: Tally, act: Act, mark: str, connection: Connection) -> bool:
        """Do something once, note what came of it, and return whether the connection is good."""
        name, started = act.__name__, time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await act(connection, mark)
        except (OSError, EOFError, TimeoutError) as error:
            if tally.was_killed(connection.port, connection.opened):
                tally.cut[name] += 1
            else:
                tally.lost(name, mark, error)
        except Wrong as error:
            tally.wrong(name, mark, error)
        except ComeAgain:
            tally.told_to_come_again[name] += 1
        except Refused as error:
            if tally.database_was_away(started):
                tally.refused[name] += 1
                return True
            tally.wrong(name, mark, error)
        else:
            tally.answered(name, mark, time.monotonic() - started, REQUESTS.get(act, 1))
            return True
        return False

    async def _websockets(self, tally: Tally, group: asyncio.TaskGroup) -> None:
        due = time.monotonic()
        while not self.stopping.is_set():
            await self._pause(due - time.monotonic())
            due = max(due, time.monotonic() - 1) + self._websocket_pause_seconds
            if tally.open_websockets < 500:
                group.create_task(self._websocket(tally))

    async def _websocket(self, tally: Tally) -> None:
        act = websocket_that_stays if self._dice.random() < 0.03 else websocket
        mark = f"ws-{next_number()}"
        try:
            connection = await Connection.open(self._port)
        except OSError as error:
            tally.lost(act.__name__, mark, error)
            return
        tally.open_websockets += 1
        try:
            await self._do(tally, act, mark, connection)
        finally:
            tally.open_websockets -= 1
            await connection.close()
