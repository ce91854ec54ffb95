"""What every store must add up for a rollout: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

from datetime import timedelta

from msgspec import structs
from msgspec.structs import replace

from decision_service.domain.decision import Arm, Outcome, ReferKind
from decision_service.domain.ports import ArmDecision, DecisionEntry
from decision_service.rollout.impact import JudgedApplicant, LeftOut, MatrixCell, NotCompared, Side
from decision_service.rollout_running.counters import (
    ArmTally,
    CounterKind,
    CounterTotal,
    FigureCell,
)
from decision_service.rollout_running.pairs import DecisionPair
from decision_service.store.store import Store
from tests.kits.decision_log import ENTRY, NOON, numbered

PRODUCT = ENTRY.product
HOUR = timedelta(hours=1)
TWELVE = NOON.replace(microsecond=0)
ERRORS = FigureCell(PRODUCT, 3, Arm.CHALLENGER, 2, TWELVE, CounterKind.ERROR, "INTERNAL")
ATTEMPTS = FigureCell(PRODUCT, 3, None, 0, TWELVE, CounterKind.ATTEMPTS)
PAIR = DecisionPair(
    "dec_1",
    PRODUCT,
    NOON,
    3,
    "3f" * 32,
    Outcome.APPROVE,
    JudgedApplicant(
        "dec_1",
        Side(Outcome.APPROVE, None, 2_000_000),
        Side(Outcome.REFER, ReferKind.SCORE, codes=("LOW_SCORE", "SHORT_HISTORY")),
        ("score.income", "score.age"),
    ),
)


def paired(decision_id: str, **sides: Side) -> DecisionPair:
    """A result as that of `PAIR`, on another decision, perhaps with other sides."""
    told = replace(PAIR.told, decision_id=decision_id, **sides)
    if "after" in sides:
        told = replace(told, causes=())
    return replace(PAIR, decision_id=decision_id, told=told)


async def stored(log: Store, *decision_ids: str) -> None:
    """Have the log hold decisions of these ids."""
    for number, decision_id in enumerate(decision_ids):
        await log.commit(numbered(number, decision_id=decision_id))


def decided(number: int, unit: str, outcome: Outcome, **changes: object) -> DecisionEntry:
    """A decision of the champion's on an applicant dealt by the hash, changed."""
    arm = ArmDecision(unit, Arm.CHAMPION, 1, hashed=True, pins=True)
    own = {name: changes.pop(name) for name in ("created", "product") if name in changes}
    return numbered(number, arm=structs.replace(arm, **changes), outcome=outcome, **own)


