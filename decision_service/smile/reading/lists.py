"""Reads the kinds of a plan into a snapshot builder, one list of the vendor per kind."""

from __future__ import annotations

from decision_service.domain.kinds import Kind
from decision_service.domain.needs import FetchPlan
from decision_service.smile.errors import KeysRefused, NotSubscribed, UpstreamFault
from decision_service.smile.reading.applicant import ApplicantReader
from decision_service.smile.reading.builder import CONSENT_PROBE, SnapshotBuilder
from decision_service.smile.reading.concurrency import run_all
from decision_service.smile.reading.kind_read import KindRead, failed_kind


class ListReader:
    """One list per kind, filtered by user, concurrently; the consent probe after all others."""

    def __init__(self, reader: ApplicantReader, plan: FetchPlan) -> None:
        self._reader = reader
        self._first_day = plan.first_day

    async def read(self, builder: SnapshotBuilder) -> None:
        """Add each kind to the builder, with a fault where it could not be read.

        Raises KeysRefused and CrossTenant only.
        """
        kinds = builder.asked
        await run_all(self._into(builder, kind) for kind in sorted(kinds - {CONSENT_PROBE}))
        if CONSENT_PROBE in kinds:
            await self._into(builder, CONSENT_PROBE)

    async def _into(self, builder: SnapshotBuilder, kind: Kind) -> None:
        since = self._first_day if kind is Kind.TRANSACTIONS else None
        try:
            builder.parts[kind] = await self._reader.kind(kind, first_day=since)
        except KeysRefused:
            raise
        except NotSubscribed:  # there are no records of a product that is not subscribed to
            builder.parts[kind] = KindRead()
        except UpstreamFault as fault:
            builder.parts[kind] = failed_kind(kind, fault, since)
