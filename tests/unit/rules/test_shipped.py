"""The rules that ship: their cases, and that nobody gains by a worse value or by hiding."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    Liability,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.domain.values import AsOf, Money, Month
from decision_service.factors.compute import compute, needs_with
from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import files_of
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.rules.tests import coverage, run_cases
from decision_service.rules.tests_file import case_target, parse_cases
from tests.fakes import shipped
from tests.fakes.examples import examples
from tests.fakes.world import NEWCOMER
from tests.oracles.applicants import PROVIDERS, applicant
from tests.unit.rules.kit import (
    HEAD,
    ROOT,
    changed,
    compiled,
    facts,
    figures,
    ladder,
    movable,
    rules,
    stages,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

PRODUCTS = {product.product: product for product in shipped.FOLDER.products}

SHIPPED = [(name, version) for name, p in PRODUCTS.items() for version in sorted(p.rulesets)]


def _compiled(name, version):
    return compile_ruleset(files_of(shipped.FOLDER, PRODUCTS[name], version), catalogue())


@pytest.mark.parametrize(("name", "version"), SHIPPED)
def test_the_shipped_rules_have_nothing_to_remark_on(name, version):
    """Every shipped rule file compiles without an error or a warning."""
    compilation = _compiled(name, version)
    assert render_all(compilation.diagnostics) == ""
    assert compilation.ruleset is not None


@pytest.mark.parametrize(("name", "version"), SHIPPED)
def test_the_shipped_cases_pass_and_reach_everything(name, version):
    """Every shipped case passes, and together they reach every branch, bin, row and reason."""
    ruleset = _compiled(name, version).ruleset
    files = [f for f in PRODUCTS[name].tests if case_target(f.path, f.text).version == version]
    results = []
    for found in files:
        file = parse_cases(found.path, found.text, ruleset, catalogue())
        assert render_all(file.diagnostics) == ""
        results += run_cases(ruleset, file.cases)
    assert [(r.case.name, r.differences, r.problem) for r in results if not r.passed] == []
    assert coverage(ruleset, results).missed == ()


@pytest.mark.parametrize(("name", "version"), SHIPPED)
def test_every_reason_and_condition_is_told_in_english_and_filipino(name, version):
    """An applicant in the Philippines reads each of them, and no text stands for two."""
    rules = yaml.safe_load((ROOT / "rules" / name / f"v{version}.yaml").read_text())
    texts = {code: reason["text"] for code, reason in rules["reasons"].items()}
    texts |= {condition["id"]: condition["text"] for condition in rules["conditions"]}
    assert [code for code, both in texts.items() if both.keys() != {"en", "fil"}] == []
    for language in ("en", "fil"):
        assert len({both[language] for both in texts.values()}) == len(texts)
    assert not any(both["en"] == both["fil"] for both in texts.values())


class Subject(NamedTuple):
    """A ruleset, its text, and the facts that its changes start from."""

    ruleset: CompiledRuleset
    text: str
    cases: Sequence[Facts]


@cache
def _shipped(path):
    """A version that ships with its cases, those aside that name no factors."""
    files, ruleset = shipped.FILES[path], shipped.ruleset(path)
    read = [
        parse_cases(f.path, f.text, ruleset, catalogue())
        for f in PRODUCTS[files.product].tests
        if case_target(f.path, f.text).version == ruleset.version
    ]
    cases = [case for file in read for case in file.cases if not case.snapshot]
    facts = [Facts(case.given.factors, case.given.inputs, case.as_of) for case in cases]
    return Subject(ruleset, files.text, facts)


WORSE = {Outcome.APPROVE: 1, Outcome.REFER: 2, Outcome.DECLINE: 3}

LAWS = settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def ladders(draw, subject):
    """A factor, and an application's facts with it at each of many values, the worst first."""
    specs, currency = catalogue(), subject.ruleset.currency
    start = draw(st.sampled_from(subject.cases))
    facts_ = draw(changed(start.factors, specs, subject.text, currency))
    names = [n for n in movable(subject.ruleset, specs) if facts_[n].value is not None]
    if not names:
        return "", [start]
    name = draw(st.sampled_from(names))
    steps = ladder(facts_, name, specs, figures(subject.text), currency)
    return name, [replace(start, factors=factors) for factors in steps]


