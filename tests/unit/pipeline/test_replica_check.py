"""Processes that decide by different rules: allowed for a minute, then an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from decision_service.decide.replica_check import (
    ProcessRules,
    ReplicaCheck,
    rules_digest,
)
from decision_service.domain.errors import StoreUnavailable
from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.rulebook import Rulebook
from tests.fakes.plans import CHALLENGED, with_plan
from tests.fakes.world import SetClock, rulebook

ALARM = "RULES_DIFFER"


@dataclass(slots=True)
class Board:
    """What the processes of a store said last."""

    said: dict[str, str] = field(default_factory=dict)
    down: bool = False

    async def report(self, mine: ProcessRules) -> Sequence[ProcessRules]:
        if self.down:
            raise StoreUnavailable("the store is down")
        self.said[mine.process] = mine.digest
        return [ProcessRules(*one) for one in self.said.items()]


@dataclass(slots=True)
class Two:
    """One process that looks, and another that decides by what it is told to."""

    board: Board = field(default_factory=Board)
    clock: SetClock = field(default_factory=SetClock)
    book: Rulebook = field(default_factory=rulebook)
    replica_check: ReplicaCheck = field(init=False)

    def __post_init__(self) -> None:
        self.replica_check = ReplicaCheck(self.board.report, lambda: self.book, self.clock, "one")

    def other(self, folder: RuleFolder | None = None) -> None:
        self.board.said["two"] = rules_digest(rulebook(folder))

    async def alarms(self, *times: float) -> list[bool]:
        """Whether each look, so many seconds after the start, gives an alarm."""
        given = []
        for at in times:
            self.clock.seconds = 1000.0 + at
            with capture_logs() as logs:
                await self.replica_check.check()
            given.append(any(line.get("alarm") == ALARM for line in logs))
        return given


async def test_a_minute_of_difference_is_allowed_and_no_more() -> None:
    """At sixty seconds nothing is said, after them there is one alarm, until they agreed again."""
    two = Two()
    two.other(with_plan(CHALLENGED))
    assert await two.alarms(0, 59.9, 60, 60.1, 65, 200) == [False, False, False, True, False, False]
    assert two.replica_check.seconds == 200
    two.other()
    assert await two.alarms(205) == [False]
    assert two.replica_check.seconds == 0
    two.other(with_plan(CHALLENGED))
    assert await two.alarms(210, 270, 271) == [False, False, True]


async def test_the_alarm_names_both_digests() -> None:
    """The log line and the status say which process decides by what, and which one is here."""
    two = Two()
    two.other(with_plan(CHALLENGED))
    await two.alarms(0)
    two.clock.seconds += 61
    with capture_logs() as logs:
        await two.replica_check.check()
    mine, other = rules_digest(two.book), two.board.said["two"]
    assert (logs[0]["here"], logs[0]["process"]) == (mine, "one")
    assert logs[0]["processes"] == {mine: ("one",), other: ("two",)}
    shown = {one.process_names: (one.digest, one.here) for one in two.replica_check.in_force}
    assert shown == {("one",): (mine, True), ("two",): (other, False)}


async def test_a_store_that_fails_does_not_end_the_difference() -> None:
    """What was seen last stands, and its time runs on."""
    two = Two()
    two.other(with_plan(CHALLENGED))
    await two.alarms(0)
    two.board.down = True
    with pytest.raises(StoreUnavailable):
        await two.alarms(30)
    two.board.down = False
    assert await two.alarms(61) == [True]


def test_a_plan_counts_as_a_version_does() -> None:
    """Other plans give another digest, where a rollout stands does not."""
    book = rulebook()
    assert rules_digest(book) == rules_digest(book.with_products({}))
    assert rules_digest(book) != rules_digest(rulebook(with_plan(CHALLENGED)))
