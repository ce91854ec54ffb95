"""What another version makes of a decision's data."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from decision_service.domain.kinds import Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.own_facts import NO_OWN_FACTS
from decision_service.domain.snapshot import Read, Snapshot, Transaction
from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.pipeline.rollout.pairs.pairs import Comparability, VersionOutcome
from decision_service.pipeline.rollout.pairs.second_opinion import lacks, second_opinion
from tests.fakes.cases import STRICTER, case_of, changed_rules, version

LARGEST = "largest_first_loan: {type: money"
OVERFLOWS = (
    "when: accounts.connected_count == 0",
    "when: annuity(inputs.requested_amount, 0 - 0.999999, 9999 * inputs.requested_term_months) > 1",
)


def test_another_version_sees_the_same_applicant() -> None:
    """A stricter version declines whom the live one approved, and says by which rule and reason."""
    folder = changed_rules(9, STRICTER)
    pair = second_opinion(case_of(folder), version(folder, 9))
    assert (pair.standing, pair.version) == (Comparability.COMPARED, 9)
    assert pair.live == VersionOutcome(Outcome.APPROVE, None, 2_000_000)
    assert pair.other == VersionOutcome(Outcome.DECLINE)
    assert "+reason INCOME_TOO_LOW" in pair.moved
    assert "+rule eligibility.low_income" in pair.moved
    assert not [move for move in pair.moved if "offer." in move]


def test_a_smaller_amount_is_told_by_the_offers_lines() -> None:
    """Where both approve and the amounts differ, the lines that made them differ are named."""
    smaller = ("largest_first_loan: {type: money, value: 50000}", f"{LARGEST}, value: 15000}}")
    folder = changed_rules(9, smaller)
    pair = second_opinion(case_of(folder), version(folder, 9))
    assert pair.other == VersionOutcome(Outcome.APPROVE, None, 1_500_000)
    assert "rule offer.approved_amount" in pair.moved


def test_versions_that_agree_moved_nothing() -> None:
    """A version of the same content agrees, amount and all, and names no rule."""
    folder = changed_rules(9)
    pair = second_opinion(case_of(folder), version(folder, 9))
    assert pair.other == pair.live
    assert pair.moved == ()


def test_values_computed_otherwise_are_computed_anew() -> None:
    """A version with another data policy judges its own values, not those of the live one."""
    folder = changed_rules(9, ("max_age: 35d", "max_age: 1m"))
    pair = second_opinion(case_of(folder), version(folder, 9))
    assert pair.other == VersionOutcome(Outcome.REFER, ReferKind.DATA)


def test_a_version_that_needs_other_data_is_not_comparable() -> None:
    """Data that the live version never asked for leaves the pair without another side."""
    folder = changed_rules(9, ("accounts.connected_count == 0", "transactions.active_days_91d < 1"))
    pair = second_opinion(case_of(folder), version(folder, 9))
    assert (pair.standing, pair.other) == (Comparability.NOT_COMPARABLE, None)


def test_a_version_that_needs_records_nobody_looked_up_is_not_comparable() -> None:
    """Records of earlier applications that the live version did not ask for cannot be guessed."""
    folder = changed_rules(9, ("accounts.connected_count == 0", "history.approvals_1d > 5"))
    case = case_of(folder)
    unread = replace(case, decision=replace(case.decision, own=NO_OWN_FACTS))
    pair = second_opinion(unread, version(folder, 9))
    assert (pair.standing, pair.other) == (Comparability.NOT_COMPARABLE, None)


def test_a_version_that_needs_other_inputs_is_not_comparable() -> None:
    """An input that the client did not send cannot be guessed."""
    new = "inputs:\n  branch: {type: text, required: true}\n"
    folder = changed_rules(9, ("\ninputs:", "\n" + new.rstrip("\n")))
    pair = second_opinion(case_of(folder), version(folder, 9))
    assert pair.standing is Comparability.NOT_COMPARABLE


def test_a_version_that_raises_has_failed() -> None:
    """Whatever an evaluation raises is its own failure, told as such."""
    folder = changed_rules(9)
    broken = replace(version(folder, 9), program=None)  # type: ignore[arg-type]  # as no compiler makes it
    assert second_opinion(case_of(folder), broken).standing is Comparability.FAILED


def test_a_rule_error_is_a_failure() -> None:
    """A version that ends beyond every exact number has failed; that is no referral of its own."""
    folder = changed_rules(9, OVERFLOWS)
    assert second_opinion(case_of(folder), version(folder, 9)).standing is Comparability.FAILED


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
