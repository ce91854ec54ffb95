"""Nobody gains by hiding contributions, under any rules that ship.

An applicant chooses which accounts to connect and so what is seen. Records are well-formed here:
one that is wrong in itself (a foreign currency, a negative amount) refers until it is gone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decision_service.domain.money import Money
from decision_service.domain.months import Month
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Liability,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Outcome
from decision_service.factors.compute import compute
from decision_service.factors.registry import catalogue
from decision_service.pipeline.conclude import needs_of
from decision_service.pipeline.loading import files_of
from decision_service.ruleset.compiler import compile_ruleset
from decision_service.ruleset.evaluator import Facts, evaluate
from decision_service.ruleset.model import RulesetFiles
from decision_service.storage.rule_files import read_rules
from tests.oracles.applicants import PROVIDERS, applicant
from tests.unit.ruleset.rulesets import ROOT

AS_OF = AsOf.at(datetime(2026, 11, 25, 4, tzinfo=UTC), ZoneInfo("Asia/Manila"))
SYNCED = datetime(2026, 11, 25, 1, tzinfo=UTC)
SETTLED = Month.of(date(2026, 9, 1)).index
SCHEMES = ("sss_ph", "pagibig_ph", "philhealth_ph")
FOLDER = read_rules(ROOT / "rules")
SHIPPED = [
    files_of(FOLDER, product, version) for product in FOLDER.products for version in product.rulesets
]
APPROVED, OFFERED = 0, 1


def compiled(files: RulesetFiles):
    """The ruleset of these texts."""
    return compile_ruleset(files, catalogue()).ruleset


def decided(ruleset, snapshot, amount, term, as_of=AS_OF):
    """Whether an applicant is approved, and what is offered in minor units, nothing as 0."""
    inputs = {"requested_amount": Money("PHP", amount * 100), "requested_term_months": term}
    factors = compute(snapshot, needs_of(ruleset, inputs), as_of)
    verdict = evaluate(ruleset, Facts(factors.values, inputs, as_of))
    offered = verdict.offer.approved_amount.minor if verdict.offer else 0
    return verdict.outcome is Outcome.APPROVE, offered


def without(snapshot, kept):
    """The snapshot with only some of its contributions; `kept` is asked for each in turn."""
    records = snapshot.contributions.records if snapshot.contributions else ()
    left = tuple(record for record in records if kept(record))
    return msgspec.structs.replace(
        snapshot, contributions=msgspec.structs.replace(snapshot.contributions, records=left)
    )


def sound(snapshot, as_of):
    """The snapshot without contributions that are wrong in themselves."""
    return without(
        snapshot, lambda r: r.amount > 0 and r.currency == "PHP" and r.date <= as_of.date
    )


def _months(pattern, last=SETTLED):
    """The months that a pattern of booleans, newest first, names."""
    return [Month(last - back) for back, there in enumerate(pattern) if there]


def _trips(days, per_trip):
    today = AS_OF.date
    return tuple(
        Transaction(f"t{n}", "grab_ph", today - timedelta(days=1 + n * 2), "Trip fare", "PHP", per_trip)
        for n in range(days)
    )


@st.composite
def applicants(draw):
    """People with a scheme's estimates and loans, up to three schemes, and perhaps a platform."""
    history = draw(st.lists(st.sampled_from((True, True, True, False)), min_size=3, max_size=30))
    pay = draw(st.integers(8_000, 60_000)) * 100
    wobble = draw(st.sampled_from((0, 0, pay // 5, pay // 2)))
    schemes = SCHEMES[: draw(st.integers(1, 3))]
    paid = {s: draw(st.lists(st.booleans(), max_size=18)) for s in schemes}
    trips, fare = draw(st.sampled_from((0, 0, 12, 45))), draw(st.integers(20_000, 90_000))
    loan = draw(st.sampled_from((0, 0, 50_000, 300_000)))
    return Snapshot(
        user_id="user",
        accounts=tuple(_account(name) for name in (*schemes, *(("grab_ph",) if trips else ()))),
        providers=PROVIDERS,
        eincomes=Read(_estimates(history, pay, wobble)),
        incomes=Read(),
        contributions=Read(tuple(_contribution(s, m) for s in schemes for m in _months(paid[s]))),
        employments=Read((_job(),)),
        liabilities=Read((_loan(loan),) if loan else ()),
        transactions=Read(_trips(trips, fare), first_day=date(2025, 1, 1)),
    )


def _account(provider):
    created = SYNCED - timedelta(days=20)
    return Account(provider, provider, "CONNECTED", created, None, SYNCED)


def _estimates(history, pay, wobble):
    return tuple(
        EstimatedIncome(f"e{m.index}", "sss_ph", m.index, "PHP", pay + wobble * (m.index % 2))
        for m in _months(history)
    )


def _contribution(scheme, month):
    return Contribution(f"c-{scheme}-{month.index}", scheme, month.last_day, "PHP", 137_500)


def _job():
    start = date(2023, 1, 2)
    return Employment("j", "sss_ph", "Acme Corp", "Employed", start, None, start)


def _loan(monthly):
    start, end = date(2026, 1, 1), date(2027, 12, 31)
    owed = monthly * 13
    return Liability(
        "l", "sss_ph", "Salary Loan", start, end, "PHP", monthly * 24, monthly, "Monthly", owed, 0, None
    )  # fmt: skip


def assert_no_gain(ruleset, snapshot, less, amount, term, as_of=AS_OF):
    """Neither an approval nor a higher offer where there is less to see."""
    full = decided(ruleset, snapshot, amount, term, as_of)
    hidden = decided(ruleset, less, amount, term, as_of)
    assert hidden[APPROVED] <= full[APPROVED]
    assert hidden[OFFERED] <= full[OFFERED]


@pytest.mark.parametrize("files", SHIPPED, ids=lambda f: f.path)
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_hiding_contributions_never_helps(files, data):
    """Hiding any subset of contributions never approves and never raises the offer."""
    ruleset, snapshot = compiled_once(files), data.draw(applicants())
    less = without(snapshot, lambda _: data.draw(st.booleans()))
    amount = data.draw(st.sampled_from((1_000, 5_000, 10_000)))
    assert_no_gain(ruleset, snapshot, less, amount * 1, data.draw(st.sampled_from((1, 2))))
    assert_no_gain(ruleset, snapshot, without(snapshot, lambda _: False), amount, 2)


@pytest.mark.parametrize("files", SHIPPED, ids=lambda f: f.path)
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
@example(0, None)
def test_hiding_contributions_never_helps_in_odd_data(files, seed, luck):
    """The same for applicants whose other data is wrong, old, foreign or not there."""
    case = applicant(seed)
    if case.snapshot.contributions is None:
        return
    snapshot = sound(case.snapshot, case.as_of)
    less = without(snapshot, lambda _: luck is not None and luck.random() < 0.5)
    assert_no_gain(compiled_once(files), snapshot, less, 5_000, 2, case.as_of)
