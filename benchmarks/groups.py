"""What a message to many WebSockets costs: groups on Redis beside ``websockets.broadcast``.

    python benchmarks/groups.py --members 2000 --messages 200

Each server has one worker, whose CPU time is read from the kernel while messages are published to
one Redis, which must listen on port 6379 or ``--redis``. Clients are in a process of their own.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import redis
from websockets.asyncio.client import connect

from aiopyramid_groups.publisher import Publisher

APPLICATION = """
from pyramid.config import Configurator
from aiopyramid_groups import group_of

async def chat(request, ws):
    async with group_of(request, "room").join(ws):
        await ws.send("joined")
        async for message in ws:
            pass

def main():
    settings = {"aiopyramid.groups.url": %r, "aiopyramid.websocket.compression": "none"}
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_groups")
        config.add_route("chat", "/")
        config.add_websocket_view(chat, route_name="chat")
        return config.make_wsgi_app()
"""

BARE = """
import asyncio, sys, redis.asyncio, uvloop
from websockets.asyncio.server import broadcast, serve

clients = set()

async def chat(ws):
    clients.add(ws)
    await ws.send("joined")
    await ws.wait_closed()
    clients.discard(ws)

async def main():
    pubsub = redis.asyncio.Redis.from_url(%r).pubsub()
    await pubsub.subscribe("room")
    async with serve(chat, "127.0.0.1", %d, compression=None):
        async for message in pubsub.listen():
            if message["type"] == "message":
                broadcast(clients, message["data"].decode())

uvloop.run(main())
"""


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children that still run."""
    processes = [pid]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    processes += map(int, children)
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def read(site: str, members: int, messages: int) -> None:
    """Be all clients: say when they are connected, and when they have got everything."""
    clients: list[object] = []
    for _ in range(members):
        client = await connect(site, compression=None, ping_interval=None)
        assert await client.recv() == "joined"
        clients.append(client)
    print("connected", flush=True)

    async def take(client: object) -> None:
        for _ in range(messages):
            await client.recv()  # type: ignore[attr-defined]

    await asyncio.gather(*map(take, clients))
    print("complete", flush=True)


def measure(name: str, command: list[str], arguments: argparse.Namespace, folder: Path) -> float:
    """Return the CPU microseconds of a server for each message to each member."""
    server = subprocess.Popen(command, cwd=folder)
    try:
        time.sleep(2)
        reader = subprocess.Popen(
            [
                *(sys.executable, __file__, "--read", f"ws://127.0.0.1:{arguments.port}/"),
                *("--members", str(arguments.members), "--messages", str(arguments.messages)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert reader.stdout is not None
        assert reader.stdout.readline() == "connected\n"
        before = cpu_seconds(server.pid)
        with Publisher(arguments.redis) as publisher:
            client = redis.Redis.from_url(arguments.redis)
            for number in range(arguments.messages):
                if name == "groups":
                    publisher.send("room", f"message {number}")
                else:
                    client.publish("room", f"message {number}")
                time.sleep(arguments.pause)
        assert reader.stdout.readline() == "complete\n"
        seconds = cpu_seconds(server.pid) - before
        reader.wait()
        return seconds / arguments.messages / arguments.members * 1e6
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Measure both, or read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=2000)
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two messages")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/0")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        asyncio.run(read(arguments.read, arguments.members, arguments.messages))
        return
    folder = Path("build/groups")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "groups_application.py").write_text(APPLICATION % arguments.redis)
    (folder / "bare.py").write_text(BARE % (arguments.redis, arguments.port))
    gunicorn = [
        *(sys.executable, "-m", "gunicorn", "groups_application:main()", "--workers", "1"),
        *("--worker-class", "aiopyramid_gunicorn.worker.AsyncGunicornWorker"),
        *("--worker-connections", "20000", "--log-level", "warning", "--no-control-socket"),
        *("--bind", f"127.0.0.1:{arguments.port}"),
    ]
    for name, command in {"groups": gunicorn, "bare": [sys.executable, "bare.py"]}.items():
        cost = measure(name, command, arguments, folder)
        print(f"{name:8} {cost:6.2f} us of CPU for a message to a member", flush=True)


if __name__ == "__main__":
    main()
