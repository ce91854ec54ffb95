"""What every `HistoryLog` must do: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from decision_service.casework.outcomes import LoanOutcome, LoanStatus
from decision_service.decide.application import IdentityKey, history_keys
from decision_service.decide.history import (
    NOTHING_PAST,
    LookedUp,
    Past,
    PastDecision,
    ReportedLoans,
)
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import ConsentMoved, HistoryMoved
from decision_service.domain.ports import DecisionEntry, HistoryEntry
from decision_service.domain.values import Money
from decision_service.store.store import Store
from tests.kits.decision_log import ENTRY, NOON, SNAPSHOT, as_stored, numbered

DAY = timedelta(days=1)
SECRET = IdentityKey.of(b"a secret of thirty-two bytes and more")
KEYS = history_keys("user-1", "los", "C-1", (SECRET,), ("a-1", "a-2"), ["cruz juan 1990-01-01"])
USER, HASH = KEYS.user, KEYS.accounts[0][0]


def decided(
    number: int, keys: Iterable[bytes] = KEYS.all, last: int = 0, **changes: object
) -> DecisionEntry:
    """An approval of 50,000 that was decided when there were `last` decisions under each key."""
    told = HistoryEntry(
        tuple((key, last) for key in keys), "PHP", 5_000_000, 945_650, NOON + 14 * DAY
    )
    own = {"outcome": Outcome.APPROVE, "customer_ref": "C-1", "history": told}
    return numbered(number, **(own | changes))


def as_past(entry: DecisionEntry, loans: ReportedLoans | None = None) -> PastDecision:
    """What must come back of an entry, written out independently of any implementation."""
    told = entry.history
    assert told is not None
    return PastDecision(
        entry.decision_id, entry.user_id, entry.caller, entry.customer_ref, entry.product,
        entry.outcome, entry.created, told.currency, told.approved, told.instalment, told.expires,
        loans,
    )  # fmt: skip


def present(past: Mapping[bytes, Past]) -> Mapping[bytes, Past]:
    """The keys under which there is a decision."""
    return {key: one for key, one in past.items() if one.last}


async def booked(log: Store, entry: DecisionEntry, **changes: object) -> None:
    """Report a loan of 50,000 on the decision, of which 20,000 are repaid."""
    report = LoanOutcome(
        entry.decision_id, f"LN {entry.decision_id}", date(2026, 12, 1), LoanStatus.BOOKED,
        Money("PHP", 5_000_000), date(2026, 11, 25), Money("PHP", 945_650), Money("PHP", 2_000_000),
    )  # fmt: skip
    await log.record_outcome(replace(report, **changes), entry.caller, NOON)


async def decide(log: Store, number: int, keys: Iterable[bytes]) -> Mapping[bytes, int]:
    """Read and commit until the decision rests on what was read; how many came before, by key."""
    wanted = tuple(keys)
    while True:
        past = await log.past(wanted)
        last = {key: past[key].last for key in wanted}
        told = HistoryEntry(tuple(last.items()), "PHP", 5_000_000)
        try:
            await log.commit(decided(number, history=told))
        except HistoryMoved:
            continue
        return last


class HistoryLogKit:
    """The suite; `log` is an empty store."""

    async def test_a_decision_is_found_under_each_of_its_keys(self, log: Store) -> None:
        """Every field reads back under user, customer, account and person, and no other key."""
        assert present(await log.past(KEYS.all)) == {}
        entry, bare = decided(1), decided(2, [USER], last=1, outcome=Outcome.REFER)
        bare = replace(bare, history=HistoryEntry(((USER, 1),), "PHP"))
        await log.commit(entry)
        await log.commit(bare)
        found = present(await log.past([*KEYS.all, history_keys("user-2", "los", "").user]))
        assert set(found) == {*KEYS.all}
        for key in KEYS.all:
            expected = [as_past(entry)] + ([as_past(bare)] if key == USER else [])
            assert found[key].last == len(expected)
            assert sorted(found[key].decisions, key=lambda one: one.decision_id) == expected

    async def test_who_looks_up_together_each_gets_the_own_answer(self, log: Store) -> None:
        """Requests and keys that are looked up at once are not mixed up, nor are missing ones."""
        entries = [decided(n, [bytes([n]) * 8], last=0) for n in range(1, 9)]
        for entry in entries:
            await log.commit(entry)
        keys = [bytes([n]) * 8 for n in range(1, 11)]
        asked = [log.look_up("los", f"request-{n}", [keys[-n]]) for n in range(1, 11)]
        found = await asyncio.gather(*asked, *(log.past([key]) for key in keys))
        past = [{key: Past(1, (as_past(e),))} for key, e in zip(keys, entries, strict=False)]
        past += [{key: NOTHING_PAST} for key in keys[8:]]
        stored = [as_stored(entry) for entry in entries] + [None] * 2
        assert found[:10] == [LookedUp(*one) for one in zip(stored, past[::-1], strict=True)]
        assert found[10:] == past

    async def test_only_one_decision_rests_on_a_history(self, log: Store) -> None:
        """A second one that read the same finds its place taken, and leaves nothing behind."""
        await log.commit(decided(1))
        for keys in (KEYS.all, [USER], [KEYS.person[0], history_keys("user-9", "los", "").user]):
            with pytest.raises(HistoryMoved):
                await log.commit(decided(2, keys))
        assert await log.get(decided(2).decision_id) is None
        found = present(await log.past([*KEYS.all, history_keys("user-9", "los", "").user]))
        assert {past.last for past in found.values()} == {1}
        assert set(found) == {*KEYS.all}
        await log.commit(decided(2, last=1))
        assert (await log.past([USER]))[USER].last == 2

    async def test_of_fifty_at_once_each_rests_on_its_own_history(self, log: Store) -> None:
        """Fifty that read and commit until they may: fifty places, no two alike, nobody starves."""

        some = [KEYS.person[0], KEYS.accounts[0][0]]
        work = [decide(log, number, KEYS.all if number % 2 else some) for number in range(1, 51)]
        seen = [last[KEYS.person[0]] for last in await asyncio.gather(*work)]
        assert sorted(seen) == list(range(50))

    async def test_a_repeated_request_counts_once(self, log: Store) -> None:
        """The same request gives the recorded decision, whatever history it was decided on."""
        first = await log.commit(decided(1))
        assert await log.commit(decided(1)) == first
        again = decided(2, last=1, request_id=decided(1).request_id)
        assert await log.commit(again) == first
        assert (await log.past([USER]))[USER].last == 1

    async def test_what_is_not_recorded_leaves_no_trace(self, log: Store) -> None:
        """A decision whose consent was withdrawn meanwhile gives its places back."""
        with pytest.raises(ConsentMoved):
            await log.commit(decided(1, snapshot=SNAPSHOT, consent=1))
        assert present(await log.past(KEYS.all)) == {}
        await log.commit(decided(2))

    async def test_reports_tell_what_is_left_of_a_decision(self, log: Store) -> None:
        """Booked, half repaid and overdue; the rest never taken up; repaid; given up."""
        entry = decided(1)
        await log.commit(entry)
        await booked(log, entry, overdue_days=4)
        assert await self._loans(log) == ReportedLoans(3_000_000, 945_650, 1, 1, 0, 5_000_000)
        await booked(log, entry, loan_id="LN 2", status=LoanStatus.NOT_TAKEN_UP, repaid=None)
        assert await self._loans(log) == ReportedLoans(3_000_000, 945_650, 1, 1, 0)
        later = date(2026, 12, 2)
        await booked(log, entry, as_of=later, status=LoanStatus.REPAID)
        assert await self._loans(log) == ReportedLoans(0, 0, 0, 0, 1)
        await booked(log, entry, as_of=date(2026, 12, 3), status=LoanStatus.CHARGED_OFF)
        assert await self._loans(log) == ReportedLoans(0, 0, 0, 1, 0)

    async def test_a_loan_of_an_application_that_was_decided_elsewhere_is_owed(
        self, log: Store
    ) -> None:
        """It is found by user and customer from its first report on; nothing else of it counts."""
        entry = decided(1, outcome=Outcome.NOT_ENROLLED, history=None)
        await log.commit(entry)
        assert present(await log.past(KEYS.all)) == {}
        await log.commit(decided(2, [USER]))
        await asyncio.gather(*(booked(log, entry, loan_id=f"LN {n}") for n in range(2)))
        found = present(await log.past(KEYS.all))
        assert set(found) == {USER, KEYS.customer}
        (lent,) = {*found[KEYS.customer].decisions}
        assert lent in found[USER].decisions
        assert (lent.outcome, lent.currency, lent.approved) == (Outcome.NOT_ENROLLED, "PHP", None)
        assert lent.loans == ReportedLoans(6_000_000, 1_891_300, 2, 0, 0, 10_000_000)
        with pytest.raises(HistoryMoved):
            await log.commit(decided(3, [USER], last=1))

    async def test_a_report_of_no_amount_enters_nothing(self, log: Store) -> None:
        """A loan that was decided elsewhere and not taken up, or repaid, is no debt."""
        entry = decided(1, outcome=Outcome.NOT_ENROLLED, history=None)
        await log.commit(entry)
        none = {"disbursed": None, "disbursed_on": None, "instalment": None, "repaid": None}
        await booked(log, entry, status=LoanStatus.NOT_TAKEN_UP, **none)
        assert present(await log.past(KEYS.all)) == {}

    async def test_an_erased_user_is_linked_to_nobody(self, log: Store) -> None:
        """Hashes of account and person go; the decisions stay under user and customer."""
        await log.commit(decided(1))
        other = [KEYS.person[0], history_keys("user-2", "los", "").user]
        told = HistoryEntry(((other[0], 1), (other[1], 0)), "PHP")
        await log.commit(decided(2, user_id="user-2", history=told))
        await log.erase("user-1")
        found = present(await log.past([*KEYS.all, *other]))
        assert set(found) == {USER, KEYS.customer, *other}
        assert [one.user_id for one in found[other[0]].decisions] == ["user-2"]

    async def test_an_erased_user_leaves_the_others_of_an_account(self, log: Store) -> None:
        """Entries that the two made under each other's user go; each keeps its own decisions."""
        other = history_keys("user-2", "los", "").user
        await log.commit(decided(1, [USER, HASH]))
        told = HistoryEntry(((USER, 1), (HASH, 1), (other, 0)), "PHP")
        await log.commit(decided(2, user_id="user-2", history=told))
        told = HistoryEntry(((USER, 2), (other, 1)), "PHP")
        await log.commit(decided(3, history=told))
        await log.erase("user-1")
        found = present(await log.past([USER, HASH, other]))
        assert {
            key: sorted(one.decision_id for one in past.decisions) for key, past in found.items()
        } == {
            USER: [decided(n).decision_id for n in (1, 3)],
            HASH: [decided(2).decision_id],
            other: [decided(2).decision_id],
        }

    async def test_history_goes_with_its_decisions(self, log: Store) -> None:
        """What is kept long enough goes, and later decisions count on."""
        await log.commit(decided(1))
        await log.commit(decided(2, last=1, created=NOON + 2 * DAY))
        assert await log.expire(NOON + DAY, 10) == 1
        found = present(await log.past(KEYS.all))
        assert {past.last for past in found.values()} == {2}
        assert [one.decision_id for one in found[USER].decisions] == [decided(2).decision_id]
        assert await log.expire(NOON + 3 * DAY, 10) == 1
        assert present(await log.past(KEYS.all)) == {}
        assert await log.get(ENTRY.decision_id) is None

    async def _loans(self, log: Store) -> ReportedLoans | None:
        return (await log.past([USER]))[USER].decisions[0].loans
