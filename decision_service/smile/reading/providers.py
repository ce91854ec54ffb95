"""The vendor's providers, as the last call of `refresh` that succeeded has read them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import structlog

from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import Provider
from decision_service.pipeline.ports import Clock
from decision_service.smile.client import SmileApi
from decision_service.smile.errors import KeysRefused, UpstreamFault
from decision_service.smile.mapping.listings import PROVIDERS
from decision_service.smile.mapping.pages import read_list
from decision_service.smile.mapping.records import provider
from decision_service.smile.transport.http import Request

_GIG = "GIG"

_log = structlog.get_logger("smile")


class Providers:
    """The last good list; empty until the first `refresh` that succeeds."""

    def __init__(self, api: SmileApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._by_id: Mapping[str, Provider] = {}
        self.read_at: datetime | None = None

    async def refresh(self) -> bool:
        """Read the list anew; False where the read fails, and the old list stays."""
        try:
            self._by_id = await self._read()
        except UpstreamFault as fault:
            self._api.counts.credential_refusals += isinstance(fault, KeysRefused)
            _log.warning("smile.providers_not_read", code=fault.code or fault.cause)
            return False
        self.read_at = self._clock.now()
        self._api.counts.credential_refusals = 0
        return True

    def find(self, provider_id: str, fallback: Mapping[str, Provider]) -> Provider | None:
        """What is known of a provider, from the vendor's list or else the fallback."""
        return self._by_id.get(provider_id) or fallback.get(provider_id)

    def all(self) -> Collection[Provider]:
        """The list in the vendor's order."""
        return self._by_id.values()

    def used(
        self, provider_ids: Iterable[str], fallback: Mapping[str, Provider]
    ) -> tuple[Provider, ...]:
        """Each provider once, in the order of ids; unknown ones are left out."""
        found = (self.find(one, fallback) for one in sorted(set(provider_ids)))
        return tuple(one for one in found if one is not None)

    def is_gig(self, provider_id: str, fallback: Mapping[str, Provider]) -> bool:
        """Whether a provider is a gig platform."""
        found = self.find(provider_id, fallback)
        return found is not None and found.type == _GIG

    def supports(self, provider_id: str, kind: Kind, fallback: Mapping[str, Provider]) -> bool:
        """Whether a provider gives a kind; an unknown provider is taken to give every kind."""
        found = self.find(provider_id, fallback)
        return found is None or kind.upper() in found.supported

    async def _read(self) -> dict[str, Provider]:
        limits = self._api.limits
        stop_at = self._clock.monotonic() + limits.refresh_seconds
        budget = self._api.budget(stop_at)

        request = Request("/providers", {"size": str(limits.page_size)})
        listed = await read_list(
            lambda one: self._api.get(one, PROVIDERS, budget), request, limits, name="providers"
        )
        found = (provider(item) for item in listed.items)
        return {one.id: one for one in found if one is not None}