class ArmFiguresKit:
    """The suite; `log` is an empty log."""

    async def test_counters_of_all_processes_and_hours_add_up(self, log: Store) -> None:
        """A total is the sum over processes and hours, apart by arm, version, what and bucket."""
        later = replace(ERRORS, hour=TWELVE + HOUR)
        await log.put_cells("one", {ERRORS: 2, later: 3, ATTEMPTS: 7})
        await log.put_cells("two", {ERRORS: 10, replace(ERRORS, bucket="DEADLINE_EXCEEDED"): 1})
        await log.put_cells("two", {replace(ERRORS, product="gig-advance-ph"): 99})
        await log.put_cells("two", {})
        assert list(await log.totals(PRODUCT, TWELVE, 0)) == [
            CounterTotal(None, 0, CounterKind.ATTEMPTS, "", 7),
            CounterTotal(Arm.CHALLENGER, 2, CounterKind.ERROR, "DEADLINE_EXCEEDED", 1),
            CounterTotal(Arm.CHALLENGER, 2, CounterKind.ERROR, "INTERNAL", 15),
        ]

    async def test_writing_a_counter_again_counts_nothing_twice(self, log: Store) -> None:
        """A repeated or late write of one process leaves the highest of what it counted."""
        for count in (4, 6, 6, 5):
            await log.put_cells("one", {ERRORS: count})
        assert [t.count for t in await log.totals(PRODUCT, TWELVE, 0)] == [6]

    async def test_hours_and_entries_bound_the_totals(self, log: Store) -> None:
        """An hour counts while any of it lies after the instant, an entry from its number on."""
        await log.put_cells("one", {ERRORS: 1, replace(ERRORS, position=4): 2})
        just_before, end = TWELVE + HOUR - timedelta(microseconds=1), TWELVE + HOUR
        assert [t.count for t in await log.totals(PRODUCT, just_before, 0)] == [3]
        assert list(await log.totals(PRODUCT, end, 0)) == []
        assert [t.count for t in await log.totals(PRODUCT, TWELVE, 4)] == [2]
        assert list(await log.totals(PRODUCT, TWELVE, 5)) == []

    async def test_an_applicant_counts_once_by_the_first_decision(self, log: Store) -> None:
        """Of several decisions on one applicant the earliest in the window gives the outcome."""
        second, third = NOON + HOUR, NOON + 2 * HOUR
        await log.commit(decided(3, "u-1", Outcome.DECLINE, created=third))
        await log.commit(decided(1, "u-1", Outcome.APPROVE))
        data = {"refer_kind": ReferKind.DATA}
        await log.commit(decided(2, "u-1", Outcome.REFER, created=second, **data))
        await log.commit(decided(4, "u-2", Outcome.REFER, refer_kind=ReferKind.SCORE))
        champion = ArmTally(Arm.CHAMPION, 1, 4, 2, approved=1, referred=1, declined=0, missing=0)
        assert list(await log.tallies(PRODUCT, NOON, hashed=True)) == [champion]
        later = ArmTally(Arm.CHAMPION, 1, 2, 1, approved=0, referred=1, declined=0, missing=1)
        assert list(await log.tallies(PRODUCT, second, hashed=True)) == [later]
        before = ArmTally(Arm.CHAMPION, 1, 1, 1, approved=0, referred=1, declined=0, missing=1)
        assert list(await log.tallies(PRODUCT, second, third, hashed=True)) == [before]

    async def test_tallies_are_apart_by_arm_and_version(self, log: Store) -> None:
        """Each arm and version has its own tally, other products have none of it."""
        await log.commit(decided(1, "u-1", Outcome.APPROVE))
        await log.commit(decided(2, "u-2", Outcome.DECLINE, arm=Arm.CHALLENGER, version=2))
        await log.commit(decided(3, "u-3", Outcome.DECLINE, version=2))
        assert [
            (t.arm, t.version, t.units, t.declined)
            for t in await log.tallies(PRODUCT, NOON, hashed=True)
        ] == [(Arm.CHALLENGER, 2, 1, 1), (Arm.CHAMPION, 1, 1, 0), (Arm.CHAMPION, 2, 1, 1)]
        assert list(await log.tallies("gig-advance-ph", NOON, hashed=True)) == []

    async def test_amounts_are_of_all_decisions_in_the_window(self, log: Store) -> None:
        """Each approval's amount counts, a second one of the same applicant too; of others none."""
        for number, unit in ((1, "u-1"), (2, "u-1"), (3, "u-2")):
            await log.commit(decided(number, unit, Outcome.APPROVE, approved=number * 100_000))
        await log.commit(decided(4, "u-3", Outcome.DECLINE))
        other = {"arm": Arm.CHALLENGER, "version": 2}
        await log.commit(decided(5, "u-4", Outcome.APPROVE, approved=7, **other))
        found = await log.tallies(PRODUCT, NOON, hashed=False)
        assert [(t.arm, t.approved, t.amount) for t in found] == [
            (Arm.CHALLENGER, 1, 7),
            (Arm.CHAMPION, 2, 600_000),
        ]
        assert await log.tallies(PRODUCT, NOON + HOUR, hashed=False) == []

    async def test_only_dealt_applicants_enter_comparisons(self, log: Store) -> None:
        """Hashed tallies pass over who was allowed, pinned or segmented; the others count them."""
        await log.commit(decided(1, "u-1", Outcome.DECLINE, hashed=False))
        later = NOON + HOUR
        await log.commit(decided(2, "u-1", Outcome.APPROVE, created=later))
        hashed, every = [
            [(t.units, t.approved, t.declined) for t in await log.tallies(PRODUCT, NOON, hashed=h)]
            for h in (True, False)
        ]
        assert (hashed, every) == ([(1, 1, 0)], [(1, 0, 1)])

    async def test_spans_hold_what_is_tallied_of_each_alone(self, log: Store) -> None:
        """An applicant counts in every span of theirs, by its first decision; the rest is empty."""
        other = {"arm": Arm.CHALLENGER, "version": 2}
        for number, (unit, hour, outcome, more) in enumerate(
            (
                ("u-1", 0, Outcome.DECLINE, {}),
                ("u-1", 1, Outcome.APPROVE, {"approved": 5}),
                ("u-1", 2, Outcome.APPROVE, {"approved": 7}),
                ("u-2", 2, Outcome.REFER, {"refer_kind": ReferKind.DATA, "hashed": False}),
                ("u-3", 3, Outcome.APPROVE, other),
                ("u-4", 9, Outcome.DECLINE, other),
            )
        ):
            created = NOON + hour * HOUR
            await log.commit(decided(number, unit, outcome, created=created, **more))
        for hashed in (True, False):
            found = await log.span_tallies(PRODUCT, NOON, 2 * HOUR, hashed=hashed)
            alone = [
                await log.tallies(PRODUCT, since, since + 2 * HOUR, hashed=hashed)
                for since in (NOON + number * 2 * HOUR for number in range(6))
            ]
            assert found == {number: one for number, one in enumerate(alone) if one}
            assert [*found] == [0, 1, 4]
        assert await log.span_tallies("gig-advance-ph", NOON, HOUR, hashed=True) == {}

    async def test_spans_add_up_their_hours(self, log: Store) -> None:
        """Cells of all processes and entries, in the span in which their hour begins."""
        later, last = (replace(ERRORS, hour=TWELVE + n * HOUR) for n in (1, 5))
        await log.put_cells("one", {ERRORS: 2, later: 3, last: 4, ATTEMPTS: 7})
        await log.put_cells("two", {replace(ERRORS, position=9): 10})
        found = await log.span_totals(PRODUCT, TWELVE, 2 * HOUR)
        counts = {n: sorted((t.counted, t.count) for t in one) for n, one in found.items()}
        errors, attempts = CounterKind.ERROR, CounterKind.ATTEMPTS
        assert counts == {0: [(attempts, 7), (errors, 15)], 2: [(errors, 4)]}
        assert [*await log.span_totals(PRODUCT, TWELVE + HOUR, HOUR)] == [0, 4]

    async def test_results_of_a_shadow_are_added_up(self, log: Store) -> None:
        """Outcomes, amounts, causes and principal reasons are those of a report's sums."""
        approved = Side(Outcome.APPROVE, None, 2_000_000)
        await stored(log, "dec_1", "dec_2", "dec_3", "dec_4")
        await log.put_pairs([PAIR, paired("dec_2", before=replace(approved, amount=500_000))])
        await log.put_pairs([paired("dec_3", after=approved), paired("dec_4")])
        found = await log.pair_sums(PRODUCT, 3, NOON)
        assert found.matrix["APPROVE>APPROVE"] == MatrixCell(1, 2_000_000, 2_000_000)
        moved = found.matrix["APPROVE>REFER"]
        assert (moved.applicants, moved.amount_before, moved.amount_after) == (3, 4_500_000, 0)
        assert {"dec_2"} <= {*moved.examples} <= {"dec_1", "dec_2", "dec_4"}
        counts = {name: (c.first, c.alone, c.named, c.lost) for name, c in found.causes.items()}
        assert counts == {"score.income": (3, 0, 3, 3), "score.age": (0, 0, 3, 0)}
        assert found.reasons == {"APPROVE>LOW_SCORE": 3}

    async def test_a_result_that_is_there_stays(self, log: Store) -> None:
        """A version's second result on a decision changes nothing."""
        await stored(log, "dec_1")
        await log.put_pairs([PAIR])
        await log.put_pairs([paired("dec_1", after=Side(Outcome.DECLINE))])
        assert [*(await log.pair_sums(PRODUCT, 3, NOON)).matrix] == ["APPROVE>REFER"]

    async def test_sums_are_of_one_version_and_time(self, log: Store) -> None:
        """Other versions, products and earlier decisions are left out; failures have no side."""
        await stored(log, "dec_1", "dec_9")
        failed = replace(PAIR, told=NotCompared(LeftOut.RULE_ERROR, ("income.months_12m",)))
        await log.put_pairs([failed, replace(PAIR, version=4), paired("dec_9")])
        await log.put_pairs([])
        found = await log.pair_sums(PRODUCT, 3, NOON)
        assert (found.left_out, found.unknown) == ({LeftOut.RULE_ERROR: 1}, {"APPROVE": 1})
        assert [*found.matrix] == ["APPROVE>REFER"]
        for product, since in ((PRODUCT, NOON + HOUR), ("gig-advance-ph", NOON)):
            nobody = await log.pair_sums(product, 3, since)
            assert (nobody.everybody.applicants, nobody.left_out) == (0, {})
