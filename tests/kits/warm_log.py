"""What every store must do for warm snapshots: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from msgspec import structs
from msgspec.structs import replace

from decision_service.decide.events import Event, Receipt
from decision_service.domain.accounts import Kind
from decision_service.domain.errors import ReadingMoved
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.ports import WarmMark
from decision_service.store.store import Store
from tests.kits.arm_log import CHAMPION
from tests.kits.decision_log import ENTRY, NOON, SNAPSHOT, as_stored, numbered

USER = SNAPSHOT.user_id
PLAN = FetchPlan(
    frozenset({Kind.EINCOMES, Kind.CONTRIBUTIONS}),
    WhenTransactions.IF_STANDING_IN,
    stand_in_from=NOON.date(),
)
MARK = WarmMark(SNAPSHOT.id, NOON, NOON, PLAN, NOON)
LATER = NOON + timedelta(minutes=5)


EVENT = Event("et-1", "9c" * 32, "EINCOMES_ADDED", USER, "a-1", (Kind.EINCOMES, Kind.INCOMES))


class WarmKit:
    """The suite; `log` is an empty log."""

    async def test_a_decision_leaves_its_reading_warm(self, log: Store) -> None:
        """The mark reads back as it was committed, its plan included; without one there is none."""
        assert (await log.user_state(USER)).warm is None
        await log.commit(numbered(1, snapshot=SNAPSHOT))
        assert (await log.user_state(USER)).warm is None
        await log.commit(numbered(2, snapshot=SNAPSHOT, warm=MARK))
        assert (await log.user_state(USER)).warm == MARK

    async def test_the_latest_reading_stays(self, log: Store) -> None:
        """A reading that was begun earlier and recorded later does not replace a newer one."""
        newer = replace(MARK, snapshot_id="s-2", fetched=LATER, looked=LATER)
        body = replace(SNAPSHOT, id="s-2")
        assert await log.keep_warm(body, newer, consent=0)
        assert not await log.keep_warm(SNAPSHOT, MARK, consent=0)
        assert (await log.user_state(USER)).warm == newer
        assert await log.snapshot(USER, "s-2") == SNAPSHOT.body

    async def test_a_quarantine_holds_for_what_was_read_until_then(self, log: Store) -> None:
        """Neither a reading that is there nor one that comes late serves; a later one does."""
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        await log.quarantine(USER, LATER)
        held = await log.user_state(USER)
        assert (held.warm, held.last) == (None, MARK)
        await log.commit(
            structs.replace(ENTRY, snapshot=SNAPSHOT, warm=replace(MARK, fetched=LATER))
        )
        assert (await log.user_state(USER)).warm is None
        after = LATER + timedelta(microseconds=1)
        fresh = replace(MARK, fetched=after, looked=after)
        assert await log.keep_warm(SNAPSHOT, fresh, consent=0)
        assert (await log.user_state(USER)).warm == fresh

    async def test_a_quarantine_may_come_before_any_reading(self, log: Store) -> None:
        """A user without a reading can be quarantined, which counts for the first one."""
        await log.quarantine(USER, LATER)
        assert not await log.keep_warm(SNAPSHOT, MARK, consent=0)
        assert (await log.user_state(USER)).warm is None

    async def test_an_erasure_takes_the_warm_reading(self, log: Store) -> None:
        """After it nothing is warm, and what was read before cannot be kept."""
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        await log.erase(USER)
        assert (await log.user_state(USER)).warm is None
        assert not await log.keep_warm(SNAPSHOT, replace(MARK, fetched=LATER), consent=0)

    async def test_a_look_is_remembered(self, log: Store) -> None:
        """It counts for the reading that was looked at, and for no other."""
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        await log.looked(USER, "another", LATER)
        assert (await log.user_state(USER)).warm == MARK
        await log.looked(USER, SNAPSHOT.id, LATER)
        assert (await log.user_state(USER)).warm == replace(MARK, looked=LATER)

    async def test_an_event_counts_once(self, log: Store) -> None:
        """Its id is known for ever; the same id with another body is a conflict."""
        assert await log.receive(EVENT, NOON, quarantine=False) is Receipt.NEW
        assert await log.receive(EVENT, LATER, quarantine=True) is Receipt.SEEN
        other = replace(EVENT, digest="5f" * 32)
        assert await log.receive(other, LATER, quarantine=True) is Receipt.CONFLICT
        assert list(await log.pending(10, LATER, withdrawals=False)) == [EVENT]
        await log.done([EVENT.id])
        assert list(await log.pending(10, LATER, withdrawals=False)) == []
        assert await log.receive(EVENT, LATER, quarantine=True) is Receipt.SEEN
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        assert (await log.user_state(USER)).warm == MARK

    async def test_an_event_quarantines_its_user_with_itself(self, log: Store) -> None:
        """What was read until then does not serve once the event is recorded; oldest first."""
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        second = replace(EVENT, id="et-2")
        await log.receive(EVENT, LATER, quarantine=True)
        await log.receive(second, LATER + timedelta(seconds=1), quarantine=False)
        assert (await log.user_state(USER)).warm is None
        assert list(await log.pending(1, LATER, withdrawals=False)) == [EVENT]
        assert list(await log.pending(9, LATER, withdrawals=False)) == [EVENT, second]

    async def test_a_decision_rests_on_a_reading_that_may_serve(self, log: Store) -> None:
        """Such an entry is stored with its snapshot, which is there already or stored with it."""
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        part = replace(SNAPSHOT, id="part", body=b"a part of it")
        entries = [
            numbered(1, snapshot=SNAPSHOT, depends_on=MARK),
            numbered(2, snapshot=part, depends_on=MARK),
            numbered(3, snapshot=part, depends_on=MARK),
            numbered(4),
        ]
        assert await asyncio.gather(*map(log.commit, entries)) == [*map(as_stored, entries)]
        again = [structs.replace(one, request_id=f"again-{one.decision_id}") for one in entries]
        again = [structs.replace(one, decision_id=f"{one.decision_id}-2") for one in again]
        assert await asyncio.gather(*map(log.commit, again)) == [*map(as_stored, again)]
        assert await log.snapshot(USER, SNAPSHOT.id) == SNAPSHOT.body
        assert await log.snapshot(USER, "part") == b"a part of it"

    @pytest.mark.parametrize("change", ["quarantine", "erase", "replace", "another"])
    async def test_a_decision_on_a_reading_that_moved_is_refused(
        self, log: Store, change: str
    ) -> None:
        """Whatever ended the serving, nothing is recorded, the neighbours are, and no memory of the
        reading outlives it."""
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        other = replace(SNAPSHOT, user_id="user-2")
        await log.keep_warm(other, MARK, consent=0)
        assert (await log.user_state(USER)).warm == MARK
        depends_on = MARK
        if change == "quarantine":
            await log.quarantine(USER, LATER)
        elif change == "erase":
            await log.erase(USER)
        elif change == "replace":
            newer = replace(MARK, snapshot_id="s-2", fetched=LATER, looked=LATER)
            await log.keep_warm(replace(SNAPSHOT, id="s-2"), newer, consent=0)
        else:
            depends_on = replace(MARK, fetched=LATER)
        moved = numbered(1, snapshot=SNAPSHOT, depends_on=depends_on)
        beside = [
            numbered(2, user_id="user-2", snapshot=other, depends_on=MARK),
            numbered(3),
        ]
        told = await asyncio.gather(
            *map(log.commit, [beside[0], moved, beside[1]]), return_exceptions=True
        )
        assert isinstance(told[1], ReadingMoved)
        assert told[::2] == [as_stored(one) for one in beside]
        assert await log.get(moved.decision_id) is None
        assert log.cached_user_state(USER) is None

    async def test_commits_together_each_tell_their_own(self, log: Store) -> None:
        """Each returns its entry, or the winner of its key."""
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        entries = [numbered(n, snapshot=SNAPSHOT, depends_on=MARK) for n in range(3)]
        twin = structs.replace(entries[0], decision_id=f"dec_{99:026d}")
        told = await asyncio.gather(*(log.commit(one) for one in (*entries, twin)))
        assert told == [as_stored(one) for one in (*entries, entries[0])]
        more = numbered(7, snapshot=SNAPSHOT, depends_on=MARK, arm=CHAMPION)
        told = await asyncio.gather(*(log.commit(one) for one in (twin, more, entries[1])))
        assert told == [as_stored(one) for one in (entries[0], more, entries[1])]
        for one in entries:
            assert (await log.look_up(one.caller, one.request_id)).entry == as_stored(one)
        assert await log.get(twin.decision_id) is None

    async def test_a_look_does_not_move_a_reading(self, log: Store) -> None:
        """Accounts that were found unchanged leave what rests on the reading as it is."""
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        await log.looked(USER, SNAPSHOT.id, LATER)
        entry = numbered(1, snapshot=SNAPSHOT, depends_on=MARK)
        assert await log.commit(entry) == as_stored(entry)

    async def test_what_was_told_is_recalled(self, log: Store) -> None:
        """Without asking anybody, and only of a user that was asked about."""
        assert log.cached_user_state(USER) is None
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        held = await log.user_state(USER)
        assert log.cached_user_state(USER) == held
        assert log.cached_user_state("user-2") is None

    async def test_users_are_listed_in_order(self, log: Store) -> None:
        """Page by page, those that are quarantined among them, those without a reading not."""
        for n in range(5):
            body = replace(SNAPSHOT, user_id=f"u-{n}")
            await log.keep_warm(body, MARK, consent=0)
        await log.quarantine("u-2", LATER)
        await log.quarantine("u-9", LATER)
        assert list(await log.read_users("", 2)) == ["u-0", "u-1"]
        assert list(await log.read_users("u-1", 10)) == ["u-2", "u-3", "u-4"]

    async def test_a_reading_that_is_replaced_is_not_kept(self, log: Store) -> None:
        """Only the one that may serve is stored, and those that decisions rest on."""
        second, third = (replace(SNAPSHOT, id=f"s-{number}") for number in (2, 3))
        await log.keep_warm(SNAPSHOT, MARK, consent=0)
        after = replace(MARK, snapshot_id="s-2", fetched=LATER)
        await log.keep_warm(second, after, consent=0)
        assert await log.snapshot(USER, SNAPSHOT.id) is None
        await log.commit(numbered(1, snapshot=second))
        latest = replace(MARK, snapshot_id="s-3", fetched=LATER + timedelta(seconds=1))
        await log.keep_warm(third, latest, consent=0)
        assert await log.snapshot(USER, "s-2") == SNAPSHOT.body
        assert not await log.keep_warm(SNAPSHOT, MARK, consent=0)
        assert await log.snapshot(USER, SNAPSHOT.id) is None

    async def test_withdrawals_are_pending_apart(self, log: Store) -> None:
        """They are found whatever else waits; what means nothing never waits."""
        gone = replace(EVENT, id="et-2", type="ACCOUNT_DISCONNECTED", kinds=())
        for event in (EVENT, gone, replace(EVENT, id="et-3", type="SOMETHING_NEW")):
            await log.receive(event, NOON, quarantine=False)
        assert list(await log.pending(10, LATER, withdrawals=True)) == [gone]
        assert list(await log.pending(10, LATER, withdrawals=False)) == [EVENT]
        await log.done([EVENT.id, gone.id])
        assert list(await log.pending(10, LATER, withdrawals=True)) == []

    async def test_postponed_events_wait(self, log: Store) -> None:
        """Until they are due, since when is told; what the user's next event is about comes too."""
        await log.receive(EVENT, NOON, quarantine=False)
        until = LATER + timedelta(minutes=1)
        assert await log.postpone([EVENT.id], LATER, LATER, until)
        before, waiting = until - timedelta(microseconds=1), replace(EVENT, postponed=LATER)
        assert list(await log.pending(10, before, withdrawals=False)) == []
        assert list(await log.pending(10, until, withdrawals=False)) == [waiting]
        others, more = replace(EVENT, id="et-2", user_id="u-2"), replace(EVENT, id="et-3")
        for event in (others, more):
            await log.receive(event, LATER, quarantine=False)
        told = [waiting, others, more]
        assert list(await log.pending(10, before, withdrawals=False)) == told
        assert await log.postpone([EVENT.id, more.id], before, LATER, until)
        assert list(await log.pending(10, before, withdrawals=False)) == [others]
        await log.done([EVENT.id])
        left = [others, replace(more, postponed=LATER)]
        assert list(await log.pending(10, until, withdrawals=False)) == left

    async def test_one_of_several_processes_postpones(self, log: Store) -> None:
        """Many find the events due at once, and one of them has them; of done ones none."""
        second = replace(EVENT, id="et-2")
        for event in (EVENT, second):
            await log.receive(event, NOON, quarantine=False)
        ids, until = [EVENT.id, second.id], LATER + timedelta(minutes=1)
        for now in (LATER, until):
            later = now + timedelta(minutes=1)
            told = await asyncio.gather(*(log.postpone(ids, now, NOON, later) for _ in range(5)))
            assert sorted(told) == [False] * 4 + [True]
        await log.done(ids)
        assert not await log.postpone(ids, LATER + timedelta(hours=1), NOON, LATER)

    async def test_what_a_wrong_clock_postponed_is_due(self, log: Store) -> None:
        """Nobody waits for an instant that no right clock could have set."""
        await log.receive(EVENT, NOON, quarantine=False)
        ahead = LATER + timedelta(days=2)
        assert await log.postpone([EVENT.id], ahead, ahead, ahead + timedelta(minutes=1))
        waiting = replace(EVENT, postponed=ahead)
        assert list(await log.pending(10, LATER, withdrawals=False)) == [waiting]

    async def test_an_erasure_ends_what_was_postponed(self, log: Store) -> None:
        """Nobody's data is read again after a withdrawal for what came before."""
        second = replace(EVENT, id="et-2")
        await log.receive(EVENT, NOON, quarantine=False)
        await log.postpone([EVENT.id], LATER, LATER, LATER + timedelta(minutes=1))
        await log.receive(second, NOON, quarantine=False)
        await log.erase(USER)
        later = LATER + timedelta(minutes=1)
        assert list(await log.pending(10, later, withdrawals=False)) == [second]

    async def test_how_old_the_oldest_part_is_reads_back(self, log: Store) -> None:
        """Where only a part was read anew."""
        part = replace(MARK, fetched=LATER, looked=LATER, oldest=NOON)
        await log.keep_warm(SNAPSHOT, part, consent=0)
        assert (await log.user_state(USER)).warm == part

    async def test_the_newest_decision_counts(self, log: Store) -> None:
        """In whatever order they were recorded; None where there is none."""
        assert await log.newest_decision() is None
        for number, days in enumerate((1, 2, 0), 1):
            await log.commit(numbered(number, created=NOON + timedelta(days=days)))
        assert await log.newest_decision() == NOON + timedelta(days=2)

    async def test_what_was_read_ahead_of_time_is_forgotten(self, log: Store) -> None:
        """It serves no decision; the next reading is kept, and a quarantine ahead bars it not."""
        ahead = NOON + timedelta(days=2)
        await log.keep_warm(SNAPSHOT, replace(MARK, fetched=ahead, looked=ahead), consent=0)
        await log.quarantine(USER, ahead)
        await log.forget_future(NOON)
        assert (await log.user_state(USER)).last is None
        fresh = replace(MARK, fetched=LATER, looked=LATER)
        assert await log.keep_warm(SNAPSHOT, fresh, consent=0)
        await log.forget_future(LATER)
        assert (await log.user_state(USER)).warm == fresh
