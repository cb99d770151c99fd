"""A queue of tasks, to which coroutine views send."""

from collections.abc import Callable
from typing import Any

from celery import Celery
from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_core import call_in_thread

Get = Callable[..., Response]

celery = Celery("tests", broker="memory://", set_as_current=False)


@celery.task(name="add")  # type: ignore[untyped-decorator]
def add(a: int, b: int) -> int:
    return a + b


def test_a_task_for_celery_is_sent_from_a_thread_of_a_coroutine_view(
    config: Configurator, get: Get
) -> None:
    async def view(request: Any) -> Response:
        sent = await call_in_thread(None, add.delay, 1, 2)  # it waits for the broker
        return Response(sent.id)

    config.add_view(view)
    sent = get("/").text
    with celery.connection_for_read() as connection, connection.SimpleQueue("celery") as queue:
        message = queue.get(timeout=30)
        message.ack()
    assert message.headers["id"] == sent
    assert message.payload[0] == [1, 2]
