"""_channel: gaps, and what happens at the same time as catching up. Random cases: test_model.py."""

import asyncio

from aiopyramid_groups._channel import Channel
from aiopyramid_groups.engine import Entry, History, order_of
from aiopyramid_groups.exceptions import EngineUnavailable


class Engine:
    """An engine whose messages are 1-1, 1-2 and so on, up to the last one."""

    def __init__(self, last):
        self.last = last
        self.is_away = False
        self.questions = 0

    async def subscribe(self, group):
        if self.is_away:
            raise EngineUnavailable("away")
        return f"1-{self.last}"

    async def history(self, group, after):
        self.questions += 1
        if self.is_away:
            raise EngineUnavailable("away")
        first = int(after[2:]) + 1
        entries = [Entry(f"1-{number}", b"t") for number in range(first, self.last + 1)]
        return History(entries, True, f"1-{self.last}")


class Member:
    def __init__(self):
        self.got = []

    def hold(self):
        pass

    def release(self, history, is_complete, seen):
        self.got += [message.id for message in history] + ["resync"] * (not is_complete)

    def deliver(self, message):
        self.got.append(message.id)

    def resync(self):
        self.got.append("resync")


def channel_of(engine):
    tasks = set()

    def spawn(coroutine, *, name):
        tasks.add(asyncio.ensure_future(coroutine))

    channel = Channel("room", engine, spawn)
    channel.catch_up()
    return channel


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_missing_message_is_fetched_before_the_next_one_is_delivered(loop_factory):
    channel, member = channel_of(engine := Engine(3)), Member()
    await channel.join(member, None)
    engine.last = 5
    channel.receive("1-5", "1-4", b"t")
    await settle()
    assert member.got == ["1-4", "1-5"]
    assert engine.questions == 1


async def test_a_message_that_the_history_contained_is_not_delivered_again(loop_factory):
    channel, member = channel_of(engine := Engine(3)), Member()
    await channel.join(member, None)
    engine.last = 6
    channel.catch_up()  # the connection was lost
    await settle()
    for number in (4, 5, 6, 7):  # what the subscribed connection had not delivered yet
        channel.receive(f"1-{number}", f"1-{number - 1}", b"t")
    await settle()
    assert member.got == ["1-4", "1-5", "1-6", "1-7"]


async def test_a_message_of_the_history_that_arrives_after_it_is_not_delivered_again(loop_factory):
    channel = channel_of(engine := Engine(3))
    old, new = Member(), Member()
    await channel.join(old, None)
    engine.last = 5  # the subscribed connection has not delivered 4 and 5 yet
    await channel.join(new, "1-3")
    for number in (4, 5, 6):
        channel.receive(f"1-{number}", f"1-{number - 1}", b"t")
    assert old.got == new.got == ["1-4", "1-5", "1-6"]


async def test_a_message_that_a_client_has_from_another_worker_is_not_delivered_again(loop_factory):
    channel = channel_of(engine := Engine(3))
    await channel.join(Member(), None)
    engine.last = 5
    await channel.join(new := Member(), "1-5")
    for number in (4, 5, 6):
        channel.receive(f"1-{number}", f"1-{number - 1}", b"t")
    assert new.got == ["1-6"]


async def test_an_identifier_that_there_has_never_been_suppresses_nothing(loop_factory):
    channel = channel_of(engine := Engine(3))

    async def history(group, after):
        return History((), False, "1-3")

    engine.history = history
    await channel.join(new := Member(), "9-9")
    channel.receive("1-4", "1-3", b"t")
    assert new.got == ["resync", "1-4"]


async def test_a_member_that_joined_during_an_outage_gets_nothing_that_it_has_seen(loop_factory):
    channel = channel_of(engine := Engine(3))
    old, new = Member(), Member()
    await channel.join(old, None)
    engine.is_away = True
    channel.catch_up()
    await settle()
    engine.last = 6
    await channel.join(new, "1-5")  # which it has seen on another worker
    engine.is_away = False
    channel.catch_up()
    await settle()
    assert old.got == ["1-4", "1-5", "1-6"]
    assert new.got == ["resync", "1-6"]


async def test_a_stream_that_begins_again_with_lower_identifiers_is_a_resync(loop_factory):
    channel, member = channel_of(engine := Engine(9)), Member()
    await channel.join(member, None)
    engine.last = 2  # of a new stream, on a machine whose clock is late

    async def history(group, after):
        return History((), False, "1-2")

    engine.history = history
    channel.receive("1-2", "0-0", b"t")
    await settle()
    assert member.got == ["resync"]
    channel.receive("1-3", "1-2", b"t")
    assert member.got == ["resync", "1-3"]


async def test_a_channel_tries_again_while_the_engine_is_away(loop_factory, monkeypatch):
    monkeypatch.setattr("aiopyramid_groups._channel._RETRY_SECONDS", 0.01)
    engine = Engine(3)
    engine.is_away = True
    channel, member = channel_of(engine), Member()
    await channel.join(member, None)
    engine.is_away = False
    while member.got != ["resync"]:
        await asyncio.sleep(0.01)
    channel.receive("1-4", "1-3", b"t")
    assert member.got == ["resync", "1-4"]


