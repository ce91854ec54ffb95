"""What every `DecisionLog` must do, and its lists: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from decision_service.decide import replay
from decision_service.decide.replay import ReadDecisions
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.ports import (
    DecisionEntry,
    DecisionLog,
    Filter,
    PagePosition,
    SnapshotBody,
    StoredEntry,
    StoredText,
)
from decision_service.domain.snapshot import KnownCount
from tests.fakes.examples import examples

if TYPE_CHECKING:
    import pytest


from datetime import UTC, datetime

NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
ENTRY = DecisionEntry(
    decision_id="dec_01KAVQJ5000000000000000000",
    caller="los",
    request_id="11111111-1111-4111-8111-111111111111",
    content=b"\x01" * 32,
    user_id="user-1",
    product="personal-loan-ph",
    application_id="APP-1",
    customer_ref="ñandú ₱",
    outcome=Outcome.DECLINE,
    created=NOON,
    reply=b"\x00reply\xff",
    facts=b"facts",
    ruleset_digest="3f" * 32,
    plan_digest="9c" * 32,
)
SNAPSHOT = SnapshotBody(
    id="5a" * 32,
    user_id="user-1",
    body=b"the applicant's data" * 50,
    counts=(KnownCount("a-1", Kind.EINCOMES, 24), KnownCount("a-1", Kind.CONTRIBUTIONS, 7)),
)


def numbered(number: int, **changes: object) -> DecisionEntry:
    """An entry of its own id and request."""
    own = {"decision_id": f"dec_{number:026d}", "request_id": f"request-{number}"}
    return structs.replace(ENTRY, **(own | changes))


def as_stored(entry: DecisionEntry) -> StoredEntry:
    """What must come back for an entry, written out independently of any implementation."""
    names = [name for name in StoredEntry.__struct_fields__ if name != "snapshot_id"]
    return StoredEntry(
        **{name: getattr(entry, name) for name in names},
        snapshot_id=entry.snapshot.id if entry.snapshot else None,
    )


async def walk(log: DecisionLog, chosen: Filter, size: int) -> list[StoredEntry]:
    """All pages of a list, one after another."""
    found: list[StoredEntry] = []
    after = None
    while page := await log.list(chosen, after, size):
        assert len(page) <= size
        found.extend(page)
        after = PagePosition(page[-1].created, page[-1].decision_id)
    return found


_OUTCOMES = tuple(Outcome)

_APPLICATIONS = {4: "user-3", 8: "ref-1", 13: "user-3"}

"""Ids that are somebody's too."""

