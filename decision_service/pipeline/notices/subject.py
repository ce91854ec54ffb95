"""What a letter is about: the recorded decision, and the result of a person that stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, tzinfo

from decision_service.domain.errors import NoticeNotDue
from decision_service.domain.factor import Factors, KindStatus, SourceUse
from decision_service.domain.money import Money
from decision_service.domain.verdict import Verdict
from decision_service.notices.model import (
    DisclosedChange,
    DisclosedRecourse,
    Lack,
    NoticeSubject,
    PersonsResult,
    SourceUsed,
)
from decision_service.notices.providers import provider_name
from decision_service.pipeline.decide.record_codec import inputs_from_wire
from decision_service.pipeline.records.read import Recorded
from decision_service.recourse.model import Recourse, RecourseKind
from decision_service.reviewing.model import Review, ReviewOrigin
from decision_service.reviewing.policy import ReviewPolicy
from decision_service.reviewing.standing import Standing, result_of

_GIVEN = frozenset({"UPLOAD", "ARCHIVE"})
"""Kinds of sources that hold what the applicant handed in."""


def subject_of(recorded: Recorded, verdict: Verdict, stands: Standing) -> NoticeSubject:
    """The subject without recourse and without a person's reason."""
    entry, as_of = recorded.entry, recorded.facts.as_of
    inputs = inputs_from_wire(recorded.facts.inputs)
    asked, term = inputs.get("requested_amount"), inputs.get("requested_term_months")
    factors, zone = recorded.factors, as_of.zone
    return NoticeSubject(
        decision_id=entry.decision_id,
        application_id=entry.application_id,
        decided_on=as_of.date,
        asked=asked if isinstance(asked, Money) else None,
        verdict=verdict,
        asked_term=term if isinstance(term, int) else None,
        sources=() if factors is None else _sources(factors, zone),
        data=() if factors is None else _data(factors),
        lacks=() if factors is None else tuple(_lacks(verdict, factors)),
        expires=None if recorded.expires is None else recorded.expires.astimezone(zone),
        person=_person(stands, zone),
    )


def disclosed_recourse(found: Recourse | None) -> DisclosedRecourse | None:
    """What the product lets applicants be told; None where that is nothing."""
    if found is None or not found.told or found.answer is RecourseKind.NOTHING:
        return None
    changes = tuple(DisclosedChange(one.factor, one.now, one.needed) for one in found.changes)
    return DisclosedRecourse(changes, found.day)


def disclosed_reason(review: Review, policy: ReviewPolicy) -> Mapping[str, str]:
    """Why a person decided, by language; nothing where applicants are not told.

    Raises NoticeNotDue where the plan has no reason of its code any more.
    """
    if review.reason_withheld:
        return {}
    code = result_of(review).reason
    found = policy.reason_of(code)
    if found is None:
        raise NoticeNotDue(
            f"the plan of {review.product} has no reason {code} any more, for which "
            f"{review.review_id} was decided: put it back under `review.reasons`",
            decision_id=review.decision_id,
            review_id=review.review_id,
        )
    return found.sentences


def _person(stands: Standing, zone: tzinfo) -> PersonsResult | None:
    review = stands.review
    if review is None or review.ended is None:
        return None
    result = result_of(review)
    return PersonsResult(
        outcome=result.outcome,
        decided_on=review.ended.astimezone(zone).date(),
        amount=result.amount,
        term_months=review.terms.term_months,
        price=review.terms.price,
        expires=None if review.expires is None else review.expires.astimezone(zone),
        contested=review.origin is ReviewOrigin.CONTESTED,
        changed=stands.changed,
    )


def _sources(factors: Factors, zone: tzinfo) -> tuple[SourceUsed, ...]:
    used = {*_used(factors.sources, zone)}
    return tuple(sorted(used, key=lambda one: (one.provider, one.as_of or date.min)))


def _lacks(verdict: Verdict, factors: Factors) -> Iterator[Lack]:
    """Each source or kind of data that lacks what is requested, by the causes that are shown."""
    names = {one.id: provider_name(one.provider_id, one.provider_name) for one in factors.sources}
    for asked in verdict.data_requests:
        found = factors.values.get(asked.factor)
        every = [] if found is None else found.missing
        for one in [m for m in every if m.cause is asked.missing.cause] or [asked.missing]:
            yield Lack(one.cause, names.get(one.source or "", ""), one.kind)


def _used(sources: Collection[SourceUse], zone: tzinfo) -> Iterator[SourceUsed]:
    for one in sources:
        if one.used:
            given = one.status in _GIVEN
            name = "" if given else provider_name(one.provider_id, one.provider_name)
            yield SourceUsed(name, _day(one.synced, zone))


def _data(factors: Factors) -> tuple[str, ...]:
    read = {kind for kind, status in factors.kinds.items() if status is not KindStatus.MISSING}
    return tuple(sorted(kind.value for kind in read))


def _day(instant: datetime | None, zone: tzinfo) -> date | None:
    return None if instant is None else instant.astimezone(zone).date()
