"""Nobody gains by hiding contributions, under any rules that ship.

An applicant chooses what to connect and so what is seen. Contributions are well-formed here: one
that is wrong in itself (a foreign currency, a negative amount, the id of another one) refers for as
long as it is seen.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from decision_service.decide.conclude import needs_of
from decision_service.domain.decision import Outcome
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Liability,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.domain.values import AsOf, Money, Month
from decision_service.factors.compute import compute
from decision_service.factors.registry import catalogue
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.program import RulesetFiles
from tests.fakes import shipped
from tests.fakes.examples import examples
from tests.fakes.newcomer import NEWCOMER
from tests.oracles.applicants import PROVIDERS, applicant
from tests.unit.ruleset.rulesets import HEAD, rules, stages

AS_OF = AsOf.at(datetime(2026, 11, 25, 4, tzinfo=UTC), ZoneInfo("Asia/Manila"))
SYNCED = datetime(2026, 11, 25, 1, tzinfo=UTC)
SETTLED = Month.of(date(2026, 9, 1)).index
SCHEMES = ("sss_ph", "pagibig_ph", "philhealth_ph")
ASKED = [(1_000, 1), (3_000, 1), (3_000, 2), (8_000, 2), (20_000, 6), (60_000, 24)]


def decided(ruleset, snapshot, asked, as_of=AS_OF):
    """Whether an applicant is approved, and what is offered in minor units, nothing as 0."""
    amount, months = asked
    inputs = {"requested_amount": Money("PHP", amount * 100), "requested_term_months": months}
    if "other_charges" in ruleset.inputs:
        inputs["other_charges"] = Decimal(0)
    factors = compute(snapshot, needs_of(ruleset, inputs), as_of, NEWCOMER)
    verdict = evaluate(ruleset, Facts(factors.values, inputs, as_of))
    offered = verdict.offer.approved_amount.minor if verdict.offer else 0
    return verdict.outcome is Outcome.APPROVE, offered


def possible(ruleset):
    """The requests that the ruleset's inputs allow."""
    amount, months = (ruleset.inputs[f"requested_{n}"] for n in ("amount", "term_months"))
    return [asked for asked in ASKED if _fits(asked[0], amount) and _fits(asked[1], months)]


def _fits(figure, spec):
    return spec.lower <= figure <= spec.upper


def assert_no_gain(ruleset, snapshot, less, asked, as_of=AS_OF):
    """Neither an approval nor a higher offer where there is less to see."""
    (approved, offered) = decided(ruleset, snapshot, asked, as_of)
    (approved_less, offered_less) = decided(ruleset, less, asked, as_of)
    assert approved or not approved_less
    assert offered_less <= offered


def with_contributions(snapshot, records):
    """The snapshot with these contributions alone."""
    if snapshot.contributions is None:
        return snapshot
    read = msgspec.structs.replace(snapshot.contributions, records=tuple(records))
    return msgspec.structs.replace(snapshot, contributions=read)


def contributions_of(snapshot):
    return snapshot.contributions.records if snapshot.contributions else ()


