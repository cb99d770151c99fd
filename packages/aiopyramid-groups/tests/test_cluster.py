"""Redis Cluster: three masters, one of which has a replica."""

import asyncio
import contextlib
import uuid

import pytest
from redis.crc import key_slot
from redis_server import redis_cluster, redis_server
from redis_user import documented_commands, documented_commands_on_a_cluster, make_user

from aiopyramid_core import StartupError
from aiopyramid_groups import EngineUnavailable, GroupsError, NotSent
from aiopyramid_groups._redis.keys import worker_key
from aiopyramid_groups._redis.slots import SlotMap
from aiopyramid_groups.publisher import Publisher


@pytest.fixture
def loop_factory():
    """One kind of loop is enough here."""
    return asyncio.new_event_loop


@pytest.fixture(scope="module")
def cluster():
    with redis_cluster() as servers:
        yield servers


@pytest.fixture
def worker(site, cluster):
    """Make a worker of one application, different for each test."""
    prefix = uuid.uuid4().hex
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in cluster[1:3])

    def worker(**settings):
        settings = {
            "url": f"redis+cluster://{hosts}",
            "prefix": prefix,
            "heartbeat": 0.3,
        } | settings
        return site(**{f"aiopyramid.groups.{name}": value for name, value in settings.items()})

    worker.prefix = prefix
    worker.url = f"redis+cluster://{hosts}"
    return worker


def group_on(cluster, prefix, number):
    """Return the name of a group on a master."""
    slots = SlotMap(cluster[1].client().execute_command("CLUSTER", "SLOTS"), ("127.0.0.1", 0))
    names = (f"room{n}" for n in range(1000))
    wanted = ("127.0.0.1", cluster[number].port)
    return next(name for name in names if slots.server_of(f"{{{prefix}:{name}}}") == wanted)


async def test_groups_on_all_masters_work_as_on_one_server(worker, cluster):
    rooms = [group_on(cluster, worker.prefix, number) for number in range(3)]
    before = [server.client().info()["connected_clients"] for server in cluster[:3]]
    async with worker() as one, worker() as two:
        with Publisher(worker.url, prefix=worker.prefix) as publisher:
            for room in rooms:
                async with one.client(f"/{room}?who=ada") as ada, two.client(f"/{room}") as bob:
                    first = await asyncio.to_thread(publisher.send, room, "from a script")
                    sends = [
                        each.group(room).send(str(n)) for n in range(20) for each in (one, two)
                    ]
                    await asyncio.gather(*sends)
                    received = await ada.take(41)
                    assert received == await bob.take(41)
                    assert received[0] == "from a script"
                    async with two.client(f"/{room}?after={first}") as late:
                        assert await late.take(40) == received[1:]
                    assert await two.group(room).members() == ["ada"]
        after = [server.client().info()["connected_clients"] for server in cluster[:3]]
        assert [b - a for a, b in zip(before, after, strict=True)] == [4, 4, 4]
    assert last_parts(cluster, worker.prefix) == {b"stream", b"run"}


async def test_a_user_needs_what_the_readme_lists(worker, cluster):
    commands = documented_commands(cluster[0]) + documented_commands_on_a_cluster()
    urls = [make_user(server, worker.prefix, commands) for server in cluster]
    url = urls[0].replace("redis://", "redis+cluster://").removesuffix("/0")
    rooms = [group_on(cluster, worker.prefix, number) for number in range(3)]
    async with worker(url=url) as one, worker(url=url) as two:
        for room in rooms:
            async with one.client(f"/{room}?who=ada") as ada:
                first = await two.group(room).send("x")
                assert await ada.recv() == "x"
                assert await two.group(room).members() == ["ada"]
                with Publisher(url, prefix=worker.prefix) as publisher:
                    await asyncio.to_thread(publisher.send, room, "y")
                assert len((await two.group(room).history(first))[0]) == 1
    refused = [entry for server in cluster for entry in server.client().acl_log()]
    assert [entry for entry in refused if entry["username"] == worker.prefix] == []


@pytest.mark.parametrize("command", documented_commands_on_a_cluster())
async def test_each_of_them_is_needed(worker, cluster, command, caplog):
    commands = documented_commands(cluster[0]) + documented_commands_on_a_cluster()
    commands.remove(command)
    urls = [make_user(server, worker.prefix, commands) for server in cluster]
    url = urls[0].replace("redis://", "redis+cluster://").removesuffix("/0")
    with contextlib.suppress(StartupError, GroupsError):
        async with worker(url=url) as one, one.client("/room"):
            await one.group().send("x")
    refused = [entry for server in cluster for entry in server.client().acl_log()]
    assert command in {entry["object"] for entry in refused if entry["username"] == worker.prefix}


