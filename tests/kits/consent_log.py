"""What every store must do when consent is withdrawn: subclass the kit, give it a `log`."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec import structs
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.errors import ConsentMoved
from decision_service.domain.ports import Disconnected, Erased, SnapshotBody, UserState
from decision_service.domain.snapshot import KnownCount
from decision_service.store.store import Store
from tests.kits.decision_log import ENTRY, NOON, SNAPSHOT, as_stored, numbered

USER = SNAPSHOT.user_id
MONTH = 24_319
KEPT = timedelta(days=90)


async def read(log: Store, n: int, *counts: KnownCount, consent: int = 0) -> None:
    """A decision on data of these counts."""
    body = SnapshotBody(f"snap-{n}", USER, b"x", counts)
    await log.commit(numbered(n, snapshot=body, consent=consent))


def told(source: str, kind: Kind = Kind.EINCOMES, newest: int | None = MONTH) -> KnownCount:
    return KnownCount(source, kind, 12, newest)


def left(source: str, kind: Kind = Kind.EINCOMES, newest: int = MONTH) -> KnownCount:
    return KnownCount(source, kind, 0, newest)


def gone(*accounts: str, until: datetime = NOON + KEPT) -> Disconnected:
    """These accounts are disconnected."""
    return Disconnected(frozenset(accounts), until)


class ConsentKit:
    """The suite; `log` is an empty log."""

    async def test_an_erasure_takes_data_and_leaves_decisions(self, log: Store) -> None:
        """Snapshots and counts are gone, the decision reads back byte for byte."""
        entry = structs.replace(ENTRY, snapshot=SNAPSHOT)
        await log.commit(entry)
        assert await log.erase(USER) == Erased(snapshots=1, known=True)
        assert await log.snapshot(USER, SNAPSHOT.id) is None
        assert await log.user_state(USER) == UserState((), consent=1)
        assert await log.get(entry.decision_id) == as_stored(entry)

    async def test_a_users_snapshots_are_listed_the_newest_first(self, log: Store) -> None:
        """With when each was stored first, as many as are asked for; after an erasure none."""
        for n, days in ((1, 0), (2, 40), (3, 9), (1, 50)):
            body = SnapshotBody(f"snap-{n}", USER, b"x")
            created = NOON + timedelta(days=days)
            await log.commit(numbered(n + days, snapshot=body, created=created))
        newest = [("snap-2", NOON + timedelta(days=40)), ("snap-3", NOON + timedelta(days=9))]
        assert await log.earlier_snapshots(USER, 2) == newest
        assert await log.earlier_snapshots(USER, 9) == [*newest, ("snap-1", NOON)]
        await log.erase(USER)
        assert await log.earlier_snapshots(USER, 9) == []

    async def test_what_was_read_before_is_refused_after(self, log: Store) -> None:
        """An entry of the earlier consent is not recorded; one without data, or of now, is."""
        await log.erase(USER)
        with pytest.raises(ConsentMoved):
            await log.commit(structs.replace(ENTRY, snapshot=SNAPSHOT, consent=0))
        assert await log.get(ENTRY.decision_id) is None
        assert await log.snapshot(USER, SNAPSHOT.id) is None
        await log.commit(numbered(2))
        await log.commit(numbered(3, snapshot=SNAPSHOT, consent=1))
        assert await log.snapshot(USER, SNAPSHOT.id) == SNAPSHOT.body

    async def test_a_recorded_decision_is_repeated_whatever_was_withdrawn(self, log: Store) -> None:
        """A later entry under a taken key still gets the first decision."""
        stored = await log.commit(structs.replace(ENTRY, snapshot=SNAPSHOT))
        await log.erase(USER)
        again = numbered(2, request_id=ENTRY.request_id, snapshot=SNAPSHOT, consent=1)
        assert await log.commit(again) == stored

    async def test_users_are_erased_one_by_one(self, log: Store) -> None:
        """Another user's data and consent stay as they are; each erasure counts."""
        other = replace(SNAPSHOT, user_id="user-2")
        await log.commit(numbered(2, user_id="user-2", snapshot=other))
        assert await log.erase(USER) == Erased(snapshots=0, known=False)
        await log.erase(USER)
        assert await log.snapshot("user-2", SNAPSHOT.id) == SNAPSHOT.body
        assert (await log.user_state(USER)).consent == 2
        assert (await log.user_state("user-2")).consent == 0

    async def test_of_a_disconnected_account_the_newest_month_with_income_stays(
        self, log: Store
    ) -> None:
        """By kind, without counts; nothing of accounts that are connected, or told of no income."""
        await read(
            log,
            1,
            told("a-1"),
            told("a-1", Kind.INCOMES, MONTH - 1),
            told("a-1", Kind.TRANSACTIONS, MONTH - 2),
            told("a-1", Kind.CONTRIBUTIONS),
            told("a-1", Kind.LIABILITIES, None),
            told("a-2"),
            told("a-3", newest=None),
        )
        await log.erase(USER, gone("a-1", "a-3", "a-9"))
        held = await log.user_state(USER)
        assert held.counts == ()
        assert held.ended == (
            left("a-1"),
            left("a-1", Kind.INCOMES, MONTH - 1),
            left("a-1", Kind.TRANSACTIONS, MONTH - 2),
        )
        assert held.known == held.ended
        assert (await log.user_state("user-2")).ended == ()

    async def test_an_erasure_of_the_person_leaves_nothing(self, log: Store) -> None:
        """What was left of disconnected accounts goes with all other data."""
        await read(log, 1, told("a-1"))
        await log.erase(USER, gone("a-1"))
        await log.erase(USER)
        assert await log.user_state(USER) == UserState((), consent=2)

    async def test_another_withdrawal_keeps_what_was_left(self, log: Store) -> None:
        """As long as the account is listed as disconnected; one that is listed no more goes."""
        await read(log, 1, told("a-1"), told("a-2"))
        await log.erase(USER, gone("a-1", "a-2"))
        await log.erase(USER, gone("a-1"))
        assert (await log.user_state(USER)).ended == (left("a-1"),)

    async def test_what_is_left_goes_in_time(self, log: Store) -> None:
        """It is kept until its day, which a withdrawal without news does not put off."""
        await read(log, 1, told("a-1"))
        await log.erase(USER, gone("a-1"))
        await log.erase(USER, gone("a-1", until=NOON + 2 * KEPT))
        await log.forget_ended(NOON + KEPT - timedelta(microseconds=1))
        assert (await log.user_state(USER)).ended == (left("a-1"),)
        await log.forget_ended(NOON + KEPT)
        assert (await log.user_state(USER)).ended == ()

    async def test_an_account_that_is_connected_again_tells_anew(self, log: Store) -> None:
        """What it gave since counts, and is what is left when it is disconnected again."""
        await read(log, 1, told("a-1"), told("a-1", Kind.INCOMES))
        await log.erase(USER, gone("a-1"))
        await read(log, 2, told("a-1", newest=MONTH + 3), consent=1)
        held = await log.user_state(USER)
        assert held.known == (told("a-1", newest=MONTH + 3), left("a-1", Kind.INCOMES))
        await log.erase(USER, gone("a-1", until=NOON + 2 * KEPT))
        await log.forget_ended(NOON + KEPT)
        assert (await log.user_state(USER)).ended == (left("a-1", newest=MONTH + 3),)
