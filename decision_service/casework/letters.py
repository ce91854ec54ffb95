"""Letters to applicants: made of recorded decisions, recorded, and reported as sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import partial
from typing import Protocol

import msgspec
from msgspec.structs import replace

from decision_service.casework.compose import (
    Lack,
    Letter,
    NoticeSubject,
    PersonsResult,
    SourceUsed,
    kind_of,
    letter,
)
from decision_service.casework.named import ReadData, read_data, source_name
from decision_service.casework.recourse import FindRecourse, Recourse, RecourseKind
from decision_service.casework.review_results import ReviewedResult, result_of, reviewed_result
from decision_service.decide.replay import ReadDecisions, Recorded
from decision_service.domain.decision import Decision, Verdict
from decision_service.domain.errors import (
    DecisionUnknown,
    LanguageUnknown,
    NoticeNotDue,
    NoticeUnknown,
)
from decision_service.domain.factor import Factors, KindStatus
from decision_service.domain.ports import Clock
from decision_service.domain.reviews import NO_POLICY, Review, ReviewOrigin, ReviewPolicy
from decision_service.domain.values import Money, Month
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.letters import NoticeKind, NoticeTexts

_OWN = ("history.", "reuse.")
"""Families of factors that rest on this lender's own records."""

_ERASED = "the values behind it were erased"
_WHY = {"NOT_ENROLLED": "it was not decided here", "REFER": "a person reviews it first"}


class Sending(msgspec.Struct, frozen=True):
    """How a letter reached its applicant, as a lender's system reported it."""

    at: datetime
    channel: str
    by: str


class StoredNotice(msgspec.Struct, frozen=True):
    """A letter as it was made; `template_digest` is the SHA-256 of the texts' file in hex.

    `caller` is whose decision it is, `made_by` who asked for the letter first. `review_id` is the
    review whose result it is about, empty for what was decided first.
    """

    decision_id: str
    caller: str
    letter: Letter
    template_digest: str
    made: datetime
    made_by: str
    sent: Sending | None = None
    review_id: str = ""

    @property
    def key(self) -> NoticeKey:
        letter = self.letter
        return NoticeKey(self.decision_id, letter.kind, letter.language, review_id=self.review_id)

    @property
    def notice_id(self) -> str:
        return self.key.notice_id


class NoticeKey(msgspec.Struct, frozen=True):
    """A decision has one letter of each kind, language and result of a review, empty for none."""

    decision_id: str
    kind: NoticeKind
    language: str
    review_id: str = ""

    @property
    def notice_id(self) -> str:
        review = f"/{self.review_id}" if self.review_id else ""
        return f"{self.decision_id}/{self.kind}/{self.language}{review}"


class NoticeReader(msgspec.Struct, frozen=True):
    """Who asks for a letter: `scope` as of `Notices`, and whether a letter may be made for it.

    A reviewer reaches the decisions that have a review, whoever's they are.
    """

    caller: str
    scope: str
    may_make: bool
    is_reviewer: bool = False


class NoticeLog(Protocol):
    """The durable letters; every method raises StoreUnavailable."""

    async def record(self, notice: StoredNotice) -> StoredNotice | None:
        """Store a letter, or find the one of its id; None where the decision is not stored."""

    async def find(self, notice_id: str) -> StoredNotice | None:
        """One letter; None where it was never made."""

    async def sent(self, notice_id: str, sending: Sending) -> StoredNotice | None:
        """Note the first sending of a letter: the letter with it, None without a letter."""

    async def of_decision(self, decision_id: str) -> Sequence[StoredNotice]:
        """Every letter that was made of a decision and of its reviews, oldest first."""


def subject_of(
    decision: Decision, reviewed: ReviewedResult, read: ReadData | None = None
) -> NoticeSubject:
    """What a letter is about; without `read`, what stands behind the reasons is not named."""
    as_of = decision.as_of
    verdict = decision.verdict
    inputs = decision.inputs
    asked = inputs.get("requested_amount")
    term = inputs.get("requested_term_months")
    factors = decision.factors
    zone = as_of.zone
    kinds = {} if factors is None else factors.kinds
    found = [kind.value for kind, status in kinds.items() if status is not KindStatus.MISSING]
    return NoticeSubject(
        decision_id=decision.decision_id,
        application_id=decision.application_id,
        decided_on=as_of.date,
        asked=asked if isinstance(asked, Money) else None,
        verdict=verdict,
        asked_term=term if isinstance(term, int) else None,
        sources=() if factors is None else _sources(factors, zone),
        data=tuple(sorted(found)) if read is None else read.kinds,
        own_records=factors is not None and any(one.startswith(_OWN) for one in factors.values),
        read=read,
        lacks=() if factors is None else tuple(_lacks(verdict, factors)),
        expires=None if decision.expires is None else decision.expires.astimezone(zone),
        person=_person(reviewed, zone),
        connect=() if decision.connect is None else decision.connect.types,
    )


def disclosed_recourse(found: Recourse | None) -> Recourse | None:
    """It as far as applicants may know; None where the product discloses nothing."""
    return found if found and found.told and found.answer is not RecourseKind.NOTHING else None


def disclosed_reason(review: Review, policy: ReviewPolicy) -> Mapping[str, str]:
    """By language, empty where withheld; NoticeNotDue where the plan lacks the code."""
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


def _person(reviewed: ReviewedResult, zone: tzinfo) -> PersonsResult | None:
    review = reviewed.review
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
        changed=reviewed.changed,
    )


def _sources(factors: Factors, zone: tzinfo) -> tuple[SourceUsed, ...]:
    used = set()
    for one in (source for source in factors.sources if source.used):
        day = None if one.synced is None else one.synced.astimezone(zone).date()
        used.add(SourceUsed(source_name(one), day))
    return tuple(sorted(used, key=_provider_and_day))


