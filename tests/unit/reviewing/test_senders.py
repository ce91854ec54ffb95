"""Who sent an application ends no review of it, under whatever name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from decision_service.casework.review_steps import (
    By,
    ReviewStep,
    claim,
    complete,
    confirm,
    decide_again,
    is_barred,
    note,
    reject,
    release,
    request_data,
)
from decision_service.domain.accounts import Kind
from decision_service.domain.actors import Actor, TokenSubject
from decision_service.domain.decision import ApprovalTerms, Outcome
from decision_service.domain.errors import FieldInvalid, PermissionDenied
from decision_service.domain.reviews import Review, ReviewResult
from tests.kits.cases import cases
from tests.unit.reviewing.cases import POLICY, approved, by, pesos, review

CASES = cases("review/senders")
DECLINED = ReviewResult(Outcome.DECLINE, "INCOME_CONFIRMED", "no job")


def actor(text: str) -> Actor:
    """`caller`, or `issuer/subject@caller`."""
    person, _, caller = text.rpartition("@")
    issuer, _, subject = person.partition("/")
    return Actor(caller, TokenSubject(issuer, subject) if person else None)


def as_of(text: str, minutes: float) -> By:
    """A step of somebody, so many minutes after noon."""
    who = actor(text)
    return replace(by(who.caller, minutes), person=who.person)


def sent(text: str) -> Review:
    """A fresh review of an application that this person sent."""
    sender = actor(text)
    return replace(review(), caller=sender.caller, sender=sender.person)


def refusal(step: Callable[[], ReviewStep]) -> str:
    """The words of a refusal; empty where the step was taken."""
    try:
        step()
    except PermissionDenied as refused:
        return refused.message
    return ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_who_sent_an_application_ends_no_review_of_it(case: dict[str, Any]) -> None:
    """Neither approves, declines, tries, confirms nor rejects; persons are compared where known."""
    ends, words = case["ends"], case.get("words", "").replace("REVIEW", review().review_id)
    fresh = sent(case["sent"])
    mine = claim(fresh, as_of(ends, 1)).review
    theirs = claim(fresh, by("cai", 1)).review
    proposed = complete(theirs, by("cai", 2), approved(30_000), POLICY).review
    end = as_of(ends, 3)
    first = [
        refusal(lambda: complete(mine, end, approved(), POLICY)),
        refusal(lambda: complete(mine, end, DECLINED, POLICY)),
        refusal(lambda: complete(mine, end, approved(), POLICY, dry_run=True)),
    ]
    second = [
        refusal(lambda: confirm(proposed, end, POLICY)),
        refusal(lambda: reject(proposed, end, "no payslip")),
    ]
    for said, role in ((first, "review"), (second, "review_second")):
        assert {bool(one) for one in said} == {bool(words)}
        assert all(words.replace("ROLE", role) in one for one in said)
    assert is_barred(fresh, end.actor) == bool(words)


def test_a_sender_takes_every_step_but_the_end() -> None:
    """Who sent it may claim, note, ask for data and have it decided again."""
    mine = claim(sent("los"), by("los", 1)).review
    asked = request_data(mine, by("los", 2), [Kind.CONTRIBUTIONS], "SSS, please")
    assert asked.event.who == "los"
    assert decide_again(mine, by("los", 2)).review.attempt == 1
    assert note(mine, by("los", 2), "seen").review.events == 3


def test_a_review_is_handed_to_no_caller_that_could_not_end_it() -> None:
    """Another person of a group may take it, since persons are known there."""
    mine = claim(sent("los"), by("ana")).review
    with pytest.raises(FieldInvalid, match="is los, who sent the application") as refused:
        release(mine, by("ana", 2), "los")
    assert refused.value.problems[0].field == "hand_to"
    grouped = claim(sent("id/ana@office"), by("ben")).review
    assert release(grouped, by("ben", 2), "office").review.claimed_by == "office"


def test_a_dry_run_is_refused_below_the_least_amount_too() -> None:
    """Before anything is recorded the person reads the amount that the rules grant."""
    mine = claim(review(), by("ana")).review
    least = ApprovalTerms(minimum=pesos(1_000))
    with pytest.raises(FieldInvalid, match=r"grant 1000\.00 at least"):
        complete(mine, by("ana", 2), approved(1), POLICY, least, dry_run=True)
