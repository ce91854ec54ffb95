"""Nobody gains by hiding a month that is due, at a source that stays live, under rules that ship.

The applicants' figures are steady, since a month may be hidden with profit where it is worse than
the others: a correction, a low estimate that disagrees with payslips, a month that nothing proves.
Two sources disagree in no month or in more than one, since hiding the one ends the disagreement.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.decide.conclude import needs_of
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Income,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.domain.values import AsOf, Money, Month
from decision_service.factors.compute import compute
from decision_service.rules.evaluate import Facts, evaluate
from tests.fakes import shipped
from tests.fakes.examples import examples
from tests.fakes.newcomer import NEWCOMER
from tests.oracles.vocabulary import PROVIDERS

AS_OF = AsOf.at(datetime(2026, 11, 24, 4, tzinfo=UTC), ZoneInfo("Asia/Manila"))
DUE = {
    "eincomes": Month.parse("2026-08"),
    "contributions": Month.parse("2026-08"),
    "incomes": Month.parse("2026-10"),
}
SOONER = DUE["incomes"].index - DUE["eincomes"].index
"""How many months payslips are ahead of estimates."""


def outcome(ruleset: Any, snapshot: Snapshot, pesos: int) -> Outcome:
    """What the rules conclude of a request over one or six months."""
    months = 1 if ruleset.inputs["requested_term_months"].upper < 6 else 6
    inputs: dict[str, Any] = {
        "requested_amount": Money("PHP", pesos * 100),
        "requested_term_months": months,
        "other_charges": Decimal(0),
    }
    sent = {name: value for name, value in inputs.items() if name in ruleset.inputs}
    factors = compute(snapshot, needs_of(ruleset, sent), AS_OF, NEWCOMER)
    return evaluate(ruleset, Facts(factors.values, sent, AS_OF)).outcome


def stretch(last: Month, length: int) -> list[Month]:
    """So many months up to one."""
    return [last.plus(-back) for back in range(length)]


def payslip(month: Month, pay: int) -> Income:
    """A month's pay at Acme."""
    first, last = month.first_day, month.last_day
    return Income(f"i{month}", "p", "Acme", first, last, "Monthly", "PHP", None, None, pay)


def account(name: str, provider: str) -> Account:
    """An account that was synced just now."""
    now = AS_OF.instant
    return Account(name, provider, "CONNECTED", now - timedelta(400), None, now)


@st.composite
def steady(draw: st.DrawFn) -> Snapshot:
    """People with a job, its payroll, its scheme, and perhaps a platform, each always the same."""
    pay, estimate, fare = (draw(st.sampled_from(PAY)) for _ in range(3))
    lengths = {kind: draw(st.integers(0, 20)) for kind in ("eincomes", "incomes", "contributions")}
    if min(lengths["eincomes"], lengths["incomes"] - SOONER) == 1:
        lengths["eincomes"] = 0
    trips = draw(st.sampled_from((0, 0, 60)))
    days = [AS_OF.date - timedelta(days=2 * back) for back in range(trips)]
    records: dict[str, Any] = {
        "eincomes": [
            EstimatedIncome(f"e{m}", "a", m.index, "PHP", estimate)
            for m in stretch(DUE["eincomes"], lengths["eincomes"])
        ],
        "incomes": [payslip(m, pay) for m in stretch(DUE["incomes"], lengths["incomes"])],
        "contributions": [
            Contribution(f"c{m}", "a", m.last_day, "PHP", 137_500)
            for m in stretch(DUE["contributions"], lengths["contributions"])
        ],
        "transactions": [
            Transaction(f"t{n}", "g", day, "Trip fare", "PHP", fare // 15)
            for n, day in enumerate(days)
        ],
        "employments": [Employment("j", "p", "Acme", None, date(2023, 1, 2), None, None)],
    }
    accounts = [account("a", "sss_ph"), account("p", "sprout_ph"), account("g", "grab_ph")]
    reads = {kind.value: Read(tuple(records.get(kind.value, ()))) for kind in list(Kind)[1:]}
    return Snapshot("u", tuple(accounts[: 3 if trips else 2]), providers=PROVIDERS, **reads)


PAY = (700_000, 1_500_000, 2_000_000, 4_000_000, 9_000_000)


@pytest.mark.parametrize("path", shipped.FILES)
@settings(max_examples=examples(100), deadline=None)
@given(snapshot=steady(), kind=st.sampled_from(sorted(DUE)), data=st.data())
def test_hiding_a_month_that_was_due_never_approves(
    path: str, snapshot: Snapshot, kind: str, data: st.DataObject
) -> None:
    """Without a record that is not its source's newest, who was not approved is not approved."""
    records = getattr(snapshot, kind).records
    ruleset = shipped.ruleset(path)
    for hidden in (
        data.draw(st.lists(st.sampled_from(records[1:]), max_size=2)) if records[1:] else ()
    ):
        kept = Read(tuple(one for one in records if one != hidden))
        less = replace(snapshot, **{kind: kept})
        for pesos in (2_000, 20_000):
            if outcome(ruleset, less, pesos) is Outcome.APPROVE:
                assert outcome(ruleset, snapshot, pesos) is Outcome.APPROVE


def test_the_steady_people_end_in_every_way() -> None:
    """The property would prove little if nobody were approved, or everybody."""
    ruleset = shipped.ruleset("rules/personal-loan-ph/v1.yaml")
    found: set[Outcome] = set()

    @settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)
    @given(steady())
    def look(snapshot: Snapshot) -> None:
        found.add(outcome(ruleset, snapshot, 20_000))

    look()
    assert found == {Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE}
