"""Who may end a review with which result."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from decision_service.casework.review_steps import claim, complete, confirm, erased, reject
from decision_service.domain.decision import NO_TERMS, ApprovalTerms, Outcome, ReferKind
from decision_service.domain.errors import (
    AuthorityExceeded,
    FieldInvalid,
    PermissionDenied,
    ReviewRefused,
    ServiceError,
)
from decision_service.domain.reviews import NO_POLICY, Review, ReviewResult, ReviewState
from tests.kits.cases import cases
from tests.unit.reviewing.cases import POLICY, approved, by, pesos, review

CASES = cases("review/authority")


def claimed(kind: ReferKind | None = ReferKind.SCORE, asked: object = 50_000) -> Review:
    """A review that Ana has claimed."""
    return claim(review(kind, asked), by("ana")).review


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_result_of_a_review_is_within_authority(case: dict[str, Any]) -> None:
    """Each case of the file ends with one person, waits for a second one, or is refused."""
    outcome = Outcome(case.get("outcome", "APPROVE"))
    amount = pesos(case["approve"]) if "approve" in case else None
    if amount is not None:
        amount = replace(amount, currency=case.get("currency", "PHP"))
    result = ReviewResult(outcome, case.get("reason", "INCOME_CONFIRMED"), "seen", amount)
    known = {"minimum": "least", "offered": "offered"}
    bounds = {name: pesos(case[key]) for name, key in known.items() if key in case}
    terms = ApprovalTerms(**bounds)
    subject = claimed(ReferKind(case.get("kind", "SCORE")), case.get("asked"))
    states = {"one": ReviewState.COMPLETED, "two": ReviewState.AWAITING_SECOND}
    if case["result"] in states:
        ended = complete(subject, by("ana", 2), result, POLICY, terms).review
        assert ended.state is states[case["result"]]
        assert bool(ended.second_reasons) == (case["result"] == "two")
        assert [*ended.second_reasons] == case.get("why", [*ended.second_reasons])
        return
    with pytest.raises(ServiceError) as refused:
        complete(subject, by("ana", 2), result, POLICY, terms)
    assert case["result"] in refused.value.message


def test_an_amount_that_fails_a_check_against_the_law_has_a_second_person() -> None:
    """However small it is; a decline fails none."""
    failing = ApprovalTerms(3, failed_checks=("RATE_CAP",))
    proposed = complete(claimed(), by("ana", 2), approved(1_000), POLICY, failing).review
    assert (proposed.state, proposed.terms) == (ReviewState.AWAITING_SECOND, failing)
    assert proposed.second_reasons == ("FAILED_CHECK",)
    ended = confirm(proposed, by("ben", 3), POLICY).review
    assert (ended.state, ended.terms) == (ReviewState.COMPLETED, failing)


def test_a_refusal_for_authority_names_the_limit() -> None:
    """As PERMISSION_DENIED with the limit beside its words."""
    with pytest.raises(AuthorityExceeded) as refused:
        complete(claimed(asked=500_000), by("ana", 2), approved(100_001), POLICY)
    assert isinstance(refused.value, PermissionDenied)
    assert refused.value.fields == {"limit": "PHP 100000"}


def test_nobody_confirms_what_that_person_proposed() -> None:
    """A second person does, and may reject it, which opens the review again."""
    proposed = complete(claimed(), by("ana", 2), approved(30_000), POLICY).review
    with pytest.raises(PermissionDenied, match="another person"):
        confirm(proposed, by("ana", 3), POLICY)
    ended = confirm(proposed, by("ben", 3), POLICY).review
    assert (ended.state, ended.completed_by, ended.confirmed_by) == ("COMPLETED", "ana", "ben")
    assert ended.overrides
    reopened = reject(proposed, by("ben", 3), "no payslip").review
    assert (reopened.state, reopened.result) == (ReviewState.OPEN, None)
    assert (proposed.second_reasons, reopened.second_reasons) == (("ABOVE_AUTHORITY",), ())


def test_nobody_confirms_a_proposal_that_was_not_seen() -> None:
    """A confirmation that comes late meets another proposal, and says so."""
    first = complete(claimed(), by("ana", 2), approved(25_000), POLICY).review
    open_again = reject(first, by("cai", 3), "no payslip", first.etag).review
    retaken = claim(open_again, by("ana", 4)).review
    second = complete(retaken, by("ana", 5), approved(40_000), POLICY).review
    with pytest.raises(ReviewRefused, match="has taken a step since you saw it"):
        confirm(second, by("ben", 6), POLICY, first.etag)
    with pytest.raises(ReviewRefused, match="has taken a step since you saw it"):
        reject(second, by("ben", 6), "no payslip", first.etag)
    assert confirm(second, by("ben", 6), POLICY, second.etag).review.confirmed_by == "ben"


def test_the_terms_of_an_approval_go_where_it_goes() -> None:
    """A second person confirms them; what is rejected, or ends by an erasure, leaves none."""
    terms = ApprovalTerms(6, pesos(5_910))
    proposed = complete(claimed(), by("ana", 2), approved(30_000), POLICY, terms).review
    assert proposed.terms == confirm(proposed, by("ben", 3), POLICY).review.terms == terms
    assert reject(proposed, by("ben", 3), "no payslip").review.terms == NO_TERMS
    assert erased(proposed, by("", 3)).review.terms == NO_TERMS


def test_a_limit_that_was_lowered_meanwhile_counts() -> None:
    """The second person confirms within the authority that the plan gives by then."""
    proposed = complete(claimed(), by("ana", 2), approved(30_000), POLICY).review
    assert POLICY.authority is not None
    lower = replace(POLICY, authority=replace(POLICY.authority, review_second=pesos(250).major))
    with pytest.raises(AuthorityExceeded):
        confirm(proposed, by("ben", 3), lower)


def test_without_a_desk_nothing_is_completed() -> None:
    """Neither approved nor declined: there is no authority and no reason to name."""
    for result in (approved(), ReviewResult(Outcome.DECLINE, "X", "seen")):
        with pytest.raises(ReviewRefused, match=r"add a desk\.yaml to its"):
            complete(claimed(), by("ana", 2), result, NO_POLICY)


def test_an_unknown_reason_names_those_that_there_are() -> None:
    """The field is named, with the codes of the plan."""
    with pytest.raises(FieldInvalid, match="INCOME_CONFIRMED") as refused:
        complete(claimed(), by("ana", 2), replace(approved(), reason="X"), POLICY)
    assert refused.value.problems[0].field == "reason"