def _provider_and_day(one: SourceUsed) -> tuple[str, date]:
    return one.provider, one.as_of or date.min


def _lacks(verdict: Verdict, factors: Factors) -> Iterator[Lack]:
    names = {one.id: source_name(one) for one in factors.sources}
    for asked in verdict.data_requests:
        found = factors.values.get(asked.factor)
        every = [] if found is None else found.missing
        for one in [m for m in every if m.cause is asked.missing.cause] or [asked.missing]:
            yield Lack(
                cause=one.cause,
                provider=names.get(one.source or "", ""),
                kind=one.kind,
                code=one.reason,
                error=one.account_error or "",
                month=None if one.month is None else Month(one.month),
                due=one.due,
            )


ReviewsOf = Callable[[str], Awaitable[Sequence[Review]]]
"""The reviews of a decision, oldest first."""


@dataclass(frozen=True, slots=True)
class Notices:
    """Makes letters and marks them as sent; callers without `scope` reach those of every caller.

    `kept_months` and `look_minutes` are as in `NoticeSubject`.
    """

    read: ReadDecisions
    log: NoticeLog
    rulebook: Callable[[], Rulebook]
    clock: Clock
    recourse: FindRecourse
    reviews_of: ReviewsOf
    kept_months: int = 0
    look_minutes: int = 0

    async def get(self, decision_id: str, language: str, reader: NoticeReader) -> StoredNotice:
        """The letter that was made, or else is made now for a reader who may have that.

        Raises DecisionUnknown, ProductUnknown, NoticeNotDue, LanguageUnknown, NoticeUnknown.
        """
        reviews = await self.reviews_of(decision_id)
        scope = "" if reviews and reader.is_reviewer else reader.scope
        recorded = await self.read.get(decision_id, full=True, scope=scope)
        reviewed = reviewed_result(reviews)
        subject = await self._subject(recorded, reviewed)
        kind = kind_of(subject)
        if kind is None:
            raise _not_due(recorded, _WHY.get(recorded.entry.outcome, _ERASED))
        review_id = reviewed.review.review_id if reviewed.review else ""
        key = NoticeKey(decision_id, kind, language, review_id=review_id)
        found = await self.log.find(key.notice_id)
        if found is not None:
            return found
        texts = self._texts(recorded.entry.product, language)
        # Who may only read leaves no record, and causes no event.
        if not reader.may_make:
            raise NoticeUnknown(
                f"no {kind} letter in {language} was made of decision {decision_id}: a caller with "
                "the role decide or review has to make it",
                decision_id=decision_id,
            )
        made = letter(await self._with_reason(subject, recorded, reviewed), texts)
        assert made is not None  # noqa: S101 - it is due
        return await self._record(
            recorded, made, texts.digest, caller=reader.caller, review_id=review_id
        )

    async def sent(self, key: NoticeKey, sending: Sending, scope: str) -> StoredNotice:
        """Note that a letter was sent; the first report counts. Raises as `get`."""
        await self.read.get(key.decision_id, full=False, scope=scope)
        found = await self.log.sent(key.notice_id, sending)
        if found is None:
            of = f", review {key.review_id}" if key.review_id else ""
            raise NoticeNotDue(
                f"no {key.kind} letter in {key.language} was made of decision {key.decision_id}"
                f"{of}: get it first",
                decision_id=key.decision_id,
            )
        return found

    async def _subject(self, recorded: Recorded, reviewed: ReviewedResult) -> NoticeSubject:
        if reviewed.again:
            raise _not_due(recorded, f"{reviewed.again} was decided in its place", reviewed.again)
        if recorded.decision is None:
            why = _ERASED if reviewed.review else _WHY.get(recorded.entry.outcome, _ERASED)
            raise _not_due(recorded, why)
        read = await self.read.under(recorded, partial(read_data, recorded.decision))
        subject = subject_of(recorded.decision, reviewed, read)
        return replace(subject, kept_months=self.kept_months, look_minutes=self.look_minutes)

    async def _with_reason(
        self, subject: NoticeSubject, recorded: Recorded, reviewed: ReviewedResult
    ) -> NoticeSubject:
        """With a person's reason; else with recourse, which is the rules' and not the person's."""
        if subject.person is None or reviewed.review is None:
            return replace(subject, recourse=disclosed_recourse(await self.recourse(recorded)))
        policy = self.rulebook().product(recorded.entry.product).plan.review or NO_POLICY
        sentences = disclosed_reason(reviewed.review, policy)
        return replace(subject, person=replace(subject.person, sentences=sentences))

    async def _record(
        self, recorded: Recorded, made: Letter, digest: str, caller: str, review_id: str
    ) -> StoredNotice:
        entry = recorded.entry
        notice = StoredNotice(
            decision_id=entry.decision_id,
            caller=entry.caller,
            letter=made,
            template_digest=digest,
            made=self.clock.now(),
            made_by=caller,
            review_id=review_id,
        )
        stored = await self.log.record(notice)
        if stored is None:
            raise DecisionUnknown.of(entry.decision_id)
        return stored

    def _texts(self, product: str, language: str) -> NoticeTexts:
        texts = self.rulebook().product(product).notices
        if language in texts:
            return texts[language]
        known = ", ".join(sorted(texts)) or "none"
        raise LanguageUnknown(
            f"{product} has no letters in {language}: its languages are {known}",
            language=language,
            product=product,
        )


def _not_due(recorded: Recorded, why: str, instead: str = "") -> NoticeNotDue:
    decision_id = recorded.entry.decision_id
    message = f"there is no letter of decision {decision_id}: {why}"
    more = {"instead": instead} if instead else {}
    return NoticeNotDue(message, retry_after=None, decision_id=decision_id, **more)
