"""What another version makes of a decision's data."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.snapshot import Read, Snapshot, Transaction
from decision_service.rollout.impact import JudgedApplicant, LeftOut, NotCompared
from decision_service.rulebook.folder import RuleFolder
from decision_service.rules.evaluate import load
from decision_service.steering.pairs import DecidedCase, RulesOnDay, causes, lacks, second_opinion
from tests.fakes.cases import STRICTER, case_of, changed_rules, version
from tests.unit.rules.kit import compiled, decide, php, rules, stages

INCOME = "min_monthly_income: {type: money, value"
OVERFLOWS = (
    "when: accounts.connected_count == 0",
    "when: annuity(inputs.requested_amount, 0 - 0.999999, 9999 * inputs.requested_term_months) > 1",
)


def opinion(folder: RuleFolder, case: DecidedCase | None = None) -> JudgedApplicant | NotCompared:
    """A decided case as its own rules and the folder's version 9 judge it."""
    case = case or case_of(folder)
    return second_opinion(case, RulesOnDay(case.ruleset), RulesOnDay(version(folder, 9)))


def test_values_computed_otherwise_are_computed_anew() -> None:
    """A version with another data policy judges its own values, not those of the live one."""
    one = opinion(changed_rules(9, ("max_age: 35d", "max_age: 1m")))
    assert isinstance(one, JudgedApplicant)
    assert (one.after.outcome, one.after.kind) == (Outcome.REFER, ReferKind.DATA)


def test_a_version_that_needs_other_data_is_not_comparable() -> None:
    """Data that the live version never asked for leaves the case without another side."""
    more = ("accounts.connected_count == 0", "transactions.active_days_91d < 1")
    told = opinion(changed_rules(9, more))
    assert told == NotCompared(LeftOut.DATA_NOT_READ, ("transactions.active_days_91d",))


def test_a_version_that_raises_has_failed() -> None:
    """Whatever an evaluation raises is its own failure, told as such."""
    folder = changed_rules(9)
    case = case_of(folder)
    broken = replace(version(folder, 9), program=None)  # type: ignore[arg-type]  # as no compiler makes it
    told = second_opinion(case, RulesOnDay(case.ruleset), RulesOnDay(broken))
    assert told == NotCompared(LeftOut.RULE_ERROR)


def test_a_rule_error_is_a_failure() -> None:
    """A version that ends beyond every exact number has failed; that is no referral of its own."""
    assert opinion(changed_rules(9, OVERFLOWS)) == NotCompared(LeftOut.RULE_ERROR)


def test_each_side_may_have_a_day_of_its_own() -> None:
    """The same rules by two days' parameters are two sides, neither of them the recorded one."""
    dated = (INCOME, f"{INCOME}: {{2026-01-01: 8000, 2026-12-01: 80000}}}} #")
    folder = changed_rules(9, dated)
    case, rules = case_of(folder), version(folder, 9)
    late, early = (RulesOnDay(rules, day) for day in (date(2026, 12, 1), date(2026, 11, 30)))
    one = second_opinion(case, late, early)
    assert isinstance(one, JudgedApplicant)
    assert (one.before.outcome, one.after.outcome) == (Outcome.DECLINE, Outcome.APPROVE)


def test_factor_values_are_loaded_alike_from_those_of_other_rules() -> None:
    """Where rules differ in figures alone the loaded values are copied, and are the same."""
    folder = changed_rules(9, STRICTER)
    case, other = case_of(folder), version(folder, 9)
    values, as_of = case.factors.values, case.decision.as_of
    mine = load(case.ruleset, values, as_of)
    assert mine.intake is other.program.intake
    assert load(other, {}, as_of, mine) == load(other, values, as_of)


INCOMES = FetchPlan(frozenset({Kind.EINCOMES}), WhenTransactions.IF_STANDING_IN)
DAY = date(2026, 1, 5)


def _with(transactions: Read[Transaction] | None) -> Snapshot:
    eincomes: Read = Read()
    return Snapshot("u", eincomes=eincomes, transactions=transactions)


@pytest.mark.parametrize(
    ("snapshot", "read_by", "wanted", "lacking"),
    [
        (_with(None), INCOMES, INCOMES, False),
        (_with(None), INCOMES, replace(INCOMES, kinds=frozenset({Kind.LIABILITIES})), True),
        (_with(None), replace(INCOMES, transactions=WhenTransactions.NEVER), INCOMES, True),
        (_with(None), INCOMES, replace(INCOMES, transactions=WhenTransactions.ALWAYS), True),
        (_with(Read(first_day=DAY)), INCOMES, replace(INCOMES, transactions_from=DAY), False),
        (
            _with(Read(first_day=DAY)),
            INCOMES,
            replace(INCOMES, stand_in_from=date(2026, 1, 4)),
            True,
        ),
        (
            _with(None),
            INCOMES,
            replace(INCOMES, transactions=WhenTransactions.NEVER),
            False,
        ),
    ],
)
def test_what_was_not_asked_for_is_lacking(snapshot, read_by, wanted, lacking) -> None:
    """Kinds and days that a version wants must have been asked for, whatever came of it."""
    assert lacks(snapshot, read_by, wanted) is lacking


def test_a_rule_named_segment_is_a_cause_of_its_own_alone() -> None:
    """It is not taken for the segment of its stage, on which every part of a stage rests."""
    written = stages(
        rules(
            "id: segment, when: inputs.declared_monthly_debt > 9000, then: DECLINE, reason: DEBT",
            "id: other, when: inputs.requested_amount < 5000, then: DECLINE, reason: SMALL",
            "id: fine, when: inputs.requested_amount >= 5000, then: APPROVE",
        )
    )
    other = written.replace("> 9000", "> 900").replace("< 5000", "< 50000")
    asked = {"declared_monthly_debt": php(1000), "requested_amount": php(6000)}
    sides = [(compiled(text), decide(text, **asked)) for text in (written, other)]
    assert causes(*sides) == ("gate.segment", "gate.other")