MEANT = {
    "income.conservative_6m": "INCOME_FELL",
    "accounts.connected_count": "SHORT_INCOME_HISTORY",
}
"""What a better value may lead to, as the guarantees' `when` says too: a higher usual month makes a
cut of the same latest one, and with a second account nothing is left to connect."""


def falls(ruleset, name, steps):
    """Where better facts have a worse outcome: the factor's two values and both outcomes."""
    found = [(evaluate(ruleset, facts), facts) for facts in steps]
    return [
        f"{name} {one.factors[name].value} to {two.factors[name].value}: {after.outcome}"
        for (before, one), (after, two) in pairwise(found)
        if WORSE[after.outcome] > WORSE[before.outcome] and after.reasons[0].code != MEANT.get(name)
    ]


@pytest.mark.parametrize("path", shipped.FILES)
@LAWS
@given(data=st.data())
def test_a_better_value_never_worsens_the_outcome(path, data):
    """Complete or with gaps: what helps an applicant never turns REFER into DECLINE or the like."""
    subject = _shipped(path)
    assert falls(subject.ruleset, *data.draw(ladders(subject))) == []


LONG = "id: long, when: income.months_24m > 20, then: DECLINE, reason: SHORT"

FINE = "id: fine, when: income.months_12m >= 1, then: APPROVE"


@pytest.mark.parametrize(("stage", "breaks"), [(rules(FINE, LONG), True), (rules(FINE), False)])
def test_the_law_notices_rules_that_break_it(stage, breaks):
    """Rules that decline a long history are found out by it."""
    text = stages(stage)
    start = facts({"income.months_24m": 18, "income.months_12m": 12})
    subject = Subject(compiled(text), text, [start])
    tried = ladders(subject)
    try:
        find(tried, lambda drawn: falls(subject.ruleset, *drawn), settings=LAWS)
    except NoSuchExample:
        assert not breaks
    else:
        assert breaks


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
    factors = compute(snapshot, needs_with(ruleset.needs, inputs), as_of, NEWCOMER)
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


DAY_BEFORE = AsOf.at(datetime(2026, 11, 24, 4, tzinfo=UTC), ZoneInfo("Asia/Manila"))

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
    factors = compute(snapshot, needs_with(ruleset.needs, sent), DAY_BEFORE, NEWCOMER)
    return evaluate(ruleset, Facts(factors.values, sent, DAY_BEFORE)).outcome


def stretch(last: Month, length: int) -> list[Month]:
    """So many months up to one."""
    return [last.plus(-back) for back in range(length)]


def payslip(month: Month, pay: int) -> Income:
    """A month's pay at Acme."""
    first, last = month.first_day, month.last_day
    return Income(f"i{month}", "p", "Acme", first, last, "Monthly", "PHP", None, None, pay)


def account(name: str, provider: str) -> Account:
    """An account that was synced just now."""
    now = DAY_BEFORE.instant
    return Account(name, provider, "CONNECTED", now - timedelta(400), None, now)


@st.composite
def steady(draw: st.DrawFn) -> Snapshot:
    """People with a job, its payroll, its scheme, and perhaps a platform, each always the same."""
    pay, estimate, fare = (draw(st.sampled_from(PAY)) for _ in range(3))
    lengths = {kind: draw(st.integers(0, 20)) for kind in ("eincomes", "incomes", "contributions")}
    if min(lengths["eincomes"], lengths["incomes"] - SOONER) == 1:
        lengths["eincomes"] = 0
    trips = draw(st.sampled_from((0, 0, 60)))
    days = [DAY_BEFORE.date - timedelta(days=2 * back) for back in range(trips)]
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