def last_parts(cluster, prefix):
    """Return the last parts of the keys of an application's groups."""
    keys = {key for server in cluster[:3] for key in server.client().keys(f"*{prefix}*")}
    return {key.rpartition(b":")[2] for key in keys if b":worker:" not in key}


async def test_a_group_moves_to_another_master_without_losing_messages(
    worker, cluster, members_become
):
    room = group_on(cluster, worker.prefix, 1)
    async with worker() as one, worker() as two, two.client(f"/{room}?who=bob") as bob:
        sent = []

        async def send():
            while True:
                await one.group(room).send(str(len(sent)))
                sent.append(str(len(sent)))
                await asyncio.sleep(0.005)

        sender = asyncio.create_task(send())
        received = await bob.take(5)
        slot = key_slot(f"{{{worker.prefix}:{room}}}".encode())
        with Publisher(worker.url, prefix=worker.prefix) as publisher:
            publisher.send(room, "before")
            await asyncio.to_thread(move_slot, cluster, slot, 1, 2)
            await asyncio.to_thread(publisher.send, room, "last")
        while "last" not in received:
            received.append(await bob.recv())
        sender.cancel()
        received = [each for each in received if each not in ("resync", "before", "last")]
        assert received == sent[: len(received)]
        await members_become(one.group(room), "bob")


def move_slot(servers, slot, source, target):
    clients = [server.client() for server in servers]
    ids = [client.execute_command("CLUSTER", "MYID").decode() for client in clients]
    clients[target].execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    clients[source].execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    while keys := clients[source].execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
        for key in keys:
            where = ("127.0.0.1", servers[target].port, key, 0, 1000)
            clients[source].execute_command("MIGRATE", *where)
    for number in (target, source, 0):
        clients[number].execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[target])


async def test_members_stay_when_a_replica_becomes_a_master(worker, cluster):
    # The tests below do not need the first master.
    room = group_on(cluster, worker.prefix, 0)
    other = group_on(cluster, worker.prefix, 2)
    async with (
        worker() as one,
        one.client(f"/{room}?who=ada") as ada,
        one.client(f"/{other}") as bob,
    ):
        await one.group(room).send("before")
        assert await ada.recv() == "before"
        await asyncio.to_thread(cluster[0].kill)
        await one.group(other).send("goes on")
        assert await bob.recv() == "goes on"
        while True:
            try:
                await one.group(room).send("after")
                break
            except GroupsError:
                await asyncio.sleep(0.1)
        received = [await ada.recv()]
        while received[-1] != "after":
            received.append(await ada.recv())
        assert "resync" in received  # the replica may not have had everything
        # While no server had its keys, the whole cluster was down, and heartbeats were refused.
        while await present(one.group(room)) != ["ada"]:
            await asyncio.sleep(0.05)


async def test_members_that_others_took_for_gone_are_listed_again(worker, cluster):
    room = group_on(cluster, worker.prefix, 1)
    async with worker() as one, one.client(f"/{room}?who=ada"):
        assert await one.group(room).members() == ["ada"]
        engine = one.registry["aiopyramid.groups.hub"].engine
        sign = worker_key(worker.prefix, engine._presence._worker)
        while await present(one.group(room)) != []:
            await engine._servers.find(sign).execute("DEL", sign)
        while await present(one.group(room)) != ["ada"]:
            await asyncio.sleep(0.01)


async def present(group):
    try:
        return await group.members()
    except EngineUnavailable:
        return None


async def test_the_wrong_kind_of_url_is_refused_with_the_right_one(worker, cluster):
    with pytest.raises(StartupError, match=r"set aiopyramid.groups.url = redis\+cluster://"):
        async with worker(url=cluster[1].url):
            pass
    with Publisher(cluster[1].url) as publisher:
        elsewhere = group_on(cluster, "aiopyramid", 2)
        with pytest.raises(NotSent, match=r"a server of a cluster: use redis\+cluster://"):
            publisher.send(elsewhere, "x")
    with (
        redis_server() as single,
        pytest.raises(StartupError, match=r"a single server.* = redis://"),
    ):
        async with worker(url=single.url.replace("redis://", "redis+cluster://")):
            pass
