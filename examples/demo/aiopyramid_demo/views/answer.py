"""An answer that the browser shows word by word, and an event stream that is resumed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from pyramid.request import Request
from pyramid.view import view_config

from aiopyramid_core.streaming import EventStreamResponse, ServerSentEvent

from ..whereabouts import whereabouts

TEXT: Final = (
    "A coroutine writes this answer, one word at a time. While it waits for the next word, it has"
    " no thread: thousands of such answers fit into one process. In the middle of this sentence"
    " the server ends the response on purpose. The browser connects again by itself and names the"
    " last event that it has seen, and the answer continues with the word after it. No word is"
    " missing, and none is sent twice."
)
ANSWER: Final = TEXT.split()
BREAK: Final = 36  # the word after which the response ends for the first time
PAUSE: Final = 0.05  # seconds before each word
RETRY: Final = 400  # milliseconds after which the browser connects again


@view_config(route_name="answer", renderer="answer.jinja2")
def answer(request: Request) -> dict[str, Any]:
    """Show the page; its script reads the event stream."""
    return {"here": whereabouts(request), "words": len(ANSWER)}


@view_config(route_name="answer_events")
async def answer_events(request: Request) -> EventStreamResponse:
    """Stream the words that the browser has not seen yet."""
    last_seen = request.headers.get("Last-Event-ID", "")
    return EventStreamResponse(words(int(last_seen) if last_seen.isdecimal() else 0))


async def words(seen: int) -> AsyncIterator[ServerSentEvent]:
    """Yield the words after those that were seen, each with its number as the identifier."""
    for number, word in enumerate(ANSWER[seen:], seen + 1):
        await asyncio.sleep(PAUSE)
        yield ServerSentEvent(word, id=str(number), retry=RETRY)
        if number == BREAK and not seen:
            return  # to the browser, a broken connection
    yield ServerSentEvent(event="end")
