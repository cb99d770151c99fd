"""Event streams and WebSockets while gunicorn is reloaded: all come back and lose nothing.

``benchmarks/deploys.py`` does the same with many clients and more servers, and tells the times.
"""

import asyncio

import pytest
from deploy_load import ASKED_TO_RETURN, DeployLoad, Sender
from deployed_servers import deployed
from redis_server import redis_server

from aiopyramid_groups.publisher import Publisher

CLIENTS = 10
RELOADS = 2


@pytest.fixture(scope="module")
def redis():
    with redis_server() as server:
        yield server


def test_clients_come_back_after_a_reload_and_no_message_is_lost(redis, tmp_path):
    async def main():
        with Publisher(redis.url) as publisher:
            sender = Sender(lambda text: publisher.send("news", text), 20)
            load = DeployLoad(process.port, events=CLIENTS, websockets=CLIENTS)
            async with load, sender.running():
                for _ in range(RELOADS):
                    await load.reloaded(process.reload)
                await sender.end()
                await load.until_received(sender.sent)
        return load.clients, sender.sent

    process = deployed("gunicorn", redis.url, 2 * CLIENTS, tmp_path)
    try:
        clients, sent = asyncio.run(main())
    finally:
        process.close()
    missing = [client.missing(sent) for client in clients]
    assert all(silently == 0 for _, silently in missing)
    assert all(client.disorder() == 0 for client in clients)
    for client in clients:
        expected = ASKED_TO_RETURN if client.kind == "events" else "close code 1012"
        assert client.ends.keys() == {expected}
        # On a busy machine a client may return to the other old worker, before that has stopped.
        assert RELOADS <= client.ends[expected] <= 2 * RELOADS