LISTED = tuple(
    numbered(
        number * 7 % 60,  # ids in another order than instants
        user_id=f"user-{number % 5}",
        product=f"product-{number % 2}",
        application_id=_APPLICATIONS.get(number, f"APP-{number % 7}" if number % 3 else ""),
        customer_ref=f"ref-{number % 4}" if number % 2 else "",
        outcome=_OUTCOMES[number % 4],
        created=NOON + timedelta(microseconds=number // 3),  # three of every instant
    )
    for number in range(60)
)

INSTANTS = st.integers(-1, 21).map(lambda n: NOON + timedelta(microseconds=n))

VALUES = {
    "user_id": st.sampled_from(["user-0", "user-3", "user-9"]),
    "application_id": st.sampled_from(["APP-1", "APP-2"]),
    "customer_ref": st.sampled_from(["ref-1", "ref-3"]),
    "product": st.sampled_from(["product-0", "product-1"]),
    "outcome": st.sampled_from(_OUTCOMES),
    "any_id": st.sampled_from(["user-3", "APP-2", "ref-1", numbered(7).decision_id, "rev_9"]),
    "created_from": INSTANTS,
    "created_before": INSTANTS,
}


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    """Filters of few conditions, so that most of them find something."""
    names = draw(st.sets(st.sampled_from(sorted(VALUES)), max_size=3))
    return Filter(**{name: draw(VALUES[name]) for name in sorted(names)})


def expected(chosen: Filter) -> list[str]:
    """The ids a filter must give, by the plainest reading of its words."""
    texts = ("user_id", "application_id", "customer_ref", "product")
    ids = ("decision_id", *texts[:3])
    found = [
        entry
        for entry in LISTED
        if all(getattr(chosen, name) in ("", getattr(entry, name)) for name in texts)
        and chosen.any_id in ("", *(getattr(entry, name) for name in ids))
        and chosen.outcome in (None, entry.outcome)
        and (chosen.created_from is None or chosen.created_from <= entry.created)
        and (chosen.created_before is None or entry.created < chosen.created_before)
    ]
    found.sort(key=lambda entry: (entry.created, entry.decision_id))
    return [entry.decision_id for entry in reversed(found)]


class ListingKit:
    """The suite; `log` is an empty log."""

    async def test_a_page_holds_no_more_than_asked(self, log: DecisionLog) -> None:
        """The limit counts rows, and the position itself is not shown again."""
        for n in range(5):
            await log.commit(numbered(n))
        first = await log.list(Filter(), None, 2)
        assert [row.decision_id for row in first] == [numbered(n).decision_id for n in (4, 3)]
        after = PagePosition(first[1].created, first[1].decision_id)
        rest = await log.list(Filter(), after, 500)
        assert [row.decision_id for row in rest] == [numbered(n).decision_id for n in (2, 1, 0)]

    async def test_a_time_range_is_half_open(self, log: DecisionLog) -> None:
        """A decision of the first instant is in the range, one of the last is not."""
        for n in range(3):
            await log.commit(numbered(n, created=NOON + timedelta(microseconds=n)))
        chosen = Filter(created_from=NOON, created_before=NOON + timedelta(microseconds=2))
        found = [row.decision_id for row in await log.list(chosen, None, 10)]
        assert found == [numbered(1).decision_id, numbered(0).decision_id]

    @settings(
        max_examples=examples(100),
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,  # the rows are the same for every example
            HealthCheck.differing_executors,  # every implementation is held to the one law
        ],
    )
    @given(chosen=filters(), size=st.integers(1, 70))
    async def test_pages_of_a_filter_are_the_sorted_list(
        self, log: DecisionLog, chosen: Filter, size: int
    ) -> None:
        """Whatever the filter and the page size, the pages make up the plain sorted list."""
        if not await log.list(Filter(), None, 1):
            await asyncio.gather(*(log.commit(entry) for entry in LISTED))
        found = await walk(log, chosen, size)
        assert [row.decision_id for row in found] == expected(chosen)

    async def test_pages_of_what_fits_go_on_after_the_last_that_was_looked_at(
        self, log: DecisionLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A page ends when it is full or enough was looked at; none is shown twice or left out."""
        monkeypatch.setattr(replay, "LOOKED_AT_TOGETHER", 5)
        monkeypatch.setattr(replay, "MOST_LOOKED_AT", 10)
        for entry in LISTED:
            await log.commit(entry)
        reading, chosen = ReadDecisions(log, cast("Any", None)), Filter(product="product-1")
        every = expected(chosen)

        async def fits(
            wanted: Sequence[str], looked: list[int], entries: Sequence[StoredEntry]
        ) -> Sequence[bool]:
            looked[-1] += len(entries)
            return [one.decision_id in wanted for one in entries]

        for size, wanted, looked_at in (
            (3, every[:4] + every[25:26], [5, 10, 10, 7]),
            (1, every[4:6], [5, 5, 10, 10, 4]),
            (50, [], [10, 10, 10]),
        ):
            found, looked, after, more = list[str](), list[int](), None, True
            while more:
                looked.append(0)
                fitting = partial(fits, wanted, looked)
                page = await reading.list(chosen, after, size, fitting)
                found += [entry.decision_id for entry in page.entries]
                after, more = page.next, page.next is not None
            assert (found, looked) == (wanted, looked_at)


class DecisionLogKit(ListingKit):
    """The suite; `log` is an empty log."""

    async def test_a_decision_reads_back_as_it_was_committed(self, log: DecisionLog) -> None:
        """Commit, find and get give every field of the entry, bytes and microseconds included."""
        entry = structs.replace(ENTRY, snapshot=SNAPSHOT)
        assert await log.commit(entry) == as_stored(entry)
        assert (await log.look_up(entry.caller, entry.request_id)).entry == as_stored(entry)
        assert await log.get(entry.decision_id) == as_stored(entry)

    async def test_a_decision_may_lack_all_that_is_optional(self, log: DecisionLog) -> None:
        """A NOT_ENROLLED entry without ruleset, plan, snapshot and references reads back so."""
        entry = structs.replace(
            ENTRY,
            outcome=Outcome.NOT_ENROLLED,
            application_id="",
            customer_ref="",
            ruleset_digest=None,
            plan_digest=None,
            reply=b"",
            facts=b"",
        )
        await log.commit(entry)
        assert await log.get(entry.decision_id) == as_stored(entry)

    async def test_instants_come_back_in_utc(self, log: DecisionLog) -> None:
        """An instant given in another zone is the same instant, in UTC, when read."""
        manila = timezone(timedelta(hours=8))
        entry = structs.replace(ENTRY, created=NOON.astimezone(manila))
        for found in (await log.commit(entry), await log.get(entry.decision_id)):
            assert found is not None
            assert found.created == NOON
            assert found.created.utcoffset() == timedelta(0)

    async def test_what_is_not_there_is_none(self, log: DecisionLog) -> None:
        """An empty log has no decision, snapshot, count or text, and an empty list."""
        assert (await log.look_up("los", "r")).entry is None
        assert await log.get("dec_0") is None
        assert await log.snapshot("user-1", "s") is None
        assert await log.text("d") is None
        assert list((await log.user_state("user-1")).counts) == []
        assert list(await log.list(Filter(), None, 10)) == []

    async def test_a_taken_request_id_gives_the_winner(self, log: DecisionLog) -> None:
        """The second entry of a key gets the first back, whatever it holds itself."""
        winner = await log.commit(ENTRY)
        loser = numbered(2, request_id=ENTRY.request_id, content=b"\x02" * 32, reply=b"other")
        assert await log.commit(loser) == winner
        assert (await log.look_up(ENTRY.caller, ENTRY.request_id)).entry == winner

    async def test_nothing_of_a_loser_is_stored(self, log: DecisionLog) -> None:
        """The entry that came second leaves no decision, no snapshot and no count."""
        await log.commit(ENTRY)
        loser = numbered(2, request_id=ENTRY.request_id, snapshot=SNAPSHOT)
        await log.commit(loser)
        assert await log.get(loser.decision_id) is None
        assert await log.snapshot(SNAPSHOT.user_id, SNAPSHOT.id) is None
        assert list((await log.user_state(SNAPSHOT.user_id)).counts) == []
        assert len(await log.list(Filter(), None, 10)) == 1

    async def test_callers_do_not_share_request_ids(self, log: DecisionLog) -> None:
        """One request id of two callers makes two decisions, each found by its own caller."""
        await log.commit(ENTRY)
        other = numbered(2, request_id=ENTRY.request_id, caller="branch")
        assert await log.commit(other) == as_stored(other)
        assert (await log.look_up("los", ENTRY.request_id)).entry == as_stored(ENTRY)
        assert (await log.look_up("branch", ENTRY.request_id)).entry == as_stored(other)
        assert (await log.look_up("", ENTRY.request_id)).entry is None

    async def test_a_taken_decision_id_is_refused_alone(self, log: DecisionLog) -> None:
        """An entry whose decision id is another's is not stored; its neighbours are."""
        await log.commit(ENTRY)
        clash = numbered(2, decision_id=ENTRY.decision_id)
        neighbours = [numbered(3), numbered(4)]
        outcomes = await asyncio.gather(
            log.commit(neighbours[0]),
            log.commit(clash),
            log.commit(neighbours[1]),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], StoreUnavailable)
        assert outcomes[::2] == [as_stored(entry) for entry in neighbours]
        assert (await log.look_up(clash.caller, clash.request_id)).entry is None
        assert await log.get(ENTRY.decision_id) == as_stored(ENTRY)

    async def test_concurrent_duplicates_make_one_decision(self, log: DecisionLog) -> None:
        """Two hundred commits over twenty keys leave twenty rows, and all of a key agree."""
        burst = [
            numbered(n, request_id=f"request-{n % 20}", content=bytes([n % 3]) * 32)
            for n in range(200)
        ]
        answers = await asyncio.gather(*(log.commit(entry) for entry in burst))
        by_key: dict[str, set[str]] = {}
        for entry, answer in zip(burst, answers, strict=True):
            assert answer.request_id == entry.request_id
            by_key.setdefault(entry.request_id, set()).add(answer.decision_id)
        assert {len(ids) for ids in by_key.values()} == {1}
        rows = await log.list(Filter(), None, 500)
        assert {row.decision_id for row in rows} == {one for ids in by_key.values() for one in ids}
        assert len(rows) == 20
        assert all(row == answers[burst_index(burst, row)] for row in rows)

    async def test_concurrent_finds_each_get_their_own(self, log: DecisionLog) -> None:
        """Finds that run together are not mixed up, nor do missing ones disturb present ones."""
        entries = [numbered(n) for n in range(30)]
        await asyncio.gather(*(log.commit(entry) for entry in entries))
        found = await asyncio.gather(*(log.look_up("los", f"request-{n}") for n in range(40)))
        assert [one.entry for one in found] == [as_stored(entry) for entry in entries] + [None] * 10

    async def test_a_caller_who_leaves_does_not_break_its_neighbours(
        self, log: DecisionLog
    ) -> None:
        """Commits beside a cancelled one are stored, and the cancelled one is whole or absent."""
        tasks = [asyncio.create_task(log.commit(numbered(n))) for n in range(9)]
        await asyncio.sleep(0)
        tasks[4].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(done.pop(4), asyncio.CancelledError)
        assert done == [as_stored(numbered(n)) for n in range(9) if n != 4]
        assert await log.get(numbered(4).decision_id) in (None, as_stored(numbered(4)))

    async def test_a_snapshot_reads_back(self, log: DecisionLog) -> None:
        """The body comes back byte for byte, by user and id."""
        await log.commit(structs.replace(ENTRY, snapshot=SNAPSHOT))
        assert await log.snapshot(SNAPSHOT.user_id, SNAPSHOT.id) == SNAPSHOT.body
        assert await log.snapshot("user-2", SNAPSHOT.id) is None

    async def test_decisions_share_a_snapshot(self, log: DecisionLog) -> None:
        """Several decisions on one snapshot, together and later, leave it readable from each."""
        entries = [numbered(n, snapshot=SNAPSHOT) for n in range(4)]
        await asyncio.gather(*(log.commit(entry) for entry in entries[:3]))
        await log.commit(entries[3])
        for row in await log.list(Filter(), None, 10):
            assert await log.snapshot(row.user_id, row.snapshot_id or "") == SNAPSHOT.body

    async def test_users_do_not_share_snapshots(self, log: DecisionLog) -> None:
        """Equal ids of two users are two snapshots."""
        other = replace(SNAPSHOT, user_id="user-2", body=b"")
        entries = (
            numbered(1, snapshot=SNAPSHOT),
            numbered(2, user_id="user-2", snapshot=other),
        )
        await asyncio.gather(*(log.commit(entry) for entry in entries))
        assert await log.snapshot("user-1", SNAPSHOT.id) == SNAPSHOT.body
        assert await log.snapshot("user-2", SNAPSHOT.id) == b""

    async def test_known_counts_only_rise(self, log: DecisionLog) -> None:
        """Each source and kind keeps the most it ever gave, whatever came later or together."""
        counts = [
            (KnownCount("a-1", Kind.EINCOMES, 24), KnownCount("a-2", Kind.LIABILITIES, 0)),
            (KnownCount("a-1", Kind.EINCOMES, 12), KnownCount("a-2", Kind.LIABILITIES, 3)),
            (KnownCount("a-1", Kind.EINCOMES, 30), KnownCount("a-1", Kind.CONTRIBUTIONS, 1)),
            (KnownCount("a-1", Kind.EINCOMES, 29),),
        ]
        entries = [
            numbered(n, snapshot=SnapshotBody(f"s-{n}", "user-1", b"x", counts[n]))
            for n in range(4)
        ]
        await log.commit(entries[0])
        await log.commit(entries[1])
        assert KnownCount("a-1", Kind.EINCOMES, 24) in (await log.user_state("user-1")).counts
        await asyncio.gather(*(log.commit(entry) for entry in entries[2:]))
        assert set((await log.user_state("user-1")).counts) == {
            KnownCount("a-1", Kind.EINCOMES, 30),
            KnownCount("a-1", Kind.CONTRIBUTIONS, 1),
            KnownCount("a-2", Kind.LIABILITIES, 3),
        }
        assert (await log.user_state("user-2")).counts == ()

    async def test_the_newest_month_only_rises(self, log: DecisionLog) -> None:
        """Months and counts rise apart from each other, and what tells no month lowers nothing."""
        told = [(3, None), (2, 24_319), (9, 24_318), (8, None), (7, 24_320), (1, 24_320)]
        for n, (count, newest) in enumerate(told):
            counts = (KnownCount("a-1", Kind.EINCOMES, count, newest),)
            await log.commit(numbered(n, snapshot=SnapshotBody(f"s-{n}", "user-1", b"x", counts)))
        expected = KnownCount("a-1", Kind.EINCOMES, 9, 24_320)
        assert (await log.user_state("user-1")).counts == (expected,)

    async def test_texts_are_kept_as_they_first_came(self, log: DecisionLog) -> None:
        """A text is found by digest; a second one of its digest changes nothing."""
        ruleset = StoredText("3f" * 32, "ruleset", b"\x00rules\xff")
        plan = StoredText("9c" * 32, "plan", b"")
        await log.put_texts([])
        await log.put_texts([ruleset, plan, ruleset])
        await log.put_texts(iter([replace(ruleset, body=b"other")]))
        assert await log.text(ruleset.digest) == ruleset
        assert await log.text(plan.digest) == plan

    async def test_the_last_text_of_a_kind_is_by_digest(self, log: DecisionLog) -> None:
        """Among the texts of one kind the digest that sorts last is given, whatever came last."""
        texts = [StoredText(f"rules-{n}", "rules", b"%d" % n) for n in (2, 3, 1)]
        assert await log.last_text("rules") is None
        await log.put_texts([*texts, StoredText("rules-4", "plan", b"")])
        assert await log.last_text("rules") == texts[1]
        assert list(await log.last_texts("rules", 2)) == [texts[1], texts[0]]


def burst_index(burst: list[DecisionEntry], row: StoredEntry) -> int:
    """Where in a burst the entry of this row's id stands."""
    return next(n for n, entry in enumerate(burst) if entry.decision_id == row.decision_id)
