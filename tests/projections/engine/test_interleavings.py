"""Whatever happens in whatever order, the read catalog ends as a plain replay of the log.

A state machine of workers that are assigned, robbed of partitions with and without being told,
killed, cut off from the database before or after a commit; of rebuilds that are killed between any
two chunks while workers go on; of switches, rollbacks and readers in their way; of parked records
that are tried again, superseded, discarded, and usable one day.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from projections.engine.dead_letter import retry
from projections.engine.progress import silent
from projections.engine.rebuild import ensure_live, rebuild, verify_live
from projections.engine.switch import CantSwitch, rollback
from projections.engine.switch import switch as switch_now
from projections.ports.event_log import TopicPartition
from projections.ports.generations import Phase
from tests.projections.engine.chain import Chain, FlakyStore


class Killed(Exception):
    """The process is gone."""


class Interleavings(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.chain, self.stores = self.set_up()
        ensure_live(self.chain.context)
        self.workers = [self.chain.worker(store) for store in self.stores]
        self.owner: dict[TopicPartition, int] = {}
        self.said = 0
        self.seen: dict[TopicPartition, int] = {}

    def set_up(self) -> tuple[Chain, Sequence[Any]]:
        """An empty chain and the stores of its three workers."""
        chain = Chain()
        return chain, [FlakyStore(chain.database) for _ in range(3)]

    def readers_in_the_way(self, count: int) -> None:
        """Let the next switches find readers."""
        self.chain.database.readers = count

    def phases(self) -> list[Phase]:
        """Of all generations."""
        return [one.phase for one in self.chain.generations().all()]

    @rule(
        subject=st.sampled_from(["track", "label"]),
        key=st.integers(0, 3),
        kind=st.sampled_from([0, 1, 1, 2]),
        good=st.integers(0, 15),
        gap=st.integers(0, 1),
    )
    def say(self, subject: str, key: int, kind: int, good: int, gap: int) -> None:
        """The log grows; now and then by what can't be decoded (yet), used or stored."""
        self.said += 1
        value = {
            0: "junk",
            1: "huge" if subject == "track" else "junk",
            2: f"nul \0 {self.said}",
            3: f"odd {self.said}",
            4: f"odd {self.said}",
        }.get(good, f"v{self.said}")
        if good == 2:  # a removal stores none of its values
            kind = 1
        self.chain.say(subject, key, kind, value, gap)

    @rule(
        partition=st.sampled_from([("catalog.track", 0), ("catalog.track", 1),
                                   ("catalog.label", 0), ("catalog.label", 1)]),
        to=st.integers(0, 2),
        told=st.booleans(),
    )  # fmt: skip
    def reassign(self, partition: TopicPartition, to: int, told: bool) -> None:
        """The group moves a partition; who had it may not hear of it for a while."""
        had = self.owner.get(partition)
        if had == to:
            return
        if had is not None and told:
            self.chain.log.subscriptions[had].lose([partition])
        self.owner[partition] = to
        self.chain.log.subscriptions[to].assign([partition])

    @rule(who=st.integers(0, 2), chunk=st.integers(1, 4))
    def step(self, who: int, chunk: int) -> None:
        """A worker works, be it a zombie; what it polls ends where it will."""
        self.chain.log.chunk = chunk
        self.workers[who].step(0)

    @rule(who=st.integers(0, 2), when=st.sampled_from(["before", "after"]))
    def step_with_lost_connection(self, who: int, when: str) -> None:
        """A worker works, and its database goes away."""
        self.stores[who].fails = when
        self.workers[who].step(0)
        self.stores[who].fails = None

    @rule(who=st.integers(0, 2))
    def restart(self, who: int) -> None:
        """A worker is killed; a new one takes its place in the group."""
        self.workers[who] = self.chain.worker(self.stores[who])
        self.chain.log.subscriptions[who] = self.chain.log.subscriptions.pop()
        mine = [partition for partition, owner in self.owner.items() if owner == who]
        self.chain.log.subscriptions[who].assign(mine)

    @rule(
        chunks=st.integers(0, 6),
        busy=st.lists(st.integers(0, 2), max_size=8),
        go=st.booleans(),
        topics=st.sampled_from([(), ("catalog.track",), ("catalog.label",)]),
    )
    def rebuild(self, chunks: int, busy: list[int], go: bool, topics: tuple[str, ...]) -> None:
        """A rebuild, of some tables or of all, while workers go on; killed after some chunks, or
        done."""
        turns = list(busy)

        def on_chunk() -> None:
            nonlocal chunks
            chunks -= 1
            if chunks == 0:
                raise Killed

        def meanwhile(_: object) -> None:
            if turns and not self.chain.is_held:
                self.workers[turns.pop()].step(0)

        self.chain.log.on_chunk = on_chunk
        try:
            done = rebuild(
                self.chain.context, topics=topics, switch=go, park_poison=True, report=meanwhile
            )
            assert done.comparison is not None
            assert done.comparison.equal, done.comparison.differences
        except Killed:
            pass
        finally:
            self.chain.log.on_chunk = lambda: None

    @rule(readers=st.integers(0, 2))
    def roll_back(self, readers: int) -> None:
        """The former generation comes back, though readers are in the way at first."""
        self.readers_in_the_way(readers)
        try:
            rollback(self.chain.context, report=silent)
        except CantSwitch:
            assert Phase.RETIRED not in self.phases()
        self.readers_in_the_way(0)

    @rule()
    def switch(self) -> None:
        """What waits verified goes live, however long ago that was."""
        with suppress(CantSwitch):
            switch_now(self.chain.context, None, force=False, report=silent)

    @rule()
    def retry(self) -> None:
        """What can't be used can't be used and stays parked; what can, now, leaves."""
        before = self.chain.dead_letters().list()
        retried = retry(self.chain.context, self.chain.dead_letters())
        after = {one.number for one in self.chain.dead_letters().list()}
        gone = {one.number for one in before} - after
        assert gone == {*retried.done, *retried.superseded}
        if not self.chain.decoder.knows_odd:
            assert not gone

    @rule()
    def learn(self) -> None:
        """The release after knows how to use what nobody could."""
        self.chain.decoder.knows_odd = True

    @precondition(lambda self: not self.chain.decoder.knows_odd)
    @rule(which=st.integers(0, 5))
    def discard(self, which: int) -> None:
        """Somebody discards a parked record on purpose."""
        dead_letters = self.chain.dead_letters()
        if found := dead_letters.list():
            dead_letters.discard([found[which % len(found)].number])

    @precondition(lambda self: self.said)
    @rule()
    def verify(self) -> None:
        """There is never any drift."""
        comparison = verify_live(self.chain.context, report=silent)
        assert comparison.equal, comparison.differences

    @invariant()
    def one_is_live(self) -> None:
        """Readers always find a catalog."""
        assert self.phases().count(Phase.LIVE) == 1

    @invariant()
    def readers_never_go_back(self) -> None:
        """Whatever is switched in stands where its predecessor stood, or further on."""
        now = self.chain.checkpoints()
        assert all(now[partition] >= at for partition, at in self.seen.items())
        self.seen = now

    def teardown(self) -> None:
        """Everybody hears who owns what and works on: the end is a plain replay's."""
        for who, subscription in enumerate(self.chain.log.subscriptions):
            lost = [p for p in subscription.positions if self.owner.get(p) != who]
            subscription.lose(lost)
        for partition in self.chain.log.partitions:
            if partition not in self.owner:
                self.chain.log.subscriptions[0].assign([partition])
        for _ in range(self.said + 3):
            for worker in self.workers:
                worker.step(0)
        assert self.chain.checkpoints() == self.chain.ends()
        retry(self.chain.context, self.chain.dead_letters())
        assert self.chain.content() == self.chain.replayed()
        done = rebuild(self.chain.context, park_poison=True, report=silent)
        assert done.switched
        assert self.chain.content() == self.chain.replayed()


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=25, stateful_step_count=30)
