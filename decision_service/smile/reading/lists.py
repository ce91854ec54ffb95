"""Reads the kinds of a plan into the findings, one list of the vendor per kind."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from decision_service.domain.kinds import Kind
from decision_service.domain.needs import FetchPlan
from decision_service.smile.errors import Fault, KeysRefused, NotSubscribed
from decision_service.smile.reading.applicant import Applicant
from decision_service.smile.reading.builder import WITNESS, Findings
from decision_service.smile.reading.concurrency import together
from decision_service.smile.reading.kind_read import Part, without
from decision_service.smile.reading.transactions import first_day


class Wave(Protocol):
    """A way to read every kind that the findings want; raises KeysRefused and CrossTenant only."""

    async def read(self, findings: Findings) -> None:
        """Put a part into the findings for each kind, a faulty one where it could not be read."""


class Lists:
    """One list per kind, filtered by user, side by side; the witness after all others have come."""

    def __init__(self, applicant: Applicant, plan: FetchPlan) -> None:
        self._applicant = applicant
        self._first_day = first_day(plan)

    async def read(self, findings: Findings) -> None:
        """Read each kind as soon as the request limit allows."""
        kinds = findings.asked
        await together(self._into(findings, kind) for kind in sorted(kinds - {WITNESS}))
        if WITNESS in kinds:
            await self._into(findings, WITNESS)

    async def _into(self, findings: Findings, kind: Kind) -> None:
        since = self._first_day if kind is Kind.TRANSACTIONS else None
        findings.parts[kind] = await part_or_fault(self._applicant, kind, since)


async def part_or_fault(
    applicant: Applicant, kind: Kind, since: date | None, source: str | None = None
) -> Part:
    """One kind, or the fault in its place; a product that is not subscribed to has no records."""
    try:
        return await applicant.kind(kind, first_day=since, source=source)
    except KeysRefused:
        raise
    except NotSubscribed:
        return Part()
    except Fault as fault:
        return without(kind, fault, since)
