"""Exporting everything that is stored of one person, page by page."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.domain.errors import UserUnknown
from decision_service.pipeline.applicants.owners import ApplicantOwners
from decision_service.pipeline.applicants.ports import ApplicantLog
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.subject_access.about import AccessTerms, about_records
from decision_service.pipeline.subject_access.decisions import decision_record
from decision_service.pipeline.subject_access.ports import (
    Chapter,
    ExportPage,
    ExportPlace,
    StoredDecision,
    SubjectAccessLog,
    TellReply,
)
from decision_service.pipeline.subject_access.readings import reading_record

PAGE = 10
"""Decisions of a page, each with its factor values, letters and reports."""


class ExportPerson:
    """Reads the records of one person.

    A page holds the person's own ones, some decisions or a part of a reading, so that memory is
    bounded however much there is.
    """

    def __init__(
        self,
        log: SubjectAccessLog,
        applicants: ApplicantLog,
        tell: TellReply,
        terms: AccessTerms,
        clock: Clock,
    ) -> None:
        self._log = log
        self._owners = ApplicantOwners(applicants)
        self._tell = tell
        self._terms = terms
        self._clock = clock

    async def __call__(self, user_id: str, scope: str, place: ExportPlace | None) -> ExportPage:
        """The page after a place, the first one without; `scope` as in `ApplicantOwners`.

        Raises UserUnknown where nothing is stored of the user, and as `ApplicantOwners.require`;
        StoreUnavailable.
        """
        await self._owners.require(user_id, scope)
        if place is None:
            return await self._first(user_id)
        if place.chapter is Chapter.DECISIONS:
            return self._decided(await self._log.decisions(user_id, place.after, PAGE + 1))
        return await self._read(user_id, place)

    async def _first(self, user_id: str) -> ExportPage:
        rows = await self._log.user_rows(user_id)
        if rows is None:
            raise UserUnknown("nothing is stored of a user with this user_id: check the id")
        records = about_records(user_id, rows, self._terms, self._clock.now())
        return ExportPage(tuple(records), ExportPlace(Chapter.DECISIONS))

    def _decided(self, found: Sequence[StoredDecision]) -> ExportPage:
        records = tuple(decision_record(one, self._tell) for one in found[:PAGE])
        if len(found) <= PAGE:
            return ExportPage(records, ExportPlace(Chapter.READINGS))
        last = found[PAGE - 1].entry
        return ExportPage(records, ExportPlace(Chapter.DECISIONS, last.created, last.decision_id))

    async def _read(self, user_id: str, place: ExportPlace) -> ExportPage:
        """A reading, or a further part of the one at the place if that is still there."""
        found = await self._log.reading(user_id, place.after, itself=place.part > 0)
        if found is None:
            return ExportPage((), None)
        at = found.place
        part = place.part if at.decision_id == place.id else 0
        record, more = reading_record(found, part)
        further = part + 1 if more else 0
        next_ = ExportPlace(Chapter.READINGS, at.created, at.decision_id, further)
        return ExportPage((record,), next_)
