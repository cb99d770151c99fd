"""_starts: requests that arrive at the same moment, and how many of them begin at once."""

import asyncio
import collections
import itertools
from contextvars import ContextVar

import pytest

from aiopyramid_gunicorn._starts import MOST_STARTS

MANY = 3 * MOST_STARTS + 5

variable: ContextVar[str] = ContextVar("variable", default="")


class Recording:
    """An application that records in which iteration of the loop each request begins."""

    def __init__(self):
        self.begun = []
        self.leaked = set()
        self.iteration = 0
        self.at_first = lambda: None

    async def count_iterations(self):
        while True:
            await asyncio.sleep(0)
            self.iteration += 1

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if not self.begun:
            self.at_first()
        self.leaked.add(variable.get())
        variable.set(path)
        self.begun.append((path, self.iteration))
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    @property
    def paths(self):
        return [path for path, _ in self.begun]


@pytest.fixture
def application():
    return Recording()


async def clients_of(site, count):
    clients = [await site.connect() for _ in range(count)]
    await site.until(lambda: len(site.server.connections) == count)
    return clients


async def test_of_many_requests_some_begin_in_each_iteration(serve, application):
    async with serve(application) as site:
        clients = await clients_of(site, MANY)
        counting = asyncio.create_task(application.count_iterations())
        for number, client in enumerate(clients):
            client.get(f"/{number}")
        for client in clients:
            assert (await client.answer()).text == "ok"
        counting.cancel()
        begun = collections.Counter(iteration for _, iteration in application.begun)
        assert max(begun.values()) == MOST_STARTS
        assert len(set(application.paths)) == MANY


async def test_requests_begin_in_the_order_in_which_they_were_read(serve, application):
    async with serve(application) as site:
        clients = await clients_of(site, MANY)
        for number, client in enumerate(clients[:-1]):
            client.get(f"/{number}")
        await site.until(lambda: application.begun)
        clients[-1].get("/later")  # when none of those that were started before is left to begin
        for client in clients:
            await client.answer()
        assert application.paths[-1] == "/later"


async def test_an_urgent_request_waits_for_no_others(serve, application):
    def is_urgent(environ):
        return environ["PATH_INFO"] == "/urgent"

    async with serve(application, is_urgent=is_urgent) as site:
        clients = await clients_of(site, MANY)
        for number, client in enumerate(clients[:-1]):
            client.get(f"/{number}")
        clients[-1].get("/urgent")
        for client in clients:
            await client.answer()
        assert application.paths.index("/urgent") <= 2 * MOST_STARTS


async def test_a_request_that_had_to_wait_sees_no_variable_of_another(serve, application):
    async with serve(application) as site:
        clients = await clients_of(site, MANY)
        for _ in range(2):
            for number, client in enumerate(clients):
                client.get(f"/{number}")
            for client in clients:
                await client.answer()
        assert application.leaked == {""}


async def test_a_request_whose_client_leaves_while_it_waits_is_carried_out(serve, application):
    async with serve(application) as site:
        clients = await clients_of(site, MANY)
        for number, client in enumerate(clients):
            client.get(f"/{number}")
        await site.until(lambda: application.begun)
        clients[-1].vanish()
        await site.until(lambda: len(application.begun) == MANY)


async def test_a_request_that_cannot_be_started_keeps_no_other_from_its_start(serve, application):
    def create_task(loop, coroutine, **options):
        if coroutine.__name__ == "spawn_greenlet" and next(numbers) == MOST_STARTS + 3:
            coroutine.close()
            raise LookupError("a bug")
        return asyncio.Task(coroutine, loop=loop, **options)

    numbers = itertools.count(1)
    async with serve(application) as site:
        clients = await clients_of(site, MANY)
        asyncio.get_running_loop().set_task_factory(create_task)
        for number, client in enumerate(clients):
            client.get(f"/{number}")
        await site.until(lambda: len(application.begun) == MANY - 1)
        await site.until(lambda: len(site.server.connections) == MANY - 1)
        assert "LookupError: a bug" in site.log
        assert site.log.count("has failed, and is broken off") == 1


async def test_a_request_that_waits_is_not_begun_when_the_server_has_given_up(serve, application):
    async with serve(application) as site:
        clients = await clients_of(site, MANY)
        application.at_first = lambda: asyncio.get_running_loop().call_soon(site.server._give_up)
        for number, client in enumerate(clients):
            client.get(f"/{number}")
        await site.until(lambda: not site.server.connections)
        assert 0 < len(application.begun) < MANY
