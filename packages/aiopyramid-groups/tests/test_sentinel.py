"""Redis with a replica and a sentinel: the workers follow the master when it fails."""

import asyncio
import time
import uuid

import pytest
from reader import free_port
from redis_server import redis_server
from server_process import Process
from system_programs import find_program

from aiopyramid_groups import GroupsError
from aiopyramid_groups.publisher import Publisher


@pytest.fixture
def loop_factory():
    """One kind of loop is enough here."""
    return asyncio.new_event_loop


@pytest.fixture
def sentinel(tmp_path):
    """Run a master, a replica and a sentinel; return the URL and the master."""
    with (
        redis_server() as master,
        redis_server(
            *("--appendonly", "no", "--replicaof", f"127.0.0.1 {master.port}"),
            *("--repl-diskless-sync-delay", "0"),
        ) as replica,
    ):
        deadline = time.monotonic() + 20
        while replica.client().info()["master_link_status"] != "up":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        port = free_port()
        configuration = tmp_path / "sentinel.conf"
        configuration.write_text(
            f"port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        )
        program = find_program("redis-server", package="redis-server")
        process = Process([program, str(configuration), "--sentinel"], {})
        try:
            process.said(r"\+slave slave")
            yield f"redis+sentinel://127.0.0.1:{port}/main/0", master
        finally:
            process.close()


async def test_members_stay_when_a_replica_becomes_the_master(site, sentinel):
    url, master = sentinel
    prefix = uuid.uuid4().hex
    settings = {"aiopyramid.groups.url": url, "aiopyramid.groups.prefix": prefix}
    settings["aiopyramid.groups.heartbeat"] = "0.3"
    async with site(**settings) as worker, worker.client("/room?who=ada") as ada:
        await worker.group().send("before")
        assert await ada.recv() == "before"
        await asyncio.to_thread(master.kill)
        while True:
            try:
                await worker.group().send("after")
                break
            except GroupsError:
                await asyncio.sleep(0.1)
        received = [await ada.recv()]
        while received[-1] != "after":
            received.append(await ada.recv())
        assert "resync" in received  # the replica may not have had everything
        assert await worker.group().members() == ["ada"]
        with Publisher(url, prefix=prefix) as publisher:
            await asyncio.to_thread(publisher.send, "room", "from a script")
        while await ada.recv() != "from a script":
            pass
