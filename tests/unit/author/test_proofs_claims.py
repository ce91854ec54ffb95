"""Claims about two versions: what is proved, and who is found, a person who could exist."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from decision_service.author.proofs.comparison import Claim, Incomparable, compared
from decision_service.author.proofs.people import FactorModel, PersonValues
from decision_service.author.proofs.questions import Question, vacuous
from decision_service.author.proofs.report import case_of, factor_model, person_text, untypical
from decision_service.author.proofs.search import Counterexample, Proved, Undecided
from decision_service.domain.decision import Outcome
from decision_service.domain.values import Cause
from decision_service.factors.laws import TOGETHER
from decision_service.factors.registry import catalogue
from decision_service.rules.language.evaluation import FormulaUnfit
from decision_service.rules.language.values import Unknown, unknown
from decision_service.rules.program import KeyList
from tests.unit.author.proofs import (
    ALL,
    TODAY,
    asked,
    claimed,
    edited,
    kept,
    loosely,
    proved,
    shipped,
    small,
    small_text,
)
from tests.unit.rules.kit import rules, stages

TOO_LARGE = "a product beyond the largest number cannot be put to a solver"
TOO_LONG = "a number of more than 4300 digits cannot be put to a solver"
LOAN, GIG = "personal-loan-ph@1", "gig-advance-ph@1"


def test_a_higher_threshold_tightens_and_does_not_loosen():
    assert claimed(small(6), small(9), "tightens") == Proved(1)
    found = claimed(small(6), small(9), "loosens")
    assert isinstance(found, Counterexample)
    assert found.verdicts[1].outcome is Outcome.DECLINE is not found.verdicts[0].outcome
    assert 6 <= found.person.values["income.months_24m"] < 9


def test_only_those_inside_a_condition_are_decided_otherwise():
    """The tightest condition is proved; one that leaves a month out has somebody outside."""
    old, new = small(6), small(9)
    assert claimed(old, new, "only", "income.months_24m < 9") == Proved(1)
    found = claimed(old, new, "only", "income.months_24m < 8")
    assert found.person.values["income.months_24m"] == 8


def test_a_person_of_whom_the_condition_is_unknown_is_outside():
    """A version that differs for those whose months are missing differs outside of any months."""
    skip = small(6, "1.5", *_skipped("when_missing: SKIP, because: no months"))
    refer = small(6, "1.5", *_skipped("when_missing: REFER, because: no months"))
    found = claimed(skip, refer, "only", "income.gap_months_12m < 99")
    assert isinstance(found, Counterexample)


def _skipped(handling):
    rule = f"id: gaps, when: income.gap_months_12m > 6, then: REFER, reason: GAPS, {handling}"
    return (rules(rule, name="gaps", component="POLICY"),)


def test_a_larger_share_changes_amounts_alone():
    old, new = small(6, "1.5"), small(6, "2")
    assert claimed(old, new, "loosens") == Proved(1)
    found = claimed(old, new, "same-amounts")
    amounts = [v.offer.approved_amount.minor for v in found.verdicts]
    assert amounts[0] < amounts[1]


def test_a_version_is_equivalent_to_itself():
    loan = shipped(LOAN).ruleset
    assert claimed(loan, loan, "equivalent") == Proved(2)


EDITS = [
    (LOAN, {"params__max_overdue": "2000"}, "loosens"),
    (GIG, {"price__rows__4__monthly_rate": "0.05"}, "same-amounts"),
    (GIG, {"params__max_share_of_earnings": "0.45"}, "tightens"),
]
LONG_EDITS = [
    (LOAN, {"params__max_debt_to_income": "0.30"}, "tightens"),
    (LOAN, {"proof__sources_disagree__then": "DECLINE"}, "tightens"),
    (LOAN, {"offer__approved_amount": "1000"}, "tightens"),
]


@pytest.mark.long
@pytest.mark.parametrize(("word", "figures", "claim"), [*EDITS, *(LONG_EDITS if ALL else [])])
def test_edits_of_shipped_products_are_proved(word, figures, claim):
    old, new = shipped(word).ruleset, edited(word, **figures)
    assert isinstance(claimed(old, new, claim), Proved)
    contrary = {"tightens": "loosens", "loosens": "tightens", "same-amounts": "equivalent"}
    found = claimed(old, new, contrary[claim])
    assert isinstance(found, Counterexample)


@pytest.mark.long
def test_a_counterexample_is_small_and_a_ready_rule_test():
    """The person is typical but for little, and the case expects what the new version decides."""
    old, new = shipped(LOAN).ruleset, edited(LOAN, params__largest_first_loan="30000")
    question = asked(old, new, Claim.LOOSENS)
    found = proved(question)
    assert len(untypical(question, found)) <= 3
    text = case_of(question, found)
    assert f"expect: {{outcome: {found.verdicts[1].outcome}" in text
    assert f"as_of: {TODAY}" in text
    assert "income.scheme_conflict: none," in text


def test_the_time_limit_leaves_it_undecided():
    loan = shipped(LOAN).ruleset
    question = asked(loan, edited(LOAN, score__points="185"), Claim.TIGHTENS)
    assert proved(question, 0.0) == Undecided("the time was over")


@pytest.mark.parametrize(
    ("base", "squarings", "factor", "found"),
    [
        ("1.5 if income.months_24m > 3 else 0.5", 10, "1", Proved(1)),
        ("1.5 if income.months_24m > 3 else 0.5", 40, "1", Undecided(TOO_LARGE)),
        ("income.volatility_6m", 10, "1", Undecided(TOO_LARGE)),
        ("1000000000", 9, "income.months_24m", Undecided(TOO_LONG)),
    ],
)
def test_numbers_that_grow_by_squaring_end_in_an_answer(base, squarings, factor, found):
    """What is too large for the solver, or for the rules themselves, is undecided by name."""
    old, new = (squared(base, squarings, f"{factor} * derived", least) for least in (5, 4))
    assert proved(asked(old, new, Claim.TIGHTENS)) == found


def squared(base, squarings, derived, least):
    """A version that declines whose value is above a limit once it was squared so often."""
    lines = [f"  s0: {base}"]
    lines += [f"  s{n + 1}: derived.s{n} * derived.s{n}" for n in range(squarings)]
    last = f"s{squarings}"
    limit = f"{least} * derived.{last}" if "income" in derived else least
    when = f"id: far, when: {derived}.{last} > {limit}, then: DECLINE, reason: SHORT"
    gate = rules(when, "id: rest, when: income.months_24m >= 0, then: APPROVE")
    return loosely(stages(gate, tail="derived:\n" + "\n".join(lines) + "\n"))


def test_versions_that_read_people_differently_cannot_be_compared():
    """Another `max_age`, or file of `_data`, gives the same person other factors."""
    loan, gig = shipped(LOAN).ruleset, shipped(GIG).ruleset
    with pytest.raises(Incomparable, match="`max_age` is 840h in one version, "):
        asked(loan, gig, Claim.TIGHTENS)


BOUNDS = "requested_amount: {type: money"


@pytest.mark.parametrize(
    ("before", "after", "claims", "told"),
    [
        ("Asia/Manila", "Asia/Jakarta", Claim, "`time_zone` is Asia/Manila"),
        ("currency: PHP", "currency: USD", Claim, "one version is in PHP"),
        ("min: 1000", "min: 2000", ("loosens", "equivalent"), "inputs.requested_amount may"),
        ("min: 1000", "min: 500", ("tightens", "equivalent"), "inputs.requested_amount may"),
        (BOUNDS, f"{BOUNDS}, required: true", ("loosens", "only"), "inputs.requested_amount may"),
        ("[new, existing]", "[new]", ("loosens", "equivalent", "only"), "inputs.customer_type"),
        ("[new, existing]", "[new, existing, old]", ("approves-no-more", "tightens"), "customer"),
    ],
)
def test_what_would_make_a_proof_false_is_refused_by_name(before, after, claims, told):
    """Another zone, and applications that one version refuses unseen, are put to no solver."""
    text = small_text()
    assert before in text
    old, new = loosely(text), loosely(text.replace(before, after, 1))
    for claim in claims:
        with pytest.raises(Incomparable, match=told):
            asked(old, new, claim, "income.months_24m < 6" if claim == "only" else "")


@pytest.mark.parametrize("claim", ["tightens", "same-amounts", "same-price", "approves-no-more"])
def test_fewer_applications_are_no_obstacle_to_a_claim_about_more(claim):
    """What the new version no longer takes gets nothing by it."""
    text = small_text()
    old, new = loosely(text), loosely(text.replace("min: 1000", "min: 2000", 1))
    assert claimed(old, new, claim) == Proved(1)


def test_lists_with_other_keys_are_refused_by_name():
    """The same person may be on one of them."""
    old, new = (listed({key: None}) for key in ("X1", "X2"))
    with pytest.raises(Incomparable, match=r"lists\.blocked has other keys"):
        asked(old, new, Claim.TIGHTENS)
    assert asked(old, listed({"X1": None}), Claim.TIGHTENS)


def listed(keys):
    """A small version that has asked a list with these keys."""
    return replace(small(), lists={"blocked": KeyList("blocked", "", keys)})


@pytest.mark.parametrize("claim", [Claim.EQUIVALENT, Claim.TIGHTENS])
def test_a_longer_validity_is_another_decision_but_no_better_one(claim):
    """The counterexample shows until when both are valid."""
    old = small()
    question = asked(old, replace(old, valid_for=timedelta(days=3)), claim)
    found = proved(question)
    if claim is Claim.TIGHTENS:
        assert found == Proved(1)
    else:
        assert person_text(question, found).endswith(
            "valid until none, then 2026-11-30 12:00:00+08:00"
        )


def test_a_claim_about_approvals_does_not_look_at_referrals():
    """Whoever is declined now may be referred."""
    gaps = "id: gaps, when: income.gap_months_12m > 6, then: {}, reason: GAPS"
    decline, refer = (
        small(6, "1.5", rules(gaps.format(then), name="gaps")) for then in ("DECLINE", "REFER")
    )
    assert claimed(decline, refer, "approves-no-more") == Proved(1)
    assert isinstance(claimed(decline, refer, "tightens"), Counterexample)
    found = claimed(small(9), small(6), "approves-no-more")
    assert found.verdicts[1].outcome is Outcome.APPROVE


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("monthly_rate: 0.05", "offer.monthly_rate 0.04, then 0.05"),
        ("monthly_rate: 0.04\n  fee: 0.02 * offer.approved_amount", "offer.fee none, then"),
    ],
)
def test_a_claim_about_price_shows_the_line_that_differs(lines, told):
    """A dearer rate or a fee is found, and a larger amount at the same price is not."""
    old, new = (loosely(small_text(lines=text)) for text in ("monthly_rate: 0.04", lines))
    question = asked(old, new, Claim.SAME_PRICE)
    assert told in person_text(question, proved(question))
    larger = loosely(small_text("2", lines="monthly_rate: 0.04"))
    assert claimed(old, larger, "same-price") == Proved(1)


def test_a_fault_of_the_prover_leaves_it_undecided_with_a_code(monkeypatch):
    """It names the kind and the place of the fault; nothing is proved or refuted."""
    monkeypatch.setattr(Question, "pose", lambda *_: next(iter(())))
    found = claimed(small(), small(), "equivalent")
    assert isinstance(found, Undecided)
    assert found.why.startswith(
        "the prover failed (P500: StopIteration in test_proofs_claims.py line "
    )


def test_a_condition_that_cannot_be_read_says_why():
    loan = shipped(LOAN).ruleset
    with pytest.raises(FormulaUnfit, match=r"did you mean `income\.months_24m`"):
        asked(loan, loan, Claim.ONLY, "income.monhs_24m < 6")


GAPS, MONTHS = "income.gap_months_12m", "income.months_12m"
LAW = "when: income.months_12m > income.months_24m, then: REFER, reason: GAPS"
HALF = f"when: missing({GAPS}), then: REFER, reason: GAPS"
BOTH = f"when: missing({GAPS}) and missing({MONTHS}), then: REFER, reason: GAPS"


def version(rule):
    """The small version with one more rule."""
    return small(6, "1.5", rules(f"id: more, {rule}", name="more", component="POLICY"))


def test_laws_between_values_are_kept():
    """Nobody has more months in a year than in two: a guarantee about such people is of nobody."""
    line = f"{{name: a, never: APPROVE, when: {MONTHS} > income.months_24m}}"
    gate = rules(f"id: more, {LAW}", "id: rest, when: income.months_24m >= 0, then: APPROVE")
    ruleset = loosely(stages(gate) + f"guarantees:\n  - {line}\n")
    asked = vacuous(ruleset, ruleset.guarantees[0], factor_model(ruleset))
    assert isinstance(proved(asked), Proved)


def test_what_is_missing_together_is_missing_for_everybody_together():
    """Months and gaps come of one list: a rule on one is a rule on both."""
    old, new = version(HALF), version(BOTH)
    assert claimed(old, new, "equivalent") == Proved(1)
    alone = compared(old, new, Claim.EQUIVALENT, FactorModel(catalogue()))
    assert isinstance(proved(alone), Counterexample)


def test_a_person_found_lacks_a_group_alike():
    found = claimed(version(BOTH), small(6), "equivalent")
    values = [found.person.values[name] for name in (GAPS, MONTHS)]
    assert all(isinstance(value, Unknown) for value in values)
    assert len({value.tainted for value in values}) == 1


def test_values_that_are_there_together_are_made_plain_together():
    """A counterexample that needs neither has both, so that it is typical."""
    found = claimed(version(BOTH), version(BOTH.replace("REFER", "DECLINE")), "equivalent")
    assert isinstance(found, Counterexample)
    ruleset = version(BOTH)
    assert not factor_model(ruleset).parted(found.person)


def test_somebody_keeps_the_laws_with_the_better_value_as_well():
    """A month more in a year is a month more in two: the rule on the contrary hurts nobody."""
    gate = rules(f"id: more, {LAW}", "id: rest, when: income.months_24m >= 0, then: APPROVE")
    text = stages(gate) + f"guarantees:\n  - {{name: a, monotone: {{{MONTHS}: up}}}}\n"
    assert isinstance(proved(kept(loosely(text), "a")), Proved)


def test_somebody_whose_day_is_missing_is_decided_on_the_first_day():
    """With the service's own records today is missing, too."""
    gate = rules(
        "id: often, when: history.applications_1d > 3, then: REFER, reason: GAPS",
        "id: on, when: history.today > history.last_decline_date, then: REFER, reason: GAPS",
        "id: rest, when: income.months_24m >= 0, then: APPROVE",
    )
    line = "{name: a, never: REFER, when: tainted(history.applications_1d)}"
    found = proved(kept(loosely(stages(gate) + f"guarantees:\n  - {line}\n"), "a"))
    assert isinstance(found.person.values["history.today"], Unknown)
    assert found.day == TODAY


def test_one_person_is_in_the_world_or_not():
    """A broken law, or one value without the other, is told."""
    world = factor_model(version(BOTH))
    lost = unknown(MONTHS, Cause.NO_DATA)
    assert not world.parted(PersonValues({GAPS: unknown(GAPS, Cause.NO_DATA), MONTHS: lost}))
    assert world.parted(PersonValues({GAPS: unknown(GAPS, Cause.STALE), MONTHS: lost})) == {
        GAPS,
        MONTHS,
    }
    assert world.parted(PersonValues({GAPS: 2, MONTHS: lost})) == {GAPS, MONTHS}
    assert world.broken(PersonValues({GAPS: 3, MONTHS: 12})) == {GAPS, MONTHS}


def test_a_group_is_missing_for_the_same_causes():
    """Factors of a group have failures among their causes, or none of them has."""
    for group in TOGETHER:
        causes = [catalogue()[name].causes for name in group]
        assert len({frozenset(c.tainted for c in some) for some in causes}) == 1, group
