"""Redis with a replica and a sentinel: the workers follow the master when it fails, also by TLS."""

import asyncio
import uuid

import pytest
from certificates import make_certificate
from redis_server import redis_sentinel

from aiopyramid_groups import GroupsError
from aiopyramid_groups.publisher import Publisher


@pytest.fixture
def loop_factory():
    """One kind of loop is enough here."""
    return asyncio.new_event_loop


@pytest.fixture(params=["plain", "encrypted"])
def sentinel(request, tmp_path):
    """Run a master, a replica and a sentinel; return the URL and the master."""
    certificate = make_certificate(tmp_path) if request.param == "encrypted" else None
    with redis_sentinel(certificate) as (url, master):
        yield url, master


async def sent(send):
    """Send until there is a master; on a busy machine the new one seems to be away again."""
    while True:
        try:
            return await send()
        except GroupsError:
            await asyncio.sleep(0.1)


async def test_members_stay_when_a_replica_becomes_the_master(site, sentinel):
    url, master = sentinel
    prefix = uuid.uuid4().hex
    settings = {"aiopyramid.groups.url": url, "aiopyramid.groups.prefix": prefix}
    settings["aiopyramid.groups.heartbeat"] = "0.3"
    async with site(**settings) as worker, worker.client("/room?who=ada") as ada:
        await worker.group().send("before")
        while await ada.recv() != "before":
            pass  # told to resync, if the machine was too busy to connect before she joined
        await asyncio.to_thread(master.kill)
        await sent(lambda: worker.group().send("after"))
        received = [await ada.recv()]
        while received[-1] != "after":
            received.append(await ada.recv())
        assert "resync" in received  # the replica may not have had everything
        assert await worker.group().members() == ["ada"]
        with Publisher(url, prefix=prefix) as publisher:
            await sent(lambda: asyncio.to_thread(publisher.send, "room", "from a script"))
        while await ada.recv() != "from a script":
            pass
