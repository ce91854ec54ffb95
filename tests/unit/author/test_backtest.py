"""A backtest: the files it reads, values near a figure, its sums, and the bounds of its rates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp, lgamma, log, log1p, sqrt
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.author.backtest import sums as module
from decision_service.author.backtest.case_files import CaseReader
from decision_service.author.backtest.order import Applicants, named
from decision_service.author.backtest.replica import KeyRange, RangeCounts
from decision_service.author.backtest.report import BrokenLines
from decision_service.author.backtest.sums import (
    Amounts,
    BacktestApplicant,
    BacktestSums,
    KnownLoan,
    TooManyCells,
)
from decision_service.cli.output import CommandError, Exit
from decision_service.domain.decision import Outcome
from decision_service.domain.ports import PagePosition
from decision_service.rollout.impact import (
    ImpactSums,
    JudgedApplicant,
    LeftOut,
    Side,
    paired_interval,
    share_of,
)
from tests.fakes.examples import examples
from tests.unit.author.test_case_line import line

PRODUCT = "personal-loan-ph"
EVER = KeyRange(datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def cases(folder: Path, good: int, broken: int) -> Path:
    """So many decisions, of another product every second one, below broken lines."""
    file = folder / "cases.jsonl"
    names = (PRODUCT, "gig-advance-ph")
    lines = [line(decision=f"a{n}", unit=f"u{n}", product=names[n % 2]) for n in range(good)]
    file.write_bytes(b"\n".join([b"{"] * broken + lines))
    return file


def test_few_broken_lines_are_counted(tmp_path: Path) -> None:
    _, broken = named(Applicants(EVER, cases=cases(tmp_path, 38, 2)), PRODUCT, {})
    assert broken == (BrokenLines("cases.jsonl", 2, 40, (1, 2)),)


def test_many_broken_lines_stop_the_command(tmp_path: Path) -> None:
    found = Applicants(EVER, cases=cases(tmp_path, 37, 2))
    sentence = "cases.jsonl: 2 of 39 lines are broken, more than 5 %"
    with pytest.raises(CommandError, match=sentence) as error, named(found, PRODUCT, {}):
        pass
    assert error.value.code is Exit.FINDINGS


async def test_a_file_is_read_as_a_store_is(tmp_path: Path) -> None:
    """Each applicant by the first decision in the window, with what is known of loans."""
    file = tmp_path / "cases.jsonl"
    days = (
        ("a1", "u1", 1, None),
        ("a2", "u2", 2, True),
        ("a3", "u1", 3, True),
        ("a4", "u3", 4, False),
    )
    rows = [
        line(decision=name, unit=unit, decided=f"2026-10-0{day}T00:00:00Z", loan_bad=bad)
        for name, unit, day, bad in reversed(days)
    ]
    file.write_bytes(b"\n".join([*rows, line(outcome="NOT_ENROLLED", decision="a5", unit="u4")]))
    reader = CaseReader(file, PRODUCT, {})
    first, second, end = (datetime(2026, 10, day, tzinfo=UTC) for day in (1, 2, 5))
    whole = KeyRange(first, end)
    last, undecided = datetime(2026, 10, 4, tzinfo=UTC), datetime(2026, 10, 31, 16, 30, tzinfo=UTC)
    assert await reader.counts(PRODUCT, whole) == RangeCounts(4, 0, first, last)
    assert await reader.counts(PRODUCT, KeyRange(end, undecided)) == RangeCounts(0, 0)
    ever = await reader.counts(PRODUCT, EVER)
    assert ever == RangeCounts(4, 1, first, undecided + timedelta(seconds=0.5))

    async def found(window: datetime, after: PagePosition | None, limit: int) -> list[object]:
        page = await reader.applicants(PRODUCT, whole, window, after, limit)
        return [(one.entry.decision_id, one.loan and one.loan.bad) for one in page]

    assert await found(first, None, 9) == [("a1", None), ("a2", True), ("a4", False)]
    assert await found(first, None, 1) == [("a1", None)]
    assert await found(first, PagePosition(first, "a1"), 1) == [("a2", True)]
    assert await found(second, None, 9) == [("a2", True), ("a3", True), ("a4", False)]
    await reader.aclose()


DECIDED = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)
_AMOUNTS = st.integers(min_value=0, max_value=10**8)


@st.composite
def sides(draw: st.DrawFn) -> Side:
    """A side that may be: amounts where it approves, reasons where it does not."""
    outcome = draw(st.sampled_from(DECIDED))
    if outcome is not Outcome.APPROVE:
        return Side(outcome, codes=(draw(st.sampled_from(("AA", "BB"))),))
    return Side(outcome, None, draw(_AMOUNTS), draw(st.none() | _AMOUNTS), draw(st.booleans()))


APPLICANTS = st.builds(
    BacktestApplicant,
    st.uuids().map(str),
    sides(),
    sides(),
    st.sampled_from(((), ("policy.age",), ("policy.age", "score"))),
    st.sampled_from(((("month", "2026-10"),), (("month", "2026-11"), ("band", "A")))),
    st.none() | st.builds(KnownLoan, st.booleans()),
)


def summed(applicants: list[BacktestApplicant]) -> BacktestSums:
    """The sums over these."""
    found = BacktestSums()
    for one in applicants:
        found.count(one)
    return found


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(APPLICANTS, max_size=30), st.data())
def test_sums_merge_in_any_order(applicants: list[BacktestApplicant], data: st.DataObject) -> None:
    """Any division among workers, sent in any order, gives the sums of one worker."""
    shuffled = data.draw(st.permutations(applicants))
    place = data.draw(st.integers(0, len(applicants)))
    merged = summed(shuffled[place:])
    merged.merge(
        msgspec.json.decode(msgspec.json.encode(summed(shuffled[:place])), type=BacktestSums)
    )
    assert msgspec.to_builtins(merged) == msgspec.to_builtins(summed(applicants))


@settings(max_examples=40, deadline=None)
@given(APPLICANTS, st.integers(1, 5))
def test_alike_applicants_may_be_counted_together(one: JudgedApplicant, many: int) -> None:
    together, apart = ImpactSums(), ImpactSums()
    together.add(one, many)
    for _ in range(many):
        apart.add(one)
    assert together == apart


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(APPLICANTS, max_size=30))
def test_every_applicant_is_in_one_cell_of_the_matrix(applicants: list[BacktestApplicant]) -> None:
    found = summed(applicants)
    everybody = found.everybody
    assert sum(cell.applicants for cell in found.matrix.values()) == everybody.applicants
    assert everybody.approved_after - everybody.approved_before == everybody.gained - everybody.lost
    assert everybody.applicants == len(applicants)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=50), st.integers(1, 99))
def test_a_quantile_is_within_a_bucket(amounts: list[int], percent: int) -> None:
    """At most 1/64 from the amount of that rank."""
    found = Amounts()
    for amount in amounts:
        found.add(amount)
    exact = sorted(amounts)[-(-len(amounts) * percent // 100) - 1]
    told = found.quantile(percent)
    assert told is not None
    assert abs(told - exact) <= exact // 64 + 1


def test_nobody_has_no_average() -> None:
    assert Amounts().average is None
    assert Amounts().quantile(50) is None


def test_a_dimension_with_a_value_for_everybody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it fills the memory, also where two workers have half of the values each."""
    monkeypatch.setattr(module, "MOST_CELLS", 1)
    side = Side(Outcome.REFER)
    one, other = (BacktestApplicant(name, side, side, (), (("user", name),)) for name in "ab")
    with pytest.raises(TooManyCells, match="user has more than 1 different values"):
        summed([one, other])
    first = summed([one])
    with pytest.raises(TooManyCells):
        first.merge(summed([other]))


