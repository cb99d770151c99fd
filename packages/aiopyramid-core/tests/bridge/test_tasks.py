"""tasks: synchronous code that waits in the Tasks of a request."""

import asyncio

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request

from aiopyramid_core import ScopeError, spawn_greenlet, synchronize
from aiopyramid_core._bridge.process_loop import process_loop
from aiopyramid_core.servers import startup


@synchronize
async def name_of(number):
    await asyncio.sleep(0)
    return f"number {number}"


async def named(number):
    """Call synchronous code that waits."""
    await asyncio.sleep(0)
    return name_of(number)


async def gathered(request):
    return Response(", ".join(await asyncio.gather(named(1), named(2))))


async def grouped(request):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(named(number)) for number in (1, 2)]
    return Response(", ".join(task.result() for task in tasks))


async def shielded(request):
    return Response(await asyncio.shield(named(1)))


async def limited(request):
    return Response(await asyncio.wait_for(named(1), 30))


async def nested(request):
    async def both():
        return await asyncio.gather(named(1), named(2))

    return Response(", ".join(await asyncio.create_task(both())))


def application(view, wanted="true"):
    config = Configurator(settings={"aiopyramid.tasks_can_wait": wanted})
    config.include("aiopyramid_core")
    config.add_view(view)
    return config.make_wsgi_app()


@pytest.fixture(params=["loop", "thread"])
def get(request, run):
    def get(view, wanted="true"):
        app = application(view, wanted)

        async def main():
            await startup()
            return await spawn_greenlet(Request.blank("/").get_response, app)

        return Request.blank("/").get_response(app) if request.param == "thread" else run(main)

    yield get
    if request.param == "thread":  # later tests use the same loop
        process_loop().set_task_factory(None)


@pytest.mark.parametrize(
    ("view", "text"),
    [
        (gathered, "number 1, number 2"),
        (grouped, "number 1, number 2"),
        (shielded, "number 1"),
        (limited, "number 1"),
        (nested, "number 1, number 2"),
    ],
)
def test_synchronous_code_waits_in_tasks_of_a_request(get, view, text):
    assert get(view).text == text


def test_a_task_that_is_cancelled_before_it_began_leaves_nothing(get, no_warnings):
    async def view(request):
        task = asyncio.create_task(named(1))
        task.cancel()
        await asyncio.wait([task])
        return Response(str(task.cancelled()))

    assert get(view).text == "True"


def test_a_task_that_is_cancelled_while_it_waits_is_cancelled_there(get, no_warnings):
    ended = []

    async def waiting():
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("waiting")

    async def view(request):
        task = asyncio.create_task(waiting())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return Response(str(task.cancelled()))

    assert (get(view).text, ended) == ("True", ["waiting"])


def test_a_task_shows_the_coroutine_that_it_is_for(get):
    async def view(request):
        task = asyncio.create_task(named(1))
        shown = repr(task)
        await task
        return Response(shown)

    assert "coro=<named() running at" in get(view).text


def test_a_task_factory_of_the_applications_own_is_left_alone(run):
    made = []

    def factory(loop, coroutine, **options):
        made.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **options)

    app = application(lambda request: Response())

    async def main():
        asyncio.get_running_loop().set_task_factory(factory)
        await startup()
        assert app.registry is not None
        return asyncio.get_running_loop().get_task_factory()

    assert run(main) is factory


def test_without_the_setting_such_code_is_told_what_to_do(run):
    app = application(gathered, "false")

    async def main():
        await startup()
        with pytest.raises(ScopeError, match="spawn_greenlet"):
            await spawn_greenlet(Request.blank("/").get_response, app)

    run(main)
