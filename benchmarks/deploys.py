"""Reload a server again and again while event streams and WebSockets listen to a group.

The clients reconnect as browsers do, and resume after the last message that they have got. Messages
are sent to their group, over Redis, at a steady rate. For each server there are counted:

* how long a client was away, from the end of its connection until it was a member again;
* how long after the end of its worker's process it was a member again, if it was not before;
* the messages that a client has not got although it was told to resync, those that it has not got
  without having been told, and those that it has got twice or in another order;
* connections that were refused, cut off, or answered with an error.

gunicorn, uWSGI and uvicorn, with two workers each, are reloaded by SIGHUP. With uWSGI this replaces
the master, which loads the application after all workers have ended: therefore its chain reload is
measured as well, which replaces one worker after the other. The exit status is not 0 if a message
was lost without a sign or came in another order, or if a client was not back within a second of its
worker's end, except in the first case.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import uvloop
from _common.report import Presentation, Table, make_parser, positive, progress, report
from _common.results import Results, Sample
from _common.servers import allow_connections

sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("tests/support", "tools")]
from deploy_load import DeployLoad, Sender
from deployed_servers import SERVERS, deployed
from redis_server import redis_server

from aiopyramid_groups.publisher import Publisher

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-groups", "aiopyramid-gunicorn", "aiopyramid-uwsgi"),
    *("aiopyramid-asgi", "gunicorn", "uvicorn", "redis", "uvloop"),
)
QUIET_SECONDS: Final = 1.0
"""How long to send messages before and after a reload."""

BAR_SECONDS: Final = 1.0
"""How long after the end of its worker a client may be away."""


async def measure(server: str, url: str, options: argparse.Namespace) -> Sample:
    """Reload a server; return what its clients saw."""
    folder = Path(tempfile.mkdtemp(prefix="deploys"))
    process = await asyncio.to_thread(deployed, server, url, options.clients * 2, folder)
    try:
        with Publisher(url) as publisher:
            sender = Sender(lambda text: publisher.send("news", text), options.rate)
            load = DeployLoad(process.port, events=options.clients, websockets=options.clients)
            async with load, sender.running():
                for number in range(1, options.reloads + 1):
                    await asyncio.sleep(QUIET_SECONDS)
                    await load.reloaded(process.reload)
                    await asyncio.to_thread(process.wait)
                    progress(f"{server}: {number} reloads")
                await asyncio.sleep(QUIET_SECONDS)
                await sender.end()
                await load.until_received(sender.sent)
    finally:
        await asyncio.to_thread(process.close)
        shutil.rmtree(folder)
    return figures(server, load, sender)


def figures(server: str, load: DeployLoad, sender: Sender) -> Sample:
    """Return the figures of a server."""
    missing = [client.missing(sender.sent) for client in load.clients]
    ends: Counter[str] = Counter()
    for client in load.clients:
        ends.update(client.ends)
    sample: dict[str, Any] = {
        "server": server,
        "sent": len(sender.sent),
        "missing_told": sum(told for told, _ in missing),
        "missing_silently": sum(silent for _, silent in missing),
        "resyncs": sum(client.got.count(None) for client in load.clients),
        "disorder": sum(client.disorder() for client in load.clients),
        "ends": dict(ends),
    }
    for kind in ("events", "websocket"):
        returns = [
            each for client in load.clients if client.kind == kind for each in client.returns
        ]
        away = [each.back_at - each.lost_at for each in returns]
        after = [each.back_at - load.ended[each.worker] for each in returns]
        sample |= {
            f"{kind}_returns": len(returns),
            f"{kind}_median": median(away),
            f"{kind}_p99": quantiles(away, n=100)[98],
            f"{kind}_longest": max(away),
            f"{kind}_after_end": max(after),
        }
    return sample


def tables(results: Results) -> list[Table]:
    """Return the tables to print."""
    away, lost = [], []
    for each in results.samples:
        for kind, name in (("events", "event streams"), ("websocket", "WebSockets")):
            away.append(
                [
                    f"{each['server']}, {name}",
                    f"{each[f'{kind}_returns']:,}",
                    *(f"{each[f'{kind}_{what}']:.2f}" for what in ("median", "p99", "longest")),
                    f"{each[f'{kind}_after_end']:.2f}",
                ]
            )
        lost.append(
            [
                each["server"],
                f"{each['sent']:,}",
                *(f"{each[what]:,}" for what in ("missing_silently", "disorder", "missing_told")),
                f"{each['resyncs']:,}",
                "; ".join(f"{count:,} {how}" for how, count in each["ends"].items()),
            ]
        )
    title = "{clients} event streams and {clients} WebSockets over {reloads} reloads".format(
        **results.parameters
    )
    columns = [
        "Clients",
        "returns",
        "away, median s",
        "p99 s",
        "longest s",
        "after the end, at most s",
    ]
    messages = ["Server", "messages", "missing, not told", "not in order"]
    messages += ["missing, told to resync", "told to resync", "ends of connections"]
    return [Table(title, columns, away), Table("Messages and connections", messages, lost)]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return ["2 workers; {rate} messages/s; nothing pinned".format(**results.parameters)]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print; fail if a message or a client was lost."""
    parser = make_parser(__doc__, rounds=None)
    parser.add_argument("--clients", type=positive, default=500, help="of each kind")
    parser.add_argument("--reloads", type=positive, default=10, help="how many")
    parser.add_argument("--rate", type=positive, default=4, help="messages a second")
    parser.add_argument("--server", choices=SERVERS, action="append", help="only this one")
    options = parser.parse_args()
    allow_connections(4 * options.clients)
    samples = []
    with redis_server() as redis:
        for server in options.server or SERVERS:
            # uvloop, because on a machine of two processors the clients take time from the server.
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                samples.append(runner.run(measure(server, redis.url, options)))
            progress(str(samples[-1]))
    report(SHOW, options, samples)
    if any(each["missing_silently"] or each["disorder"] for each in samples):
        sys.exit("Messages were lost without a sign.")
    if any(
        each[f"{kind}_after_end"] > BAR_SECONDS
        for each in samples
        if each["server"] != "uWSGI"
        for kind in ("events", "websocket")
    ):
        sys.exit("Clients were away for too long.")


if __name__ == "__main__":
    main()
