"""Joins, leaves, sends, lost connections and resumes over two workers, compared with a model.

The two workers share one engine in memory. A link between it and each worker can be cut: then the
worker gets nothing until it is connected again. The model is a list of all messages.
"""

import asyncio
from types import SimpleNamespace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aiopyramid_groups._channel import Channel
from aiopyramid_groups.engine import order_of
from aiopyramid_groups.exceptions import EngineUnavailable
from aiopyramid_groups.memory import MemoryEngine

HISTORY = 4


class Link:
    """The engine, as one worker sees it."""

    def __init__(self, broker):
        self.broker = broker
        self.channel = None
        self.is_cut = False
        self.to_lose = 0  # messages that are lost although the worker is connected

    async def subscribe(self, group):
        self._check()
        return await self.broker.subscribe(group)

    async def history(self, group, after):
        self._check()
        return await self.broker.history(group, after)

    def _check(self):
        if self.is_cut:
            raise EngineUnavailable("cut")


class Recorder:
    """A member that keeps up."""

    def __init__(self, after):
        self.after = after
        self.ids = []
        self.resyncs = 0
        self.held = None

    def hold(self):
        self.held = []

    def release(self, history, is_complete, seen):
        held, self.held = self.held, None
        self.resyncs += not is_complete
        for message in [*history, *(each for each in held if order_of(each.id) > seen)]:
            self.deliver(message)

    def deliver(self, message):
        if self.held is not None:
            self.held.append(message)
        else:
            self.ids.append(message.id)

    def resync(self):
        self.resyncs += 1


class Groups(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.broker = MemoryEngine(HISTORY)
        self.links = [Link(self.broker), Link(self.broker)]
        self.sent = []
        self.members = []  # (link, member, the number of messages when it joined)
        self.tasks = set()
        self.run(self.broker.start(SimpleNamespace(receive=self.receive)))

    def run(self, coroutine):
        async def settled():
            result = await coroutine
            for _ in range(30):
                await asyncio.sleep(0)
            return result

        return self.runner.run(settled())

    def teardown(self):
        for link in self.links:
            if link.channel is not None:
                link.channel.close()
        self.runner.close()

    def receive(self, group, id, previous, data):
        for link in self.links:
            if link.is_cut or link.to_lose:
                link.to_lose = max(0, link.to_lose - 1)
            elif link.channel is not None:
                link.channel.receive(id, previous, data)

    def spawn(self, coroutine, *, name):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def join_on(self, link, member):
        if link.channel is None:
            link.channel = Channel("room", link, self.spawn)
            link.channel.catch_up()
        await link.channel.join(member, member.after)

    # --- Rules --------------------------------------------------------------------------------

    @rule(count=st.integers(1, 6))
    def send(self, count):
        async def send():
            for _ in range(count):
                self.sent.append(await self.broker.publish("room", b"t"))

        self.run(send())

    @rule(number=st.integers(0, 1), seen=st.one_of(st.none(), st.integers(0, 50)))
    def join(self, number, seen):
        after = None
        if seen is not None and self.sent:
            after = self.sent[min(seen, len(self.sent) - 1)]
        member = Recorder(after)
        self.run(self.join_on(self.links[number], member))
        self.members.append((self.links[number], member, len(self.sent)))

    @precondition(lambda self: self.members)
    @rule(number=st.integers(0, 50))
    def leave(self, number):
        link, member, _ = self.members.pop(number % len(self.members))
        link.channel.leave(member)

    @rule(number=st.integers(0, 1))
    def cut(self, number):
        self.links[number].is_cut = True

    @rule(number=st.integers(0, 1), count=st.integers(1, 6))
    def lose_messages(self, number, count):
        self.links[number].to_lose = count

    @rule(number=st.integers(0, 1))
    def connect(self, number):
        link = self.links[number]
        if link.is_cut:
            link.is_cut = False

            async def connected():
                if link.channel is not None:
                    link.channel.catch_up()

            self.run(connected())

    @rule()
    def lose_everything(self):
        """Forget all messages, as Redis does without persistence."""
        self.broker._streams.clear()
        self.broker._idle.clear()

        async def subscribe():
            await self.broker.subscribe("room")

        self.run(subscribe())

    # --- What must hold -----------------------------------------------------------------------

    @invariant()
    def all_is_in_order_and_nothing_came_twice(self):
        for _, member, _ in self.members:
            assert len(set(member.ids)) == len(member.ids)
            assert member.ids == sorted(member.ids, key=order_of)
            if member.after is not None and member.ids:
                assert order_of(member.after) < order_of(member.ids[0])

    @invariant()
    def nothing_is_missing_without_a_sign(self):
        for link, member, joined_at in self.members:
            if link.is_cut or member.resyncs:
                continue
            if not self.sent or link.channel._position != self.sent[-1]:
                continue  # the next message will show that others are missing
            first = joined_at if member.after is None else self.sent.index(member.after) + 1
            assert set(self.sent[first:]) <= set(member.ids)


Groups.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestGroups = Groups.TestCase
