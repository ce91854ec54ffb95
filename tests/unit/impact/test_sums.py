"""The sums of an impact report: the same however applicants are divided among workers."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.decision import Outcome
from decision_service.rollout.impact import ImpactSums, JudgedApplicant, LeftOut, Side
from decision_service.workbench.backtest import sums as module
from decision_service.workbench.backtest.sums import (
    Amounts,
    BacktestApplicant,
    BacktestSums,
    KnownLoan,
    TooManyCells,
)
from tests.fakes.examples import examples

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
    """So many at a time are as many as one after the other."""
    together, apart = ImpactSums(), ImpactSums()
    together.add(one, many)
    for _ in range(many):
        apart.add(one)
    assert together == apart


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(APPLICANTS, max_size=30))
def test_every_applicant_is_in_one_cell_of_the_matrix(applicants: list[BacktestApplicant]) -> None:
    """Matrix, rates and swaps tell of the same people."""
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
    """Without amounts there is neither average nor quantile."""
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