def test_who_cannot_be_compared_is_counted_apart() -> None:
    """By the kind of what is lacking, and by factor; never among the declined."""
    found = ImpactSums()
    found.leave_out(LeftOut.FACTOR_NOT_RECORDED, Outcome.APPROVE, ("income.months_24m",))
    assert found.left_out == {"factor never recorded": 1}
    assert found.lacking == {"income.months_24m": 1}
    assert found.unknown == {"APPROVE": 1}
    assert not found.matrix


def test_a_loan_that_a_person_approved_tells_of_swap_ins() -> None:
    """Whom a person approved and rules approve after a change counts; approved by neither, no."""
    declined, approved = Side(Outcome.DECLINE, codes=("AA",)), Side(Outcome.APPROVE, None, 100)
    loan = KnownLoan(bad=True)
    told = BacktestSums()
    for after in (approved, declined):
        told.count(BacktestApplicant("dec_1", declined, after, loan=loan))
    (group,) = told.loans.items()
    assert group[0] == "swap in"
    assert (group[1].loans, group[1].bad) == (1, 1)


@pytest.mark.parametrize("n", [200, 1_000, 5_000, 20_000])
@pytest.mark.parametrize(
    ("difference", "churn"),
    [
        (difference, churn)
        for difference in (0.0, 0.001, 0.01, 0.05)
        for churn in (0.0, 0.001, 0.005)
        if difference or churn
    ],
)
def test_the_interval_covers_the_true_difference(n: int, difference: float, churn: float) -> None:
    """In at least 94 of 100 samples: computed, not simulated, over all that can well be seen."""
    assert coverage(n, churn, churn + difference) >= 0.94


@pytest.mark.parametrize("n", [30, 200, 2_000])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_the_bounds_of_a_rate_cover_the_true_one(n: int, rate: float) -> None:
    """In at least 92 of 100 samples, computed; a rate of 0 or 1 has bounds too."""
    bounds = [share_of(many, n) for many in range(n + 1)]
    chances = (_chance(n, many, 0, rate, 0) for many in range(n + 1))
    covers = [one.low <= rate <= one.high for one in bounds]
    assert sum(c for c, holds in zip(chances, covers, strict=True) if holds) >= 0.92
    assert all(one.low <= one.share <= one.high for one in bounds)
    assert bounds[0].high > 0 == bounds[0].low
    assert bounds[-1].low < 1 == bounds[-1].high


def test_nobody_has_no_difference() -> None:
    assert paired_interval(0, 0, 0) is None


def coverage(n: int, lost: float, gained: float) -> float:
    """The probability that the interval of a sample covers the difference."""
    found = 0.0
    for few in _likely(n, lost):
        for many in _likely(n, gained):
            interval = paired_interval(few, many, n)
            if interval is not None and interval.low <= gained - lost <= interval.high:
                found += _chance(n, few, many, lost, gained)
    return found


def _likely(n: int, share: float) -> range:
    spread = 5 * sqrt(n * share) + 6
    return range(max(0, int(n * share - spread)), int(n * share + spread) + 1)


def _chance(n: int, few: int, many: int, lost: float, gained: float) -> float:
    if (few and not lost) or (many and not gained) or few + many > n:
        return 0.0
    ways = lgamma(n + 1) - lgamma(few + 1) - lgamma(many + 1) - lgamma(n - few - many + 1)
    mine = few * log(lost) if few else 0.0
    theirs = many * log(gained) if many else 0.0
    return exp(ways + mine + theirs + (n - few - many) * log1p(-lost - gained))
