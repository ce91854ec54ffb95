"""A person who comes back is looked up with the request, in the same visit to the store."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from decision_service.decide.application import history_keys, owed_key
from decision_service.decide.codec import decode_facts, factors_from_wire
from decision_service.decide.flow import UserLocks
from decision_service.decide.history import LookedUp, Past
from decision_service.decide.snapshots import Ages, SnapshotCache
from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.ports import DecisionEntry, FetchResult, StoredEntry
from decision_service.rulebook.folder import read_rules
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.newcomer import SECRETS
from tests.fakes.world import RULES, ScriptedSource, SetClock, World, application, rulebook

OTHER = "a-2"


class WatchedLog(InMemoryDecisionLog):
    """Notes which keys each visit asks for, beside or without a request."""

    def __init__(self) -> None:
        super().__init__()
        self.beside: list[set[bytes]] = []
        self.alone: list[set[bytes]] = []
        self.held: list[DecisionEntry] | None = None
        self.before_next_commit: list[DecisionEntry] = []

    async def look_up(self, caller: str, request_id: str, keys: Collection[bytes] = ()) -> LookedUp:
        """As the log, noted."""
        self.beside += [{*keys}] if keys else []
        return await super().look_up(caller, request_id, keys)

    async def past(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        """As the log, noted."""
        self.alone.append({*keys})
        return await super().past(keys)

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        """As the log, after what comes in between; what is held stays on its way."""
        if self.held is not None:
            self.held.append(entry)
            raise StoreUnavailable("on its way")
        while self.before_next_commit:
            await super().commit(self.before_next_commit.pop())
        return await super().commit(entry)


class Vendor(ScriptedSource):
    """A vendor whose readings are as old as the clock says."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__()
        self._clock = clock

    async def gather(self, *args: Any, **named: Any) -> FetchResult:
        """As told, now."""
        return replace(await super().gather(*args, **named), fetched=self._clock.now())


@pytest.fixture
def world() -> World:
    """A world that decides by the rules as they ship, and whose log is watched."""
    log, clock, book = WatchedLog(), SetClock(), rulebook(read_rules(RULES))
    return World(Vendor(clock), log, clock, book, SnapshotCache(log, Ages()))


def seen(entry: StoredEntry) -> int:
    """How many applications of the day were on record before a decision."""
    value = factors_from_wire(decode_facts(entry.facts).factors).values["history.applications_1d"]
    return int(value.value)


async def test_a_known_person_costs_one_visit(world: World) -> None:
    """The first decision reads what is on record by itself, the second beside the request."""
    decide = world.decide()
    first = await decide(application(request_id="r-1"), world.call())
    second = await decide(application(request_id="r-2"), world.call())
    assert len(world.log.alone) == 1
    assert world.log.beside == world.log.alone
    assert (seen(first), seen(second)) == (0, 1)


async def test_another_customer_number_is_not_known_yet(world: World) -> None:
    """Keys are those of the same caller and customer; else all are read by themselves."""
    decide = world.decide()
    await decide(application(request_id="r-1"), world.call())
    await decide(application(request_id="r-2", customer_ref="C-1"), world.call())
    assert world.log.beside == []
    assert len(world.log.alone) == 2


async def test_after_the_vendor_was_read_all_is_read_anew(world: World) -> None:
    """What was looked up before the vendor's answer is not used after it."""
    decide = world.decide()
    await decide(application(request_id="r-1"), world.call())
    world.clock.wall += timedelta(hours=25)
    await decide(application(request_id="r-2"), world.call())
    assert world.log.alone[1:] == world.log.beside == world.log.alone[:1]


async def test_an_account_that_is_new_is_read_by_itself(world: World) -> None:
    """Another process read it from the vendor: what was not looked up is read before deciding."""
    here, there = world.decide(), world.decide()
    await here(application(request_id="r-1"), world.call())
    account = replace(world.source.snapshot.accounts[0], id=OTHER)
    accounts = (*world.source.snapshot.accounts, account)
    world.source.snapshot = replace(world.source.snapshot, accounts=accounts)
    world.clock.wall += timedelta(hours=25)
    await there(application(request_id="r-2"), world.call())
    await here(application(request_id="r-3"), world.call())
    [[key]] = history_keys("u-1", "anonymous", "", SECRETS, (OTHER,)).accounts
    assert world.log.alone[-1] == {key, owed_key(key)}


async def test_erased_keys_are_not_looked_up(world: World) -> None:
    """Of a user whose data is erased no key stays cached."""
    decide = world.decide()
    await decide(application(request_id="r-1"), world.call())
    decide.forget("u-1")
    await decide(application(request_id="r-2"), world.call())
    assert world.log.beside == []


async def test_what_came_in_between_is_seen(world: World) -> None:
    """A decision that another process recorded after the look-up moves the history: read again."""
    here, there = world.decide(), world.decide()
    await here(application(request_id="r-1"), world.call())
    world.log.held = held = []
    with pytest.raises(StoreUnavailable):
        await there(application(request_id="r-2"), world.call())
    world.log.held = None
    world.log.before_next_commit = [replace(one, fence="") for one in held]
    third = await here(application(request_id="r-3"), world.call())
    assert seen(third) == 2
    assert len(world.log.alone) == 3


async def test_who_waits_for_others_reads_what_they_left(world: World) -> None:
    """Of twenty at once on a known person none is decided twice, and each sees all before it."""
    decide = world.decide()
    await decide(application(request_id="r-0"), world.call())
    calls = [decide(application(request_id=f"r-{n}"), world.call()) for n in range(1, 21)]
    made = await asyncio.gather(*calls)
    assert sorted(map(seen, made)) == list(range(1, 21))
    assert world.log.commits == 21


async def test_a_turn_tells_whether_others_had_theirs_before() -> None:
    """The first has it at once; the second waits; one that leaves holds nobody up."""
    turns, go, told = UserLocks(), asyncio.Event(), []

    async def work() -> None:
        async with turns.of("user-1") as waited:
            told.append(waited)
            await go.wait()

    first, second, third = (asyncio.create_task(work()) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    go.set()
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert told == [False, True]
    assert len(turns) == 0
