"""Making the letter of a decision once, and reporting that it was sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, tzinfo

import msgspec

from decision_service.domain.errors import DecisionUnknown, LanguageUnknown, NoticeNotDue
from decision_service.domain.factor import Factors, KindStatus
from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome, Verdict
from decision_service.notices.compose import letter
from decision_service.notices.kinds import kind_of
from decision_service.notices.model import (
    NoticeKind,
    NoticeSubject,
    NoticeTexts,
    SourceUsed,
)
from decision_service.pipeline.decide.record_codec import inputs_from_wire
from decision_service.pipeline.notices.ports import (
    NoticeFilter,
    NoticeLog,
    Sending,
    StoredNotice,
    notice_id,
)
from decision_service.pipeline.ports import Clock, PagePosition
from decision_service.pipeline.records.read import ReadDecisions, Recorded
from decision_service.pipeline.records.recourse import FindRecourse
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.recourse.model import Answer

InsteadOf = Callable[[str, Outcome], Awaitable[str]]
"""The id of what stands in place of a decision with an outcome; empty where the decision does."""


async def _nothing(_: str, __: Outcome) -> str:
    """Every decision stands."""
    return ""


class NoticePage(msgspec.Struct, frozen=True):
    """One page of letters; `next` is None on the last one."""

    notices: tuple[StoredNotice, ...]
    next: PagePosition | None


class Notices:
    """Makes, lists and marks letters; callers without `scope` reach those of every caller."""

    def __init__(
        self,
        read: ReadDecisions,
        log: NoticeLog,
        rulebook: Callable[[], Rulebook],
        clock: Clock,
        recourse: FindRecourse,
        instead_of: InsteadOf | None = None,
    ) -> None:
        self._read = read
        self._log = log
        self._rulebook = rulebook
        self._clock = clock
        self._recourse = recourse
        self._instead_of = instead_of or _nothing

    async def get(self, decision_id: str, language: str, caller: str, scope: str) -> StoredNotice:
        """The letter of a decision, made at the first call.

        Raises DecisionUnknown, ProductUnknown, NoticeNotDue, LanguageUnknown, StoreUnavailable.
        """
        recorded = await self._read.get(decision_id, full=True, scope=scope)
        await self._require_standing(recorded)
        verdict, kind = _due(recorded)
        found = await self._log.find(notice_id(decision_id, kind, language))
        if found is not None:
            return found
        texts = self._texts(recorded.entry.product, language)
        again_on = await self._again_on(recorded)
        made = letter(_subject(recorded, verdict, again_on), texts)
        assert made is not None  # noqa: S101 - it is due
        notice = StoredNotice(
            decision_id=decision_id,
            caller=recorded.entry.caller,
            letter=made,
            template_digest=texts.digest,
            made=self._clock.now(),
            made_by=caller,
        )
        stored = await self._log.record(notice)
        if stored is None:
            raise DecisionUnknown.of(decision_id)
        return stored

    async def _again_on(self, recorded: Recorded) -> date | None:
        """The day from which waiting alone would approve, where the product lets it be told."""
        found = await self._recourse(recorded)
        waits = found is not None and found.told and found.answer is Answer.WAIT
        return found.day if found is not None and waits else None

    async def sent(
        self, decision_id: str, kind: NoticeKind, language: str, sending: Sending, scope: str
    ) -> StoredNotice:
        """Note that a letter was sent; the first report counts. Raises as `get`."""
        await self._read.get(decision_id, full=False, scope=scope)
        found = await self._log.sent(notice_id(decision_id, kind, language), sending)
        if found is None:
            raise NoticeNotDue(
                f"no {kind} letter in {language} was made of decision {decision_id}: get it first",
                decision_id=decision_id,
            )
        return found

    async def list(self, chosen: NoticeFilter, after: PagePosition | None, size: int) -> NoticePage:
        """One page, newest first."""
        found = tuple(await self._log.list(chosen, after, size + 1))
        if len(found) <= size:
            return NoticePage(found, None)
        last = found[size - 1]
        return NoticePage(found[:size], PagePosition(last.made, last.notice_id))

    async def _require_standing(self, recorded: Recorded) -> None:
        entry = recorded.entry
        other = await self._instead_of(entry.decision_id, entry.outcome)
        if other:
            raise NoticeNotDue(
                f"there is no letter of decision {entry.decision_id}: {other} stands in its place",
                decision_id=entry.decision_id,
                instead=other,
            )

    def _texts(self, product: str, language: str) -> NoticeTexts:
        texts = self._rulebook().product(product).notices
        if language in texts:
            return texts[language]
        known = ", ".join(sorted(texts)) or "none"
        raise LanguageUnknown(
            f"{product} has no letters in {language}: its languages are {known}",
            language=language,
            product=product,
        )


def _due(recorded: Recorded) -> tuple[Verdict, NoticeKind]:
    entry, settled = recorded.entry, recorded.settled
    verdict = None if settled is None else settled.verdict
    kind = None if verdict is None else kind_of(verdict)
    if verdict is None or kind is None:
        why = {
            "NOT_ENROLLED": "it was not decided here",
            "REFER": "a person reviews it first",
        }.get(entry.outcome, "the values behind it were erased")
        raise NoticeNotDue(
            f"there is no letter of decision {entry.decision_id}: {why}",
            decision_id=entry.decision_id,
        )
    return verdict, kind


def _subject(recorded: Recorded, verdict: Verdict, again_on: date | None) -> NoticeSubject:
    entry, as_of = recorded.entry, recorded.facts.as_of
    asked = inputs_from_wire(recorded.facts.inputs).get("requested_amount")
    factors, zone = recorded.factors, as_of.zone
    return NoticeSubject(
        decision_id=entry.decision_id,
        application_id=entry.application_id,
        decided_on=as_of.date,
        asked=asked if isinstance(asked, Money) else None,
        verdict=verdict,
        sources=() if factors is None else _sources(factors, zone),
        data=() if factors is None else _data(factors),
        expires_on=_day(recorded.expires, zone),
        again_on=again_on,
    )


def _sources(factors: Factors, zone: tzinfo) -> tuple[SourceUsed, ...]:
    used = {SourceUsed(s.provider_id, _day(s.synced, zone)) for s in factors.sources if s.used}
    return tuple(sorted(used, key=lambda one: (one.provider, one.as_of or date.min)))


def _data(factors: Factors) -> tuple[str, ...]:
    read = {kind for kind, status in factors.kinds.items() if status is not KindStatus.MISSING}
    return tuple(sorted(kind.value for kind in read))


def _day(instant: datetime | None, zone: tzinfo) -> date | None:
    return None if instant is None else instant.astimezone(zone).date()