@st.composite
def applicants(draw):
    """People with a job's estimates, up to three schemes, perhaps a loan and a platform."""
    history = draw(st.lists(st.sampled_from((True, True, True, False)), min_size=3, max_size=30))
    pay = draw(st.integers(8_000, 60_000)) * 100
    wobble = draw(st.sampled_from((0, 0, pay // 5, pay // 2)))
    schemes = SCHEMES[: draw(st.integers(1, 3))]
    paid = {scheme: draw(st.lists(st.booleans(), max_size=16)) for scheme in schemes}
    trips, fare = draw(st.sampled_from((0, 0, 12, 45))), draw(st.integers(20_000, 90_000))
    loan = draw(st.sampled_from((0, 0, 50_000, 300_000)))
    records = [_contribution(scheme, m) for scheme in schemes for m in _months(paid[scheme])]
    platforms = ("grab_ph",) if trips else ()
    return _snapshot(
        (*schemes, *platforms), _estimates(history, pay, wobble), records, loan, trips, fare
    )


def _snapshot(providers, estimates, records, loan=0, trips=0, fare=0):
    return Snapshot(
        user_id="user",
        accounts=tuple(_account(provider) for provider in providers),
        providers=PROVIDERS,
        eincomes=Read(estimates),
        incomes=Read(),
        contributions=Read(tuple(records)),
        employments=Read((_job(),)),
        liabilities=Read((_loan(loan),) if loan else ()),
        transactions=Read(_trips(trips, fare), first_day=date(2025, 1, 1)),
        identities=Read((Identity("i", "sss_ph", date(1990, 1, 2)),)),
        links=Read(),
    )


def _account(provider):
    return Account(provider, provider, "CONNECTED", SYNCED - timedelta(days=20), None, SYNCED)


def _months(pattern):
    """The months that a pattern of booleans, newest first, names."""
    return [Month(SETTLED - back) for back, there in enumerate(pattern) if there]


def _estimates(history, pay, wobble=0):
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
    amounts = (monthly * 24, monthly, "Monthly", monthly * 13, 0, None)
    return Liability("l", "sss_ph", "Salary Loan", start, end, "PHP", *amounts)


def _trips(days, fare):
    last = AS_OF.date - timedelta(days=1)
    dates = [last - timedelta(days=2 * n) for n in range(days)]
    return tuple(
        Transaction(f"t{n}-{words}", "grab_ph", day, words, "PHP", amount)
        for n, day in enumerate(dates)
        for words, amount in (("Trip fare", fare), ("Commission", -fare // 5))
    )


@pytest.mark.parametrize("path", shipped.FILES)
@settings(max_examples=examples(100), deadline=None)
@given(data=st.data())
def test_hiding_contributions_never_helps(path, data):
    """Hiding any subset of contributions never approves and never raises the offer."""
    ruleset, snapshot = shipped.ruleset(path), data.draw(applicants())
    asked = data.draw(st.sampled_from(possible(ruleset)))
    kept = [record for record in contributions_of(snapshot) if data.draw(st.booleans())]
    assert_no_gain(ruleset, snapshot, with_contributions(snapshot, kept), asked)
    assert_no_gain(ruleset, snapshot, with_contributions(snapshot, ()), asked)


@pytest.mark.parametrize("path", shipped.FILES)
@settings(max_examples=examples(60), deadline=None)
@given(seed=st.integers(0, 10_000), luck=st.randoms(use_true_random=False))
def test_hiding_contributions_never_helps_in_odd_data(path, seed, luck):
    """The same for applicants whose other data is wrong, old, foreign or not there."""
    ruleset, case = shipped.ruleset(path), applicant(seed)
    by_id = {record.id: record for record in contributions_of(case.snapshot)}
    sound = [
        record
        for record in by_id.values()
        if record.amount > 0 and record.currency == "PHP" and record.date <= case.as_of.date
    ]
    kept = [record for record in sound if luck.random() < 0.5]
    full, less = (with_contributions(case.snapshot, records) for records in (sound, kept))
    for asked in possible(ruleset):
        assert_no_gain(ruleset, full, less, asked, case.as_of)


@pytest.mark.long
@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.parametrize("path", shipped.FILES)
def test_the_applicants_are_approved_and_not(path, approved):
    """The property would prove little if nobody were approved, or everybody."""
    ruleset = shipped.ruleset(path)
    asked = possible(ruleset)
    search = settings(max_examples=5_000, deadline=None, database=None, phases=[Phase.generate])
    find(
        applicants(),
        lambda snapshot: any(decided(ruleset, snapshot, a)[0] is approved for a in asked),
        settings=search,
    )


def test_a_rule_that_rewards_hiding_is_found():
    """A gap that counts from the first record on is gone when the records before it are hidden."""
    gap = rules(
        "id: gap, when: contributions.longest_gap_12m > 3, then: REFER, reason: GAPS",
        "id: fine, when: contributions.longest_gap_12m <= 3, then: APPROVE",
    )
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", stages(gap, head=HEAD))
    ruleset = compile_ruleset(files, catalogue()).ruleset
    months = _months([True] * 3 + [False] * 5 + [True])
    records = [_contribution("sss_ph", month) for month in months]
    snapshot = _snapshot(("sss_ph",), _estimates([True] * 12, 2_000_000), records)
    with pytest.raises(AssertionError):
        assert_no_gain(ruleset, snapshot, with_contributions(snapshot, records[:3]), (5_000, 2))
