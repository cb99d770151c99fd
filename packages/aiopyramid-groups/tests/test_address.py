"""_redis.address, _redis.failures: encryption, users, and servers that refuse a worker."""

import asyncio
import gc
import logging
import uuid
import warnings

import pytest
from certificates import make_certificate
from reader import free_port
from redis_server import redis_server
from redis_user import documented_commands, make_user

from aiopyramid_core import StartupError
from aiopyramid_groups import NotSent
from aiopyramid_groups.publisher import Publisher


@pytest.fixture
def loop_factory():
    """One kind of loop is enough here."""
    return asyncio.new_event_loop


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def server(certificate):
    """A server with an encrypted port, which has the certificate of its own authority."""
    path, key = certificate
    port = free_port()
    options = ("--tls-port", port, "--tls-cert-file", path, "--tls-key-file", key)
    options += ("--tls-ca-cert-file", path, "--tls-auth-clients", "no")
    with redis_server(*options) as server:
        server.tls = f"127.0.0.1:{port}/0"
        yield server


@pytest.fixture
def prefix():
    return uuid.uuid4().hex


def settings(url, prefix, **more):
    more |= {"url": url, "prefix": prefix}
    return {f"aiopyramid.groups.{name}": value for name, value in more.items()}


# --- Encryption -----------------------------------------------------------------------------------


async def test_connections_may_be_encrypted(site, server, certificate, prefix):
    url = f"rediss://{server.tls}?ssl_ca_certs={certificate[0]}"
    async with site(**settings(url, prefix)) as worker, worker.client() as ada:
        await worker.group().send("x")
        while await ada.recv() != "x":
            pass  # told to resync, if the machine was too busy to connect before she joined
        with Publisher(url, prefix=prefix) as publisher:
            await asyncio.to_thread(publisher.send, "room", "y")
        assert await ada.recv() == "y"


async def test_a_certificate_that_is_not_trusted_is_not_accepted(site, server, prefix, caplog):
    url = f"rediss://{server.tls}"
    async with site(**settings(url, prefix, send_timeout=0.2)) as worker:
        with pytest.raises(NotSent, match="Redis was not reached"):
            await worker.group().send("x")
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
    with Publisher(url) as publisher, pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
        publisher.send("room", "x")


# --- Users ----------------------------------------------------------------------------------------


async def test_a_user_needs_what_the_readme_lists(site, server, prefix):
    url = make_user(server, prefix, documented_commands(server))
    async with site(**settings(url, prefix, heartbeat=0.5)) as worker:
        async with worker.client("/room?who=ada") as ada:
            first = await worker.group().send("x")
            assert await ada.recv() == "x"
            assert await worker.group().members() == ["ada"]
            async with worker.client(f"/room?after={first}"):
                pass
        with Publisher(url, prefix=prefix) as publisher:
            publisher.send("room", "y")
        assert len((await worker.group().history(first))[0]) == 1
        log = server.client().acl_log()
    assert [entry for entry in log if entry["username"] == prefix] == []


@pytest.mark.parametrize("command", ["evalsha", "set", "info", "publish", "subscribe", "xadd"])
async def test_each_of_them_is_needed(site, server, prefix, command, caplog):
    commands = [name for name in documented_commands(server) if name != command]
    url = make_user(server, prefix, commands)
    if command in ("set", "info"):
        with pytest.raises(StartupError, match=r"give the user in aiopyramid.groups.url the keys"):
            async with site(**settings(url, prefix)):
                pass
        return
    async with site(**settings(url, prefix)) as worker, worker.client():
        if command == "subscribe":
            assert "Redis has refused a subscription" in caplog.text
            assert "that the README" in caplog.text
        else:
            with pytest.raises(NotSent, match="Redis refused it: "):
                await worker.group().send("x")
            messages, _ = await worker.group().history()
            assert messages == []


async def test_a_message_that_cannot_be_published_is_not_in_the_history(site, server, prefix):
    url = make_user(server, prefix, documented_commands(server), channels=False)
    async with site(**settings(url, prefix)) as worker:
        with pytest.raises(NotSent, match="channel"):
            await worker.group().send("x")
        assert await worker.group().history() == ([], True)


async def test_a_permission_that_is_withdrawn_is_told_once(site, server, prefix, caplog):
    url = make_user(server, prefix, documented_commands(server))
    async with site(**settings(url, prefix, heartbeat=0.05)) as worker, worker.client() as ada:
        server.client().execute_command("ACL", "SETUSER", prefix, "-set")
        while "give the user in aiopyramid.groups.url" not in caplog.text:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        server.client().execute_command("ACL", "SETUSER", prefix, "+set")
        await worker.group().send("x")
        while await ada.recv() != "x":
            pass
    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert sum("refuses this application" in each.getMessage() for each in records) == 1


async def test_a_refused_subscription_is_reported_and_does_not_flood_the_log(
    site, server, prefix, caplog
):
    url = make_user(server, prefix, documented_commands(server), channels=False)
    async with site(**settings(url, prefix, heartbeat=0.05)) as worker, worker.client():
        await asyncio.sleep(0.3)
    refused = [text for text in caplog.messages if "Redis has refused a subscription to " in text]
    assert len(refused) == 1
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1


# --- Servers that refuse a worker -----------------------------------------------------------------


async def test_a_wrong_password_is_told_at_the_start(site, server, prefix):
    make_user(server, prefix, documented_commands(server))
    url = server.url.replace("//", f"//{prefix}:wrong@")
    with pytest.raises(StartupError, match="check the user name and the password") as raised:
        async with site(**settings(url, prefix)):
            pass
    assert "wrong@" not in str(raised.value)


async def test_something_else_than_redis_is_told_at_the_start(site, prefix):
    async def answer(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    web = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = web.sockets[0].getsockname()
    async with web:
        with pytest.raises(StartupError, match="must name a Redis server; something else answers"):
            async with site(**settings(f"redis://{host}:{port}", prefix)):
                pass


async def test_a_worker_starts_while_redis_is_away(site, prefix, caplog):
    async with site(**settings("redis://127.0.0.1:1", prefix, send_timeout=0.1)) as worker:
        with pytest.raises(NotSent, match=r"Redis was not reached within 0.1 seconds"):
            await worker.group().send("x")
    assert "Redis is away: " in caplog.text


async def test_a_worker_that_stops_while_it_connects_leaves_no_socket(site, prefix):
    ended = []

    async def say_nothing(reader, writer):
        while await reader.read(100):
            pass
        ended.append(True)
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    host, port = silent.sockets[0].getsockname()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with silent:
            async with site(**settings(f"redis://{host}:{port}", prefix)):
                assert not ended
            async with asyncio.timeout(30):
                while not ended:
                    await asyncio.sleep(0.01)
        gc.collect()
    assert [str(each.message) for each in warned] == []
