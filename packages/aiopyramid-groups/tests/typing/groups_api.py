"""Uses of the public API as mypy sees them: checked by `make lint`, never run.

``assert_type`` says what a type checker has to infer. An ignore marks what it has to refuse: mypy
complains about an ignore that is not needed.
"""

from typing import Any, assert_type

from aiopyramid_core.streaming import EventStreamResponse
from aiopyramid_groups import (
    EngineRefused,
    EngineUnavailable,
    Group,
    GroupCounts,
    GroupMessage,
    GroupsError,
    GroupsNotStarted,
    InvalidGroupName,
    InvalidMessage,
    NotSent,
    OutcomeUnknown,
    group_counts,
    group_of,
    includeme,
    json_envelope,
)
from aiopyramid_groups.publisher import Publisher
from aiopyramid_websocket import WebSocket


async def reload() -> None:
    pass


async def chat(request: object, ws: WebSocket) -> None:
    room = group_of(request, "room")
    assert_type(room, Group)
    async with room.join(
        ws, who={"name": "ada"}, slow="drop", on_resync=reload, envelope=json_envelope
    ) as member:
        assert_type(member.dropped, int)
    room.join(ws, slow="wait")  # type: ignore[arg-type]
    try:
        assert_type(await room.send("text"), str)
        await room.send(1)  # type: ignore[arg-type]
    except (NotSent, OutcomeUnknown) as error:
        assert_type(error.group, str)
    except (
        EngineRefused,
        EngineUnavailable,
        GroupsNotStarted,
        InvalidGroupName,
        InvalidMessage,
        GroupsError,
    ):
        pass
    room.send_now(b"binary")
    assert_type(await room.members(), list[Any])
    assert_type(await room.history(), tuple[list[GroupMessage], bool])
    EventStreamResponse(room.events(request))


def publish() -> None:
    with Publisher("redis://localhost") as publisher:
        assert_type(publisher.send("news", "x"), str)


assert_type(group_counts(), GroupCounts)
includeme(object())
