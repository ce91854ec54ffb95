"""Making the letter of a decision once, and reporting that it was sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec.structs import replace

from decision_service.domain.errors import DecisionUnknown, LanguageUnknown, NoticeNotDue
from decision_service.notices.compose import letter
from decision_service.notices.kinds import kind_of
from decision_service.notices.model import Letter, NoticeSubject, NoticeTexts
from decision_service.pipeline.notices.ports import (
    NoticeFilter,
    NoticeKey,
    NoticeLog,
    Sending,
    StoredNotice,
)
from decision_service.pipeline.notices.subject import (
    disclosed_reason,
    disclosed_recourse,
    subject_of,
)
from decision_service.pipeline.ports import Clock, PagePosition
from decision_service.pipeline.records.read import ReadDecisions, Recorded
from decision_service.pipeline.records.recourse import FindRecourse
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.reviewing.model import Review
from decision_service.reviewing.policy import NO_POLICY
from decision_service.reviewing.standing import Standing, standing

ReviewsOf = Callable[[str], Awaitable[Sequence[Review]]]
"""The reviews of a decision, oldest first."""


class NoticePage(msgspec.Struct, frozen=True):
    """One page of letters; `next` is None on the last one."""

    notices: tuple[StoredNotice, ...]
    next: PagePosition | None


class NoticeDeps(msgspec.Struct, frozen=True):
    """What letters are made from, and where they are kept."""

    read: ReadDecisions
    log: NoticeLog
    rulebook: Callable[[], Rulebook]
    clock: Clock
    recourse: FindRecourse
    reviews_of: ReviewsOf


class Notices:
    """Makes, lists and marks letters; callers without `scope` reach those of every caller."""

    def __init__(self, deps: NoticeDeps) -> None:
        self._deps = deps
        self._log = deps.log

    async def get(self, decision_id: str, language: str, caller: str, scope: str) -> StoredNotice:
        """The letter of what stands of a decision, made at the first call.

        Raises DecisionUnknown, ProductUnknown, NoticeNotDue, LanguageUnknown, StoreUnavailable.
        """
        recorded = await self._deps.read.get(decision_id, full=True, scope=scope)
        stands = standing(await self._deps.reviews_of(decision_id))
        subject = self._subject(recorded, stands)
        kind = kind_of(subject)
        if kind is None:
            raise _not_due(recorded, _WHY.get(recorded.entry.outcome, _ERASED))
        review_id = stands.review.review_id if stands.review else ""
        key = NoticeKey(decision_id, kind, language, review_id)
        found = await self._log.find(key.notice_id)
        if found is not None:
            return found
        texts = self._texts(recorded.entry.product, language)
        made = letter(await self._with_reason(subject, recorded, stands), texts)
        assert made is not None  # noqa: S101 - it is due
        return await self._record(recorded, made, texts.digest, caller, review_id)

    async def sent(self, key: NoticeKey, sending: Sending, scope: str) -> StoredNotice:
        """Note that a letter was sent; the first report counts. Raises as `get`."""
        await self._deps.read.get(key.decision_id, full=False, scope=scope)
        found = await self._log.sent(key.notice_id, sending)
        if found is None:
            of = f", review {key.review_id}" if key.review_id else ""
            raise NoticeNotDue(
                f"no {key.kind} letter in {key.language} was made of decision {key.decision_id}"
                f"{of}: get it first",
                decision_id=key.decision_id,
            )
        return found

    async def list(self, chosen: NoticeFilter, after: PagePosition | None, size: int) -> NoticePage:
        """One page, newest first."""
        found = tuple(await self._log.list(chosen, after, size + 1))
        if len(found) <= size:
            return NoticePage(found, None)
        last = found[size - 1]
        return NoticePage(found[:size], PagePosition(last.made, last.notice_id))

    def _subject(self, recorded: Recorded, stands: Standing) -> NoticeSubject:
        if stands.again:
            raise _not_due(recorded, f"{stands.again} stands in its place", stands.again)
        if recorded.settled is None:
            why = _ERASED if stands.review else _WHY.get(recorded.entry.outcome, _ERASED)
            raise _not_due(recorded, why)
        return subject_of(recorded, recorded.settled.verdict, stands)

    async def _with_reason(
        self, subject: NoticeSubject, recorded: Recorded, stands: Standing
    ) -> NoticeSubject:
        """With a person's reason; else with recourse, which is the rules' and not the person's."""
        if subject.person is None or stands.review is None:
            return replace(
                subject, recourse=disclosed_recourse(await self._deps.recourse(recorded))
            )
        policy = self._deps.rulebook().product(recorded.entry.product).plan.review or NO_POLICY
        sentences = disclosed_reason(stands.review, policy)
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
            made=self._deps.clock.now(),
            made_by=caller,
            review_id=review_id,
        )
        stored = await self._log.record(notice)
        if stored is None:
            raise DecisionUnknown.of(entry.decision_id)
        return stored

    def _texts(self, product: str, language: str) -> NoticeTexts:
        texts = self._deps.rulebook().product(product).notices
        if language in texts:
            return texts[language]
        known = ", ".join(sorted(texts)) or "none"
        raise LanguageUnknown(
            f"{product} has no letters in {language}: its languages are {known}",
            language=language,
            product=product,
        )


_ERASED = "the values behind it were erased"
_WHY = {"NOT_ENROLLED": "it was not decided here", "REFER": "a person reviews it first"}


def _not_due(recorded: Recorded, why: str, instead: str = "") -> NoticeNotDue:
    decision_id = recorded.entry.decision_id
    message = f"there is no letter of decision {decision_id}: {why}"
    more = {"instead": instead} if instead else {}
    return NoticeNotDue(message, retry_after=None, decision_id=decision_id, **more)