async def test_a_message_that_arrives_while_a_channel_catches_up_once_more_is_delivered_once(
    loop_factory,
):
    channel, member = channel_of(engine := Engine(3)), Member()
    await channel.join(member, None)
    subscribe = engine.subscribe

    async def connect_again(group):
        engine.subscribe = receive_meanwhile
        channel.catch_up()  # the connection was lost once more
        return await subscribe(group)

    async def receive_meanwhile(group):
        engine.last = 4
        channel.receive("1-4", "1-3", b"t")
        return await subscribe(group)

    engine.subscribe = connect_again
    channel.catch_up()
    await settle()
    channel.receive("1-5", "1-4", b"t")
    assert member.got == ["1-4", "1-5"]


# --- Members that have seen something before ------------------------------------------------------


async def test_a_member_that_has_seen_all_messages_asks_for_none(loop_factory):
    channel = channel_of(engine := Engine(3))
    await channel.join(new := Member(), "1-3")
    channel.receive("1-4", "1-3", b"t")
    await channel.join(newer := Member(), "1-4")
    channel.receive("1-5", "1-4", b"t")
    assert (new.got, newer.got) == (["1-4", "1-5"], ["1-5"])
    assert engine.questions == 0


async def test_a_message_that_arrived_before_the_join_was_complete_is_not_delivered_again(
    loop_factory,
):
    class Holding(Member):
        def hold(self):
            self.held = []

        def deliver(self, message):
            (self.got if self.held is None else self.held).append(message.id)

        def release(self, history, is_complete, seen):
            super().release(history, is_complete, seen)
            self.got += [id for id in self.held if order_of(id) > seen]
            self.held = None

    channel = channel_of(engine := Engine(3))
    await channel.join(Member(), None)
    engine.last = 5
    channel.receive("1-5", "1-4", b"t")  # 1-4 is missing, and is being fetched
    join = asyncio.create_task(channel.join(new := Holding(), "1-5"))
    await join
    channel.receive("1-6", "1-5", b"t")
    assert new.got == ["1-6"]


async def test_members_that_join_at_the_same_time_share_a_question_and_its_messages(loop_factory):
    class Keeping(Member):
        def release(self, history, is_complete, seen):
            self.got += history

    channel = channel_of(engine := Engine(5))
    members = [Keeping() for _ in range(100)]
    await asyncio.gather(*(channel.join(member, "1-3") for member in members))
    assert engine.questions == 1
    assert [message.id for message in members[0].got] == ["1-4", "1-5"]
    assert all(member.got[0] is members[0].got[0] for member in members)


async def test_an_answer_is_for_those_that_had_joined_before_the_question(loop_factory):
    channel = channel_of(engine := Engine(5))
    await channel.join(Member(), None)
    fetch, answered = engine.history, asyncio.Event()

    async def slow_history(group, after):
        history = await fetch(group, after)
        await answered.wait()
        return history

    engine.history = slow_history
    first = asyncio.create_task(channel.join(one := Member(), "1-3"))
    await settle()
    engine.last = 6
    channel.receive("1-6", "1-5", b"t")  # before the other one joins, and not in the first answer
    second = asyncio.create_task(channel.join(two := Member(), "1-3"))
    await settle()
    answered.set()
    await asyncio.gather(first, second)
    assert engine.questions == 2
    assert two.got == ["1-4", "1-5", "1-6"]
    assert sorted(one.got) == ["1-4", "1-5", "1-6"]


async def test_an_engine_that_cannot_answer_is_told_to_all_that_wait(loop_factory):
    channel = channel_of(engine := Engine(5))
    await channel.join(Member(), None)
    engine.is_away = True
    members = [Member() for _ in range(3)]
    await asyncio.gather(*(channel.join(member, "1-3") for member in members))
    assert [member.got for member in members] == [["resync"]] * 3
    engine.is_away = False
    await channel.join(late := Member(), "1-3")
    assert late.got == ["1-4", "1-5"]


async def test_members_do_not_wait_for_a_question_that_was_cancelled(loop_factory):
    channel = channel_of(engine := Engine(5))
    await channel.join(Member(), None)
    fetch, asked = engine.history, asyncio.get_running_loop().create_future()

    async def cancelled_history(group, after):
        await asked

    engine.history = cancelled_history
    first = asyncio.create_task(channel.join(Member(), "1-3"))
    await settle()
    second = asyncio.create_task(channel.join(Member(), "1-3"))  # waits for the next question
    await settle()
    asked.cancel()
    async with asyncio.timeout(30):
        await asyncio.wait((first, second))
    assert first.cancelled()
    assert second.cancelled()
    engine.history = fetch
    await channel.join(late := Member(), "1-3")
    assert late.got == ["1-4", "1-5"]


async def test_an_error_that_a_member_did_not_wait_for_is_not_reported(loop_factory):
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
    channel = channel_of(engine := Engine(5))
    await channel.join(Member(), None)
    engine.is_away = True
    join = asyncio.create_task(channel.join(Member(), "1-3"))
    await asyncio.sleep(0)
    join.cancel()
    await asyncio.wait((join,))
    await settle()
    assert engine.questions == 1
    assert reported == []


async def test_a_member_that_leaves_while_it_waits_keeps_no_other_from_its_answer(loop_factory):
    channel = channel_of(engine := Engine(5))
    await channel.join(Member(), None)
    members = leaves, stays = Member(), Member()
    joins = [asyncio.create_task(channel.join(member, "1-3")) for member in members]
    await asyncio.sleep(0)
    joins[0].cancel()
    await asyncio.wait(joins)
    assert (leaves.got, stays.got) == ([], ["1-4", "1-5"])
    assert engine.questions == 1
