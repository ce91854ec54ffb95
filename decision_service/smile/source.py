"""Smile as the source of snapshots, with the vendor's list of providers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import httpx2
import structlog
from msgspec.structs import asdict
from opentelemetry.trace import Tracer

from decision_service.decide.flow import SingleFlight
from decision_service.domain.errors import CrossTenant
from decision_service.domain.needs import FetchPlan
from decision_service.domain.ports import Clock, FetchResult
from decision_service.domain.snapshot import Account, KnownCount, Provider, Snapshot
from decision_service.domain.vendor import VendorStatus
from decision_service.runtime.clock import ClockGuard
from decision_service.runtime.telemetry import NO_TRACER, Alarm, raised
from decision_service.smile.answers import listed
from decision_service.smile.applicant import ApplicantReader, SnapshotBuilder, mark_shrunken
from decision_service.smile.client import (
    HttpClient,
    Request,
    RequestBudget,
    SmileApi,
    refusals,
)
from decision_service.smile.errors import KeysRefused, UpstreamFault
from decision_service.smile.events import SmileEvents
from decision_service.smile.fetch import ArrivalPoller, SnapshotFetch, follow, known_accounts
from decision_service.smile.limits import RateLimiter, Reservation, SmileLimits
from decision_service.smile.onboarding import SmileEnrolment, SmileWebhooks
from decision_service.smile.records import PROVIDERS, provider

_REFUSALS_UNTIL_UNWELL = 3

_log = structlog.get_logger("smile")


class Providers:
    """The last good list; empty until the first `refresh` that succeeds."""

    def __init__(self, api: SmileApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._by_id: Mapping[str, Provider] = {}
        self.read_at: datetime | None = None

    async def refresh(self) -> bool:
        try:
            stop_at = self._clock.monotonic() + self._api.limits.refresh_seconds
            items = await listed(
                self._api, Request("/providers"), PROVIDERS, budget=self._api.budget(stop_at)
            )
            found = map(provider, items)
            self._by_id = {one.id: one for one in found if one is not None}
        except UpstreamFault as fault:
            # Keys that are refused show here too, where no applicant is being read.
            self._api.counts.credential_refusals += isinstance(fault, KeysRefused)
            _log.warning("smile.providers_not_read", code=fault.code or fault.cause)
            return False
        self.read_at = self._clock.now()
        self._api.counts.credential_refusals = 0
        return True

    def known(self, fallback: Mapping[str, Provider]) -> Mapping[str, Provider]:
        """By id; the vendor's own list comes before the fallback."""
        return {**fallback, **self._by_id}

    def all(self) -> Collection[Provider]:
        return self._by_id.values()


class SmileSource:
    """Reads applicants from Smile over HTTPS.

    `base_url` is the Open API's (`https://…/v1`), `key` and `secret` its Basic credentials.
    `transport` takes the place of the network in tests. One instance per process: the rate limit,
    the circuit and the fetches that callers share belong to the instance.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        secret: str,
        clock: Clock,
        *,
        limits: SmileLimits | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        tracer: Tracer = NO_TRACER,
        guard: ClockGuard | None = None,
    ) -> None:
        self._clock = clock
        self._limits = limits or SmileLimits()
        self._client = HttpClient(
            base_url,
            key,
            secret,
            clock=clock,
            limits=self._limits,
            transport=transport,
            tracer=tracer,
            guard=guard,
        )
        self._api = SmileApi(self._client, clock, self._limits)
        self._providers = Providers(self._api, clock)
        self._fetches: SingleFlight[tuple[str, FetchPlan], SnapshotFetch, None] = SingleFlight(
            # Permits that a fetch did not need are free for others from then on.
            SnapshotFetch.run,
            on_end=lambda fetch: fetch.budget.reservation.release(),
        )
        self._cross_tenant = 0
        self._renewals = RateLimiter(clock, 1, self._limits.renewal_seconds)

    async def gather(
        self,
        user_id: str,
        plan: FetchPlan,
        *,
        as_of: datetime,
        stop_at: float,
        wait_until: float,
        known: Sequence[KnownCount],
        fallback: Mapping[str, Provider],
    ) -> FetchResult:
        """As `SnapshotSource.gather`; a caller who joins another caller's fetch caused no calls."""

        def start() -> SnapshotFetch:
            budget = self._api.budget(stop_at, self._reserve(plan, stop_at))
            return self._new_fetch(
                user_id, plan, as_of, budget=budget, wait_until=wait_until, fallback=fallback
            )

        with self._fetches.join((user_id, plan), start) as place:
            try:
                await follow(place, self._clock, stop_at, wait_until=wait_until)
                snapshot = self._snapshot(place.job.builder, user_id, known, fallback=fallback)
            except CrossTenant:
                self._cross_tenant += 1
                _log.critical("smile.cross_tenant", alarm=raised(Alarm.CROSS_TENANT))
                raise
            calls = place.job.budget.calls if place.began else 0
        return FetchResult(mark_shrunken(snapshot, as_of), self._clock.now(), calls)

    async def accounts(self, user_id: str, stop_at: float) -> tuple[Account, ...]:
        """Every account of a user now, complete or still arriving; raises as `enrolment` does."""
        with refusals():
            budget = self._api.budget(stop_at)
            return await known_accounts(ApplicantReader(self._api, user_id, budget))

    @property
    def enrolment(self) -> SmileEnrolment:
        return SmileEnrolment(self._api, self._renewals)

    @property
    def webhooks(self) -> SmileWebhooks:
        return SmileWebhooks(self._api)

    @property
    def events(self) -> SmileEvents:
        return SmileEvents()

    def nudge(self, user_id: str) -> None:
        """Make fetches that wait for this user's data look at once: an event has arrived."""
        for (whose, _), fetch in self._fetches.jobs().items():
            if whose == user_id:
                fetch.arrival.nudge()

    async def refresh_providers(self) -> bool:
        return await self._providers.refresh()

    def providers(self) -> Collection[Provider]:
        return self._providers.all()

    @property
    def status(self) -> VendorStatus:
        counts = self._api.counts
        return VendorStatus(
            **asdict(counts),
            circuit=self._api.breaker.state,
            cross_tenant=self._cross_tenant,
            paused_seconds=self._api.limiter.paused_for,
            providers_read=self._providers.read_at,
            keys_refused=counts.credential_refusals >= _REFUSALS_UNTIL_UNWELL,
        )

    async def aclose(self) -> None:
        # The fetches first, which use the client.
        await self._fetches.aclose()
        await self._client.aclose()

    def _reserve(self, plan: FetchPlan, stop_at: float) -> Reservation:
        """Reserve the calls of a fetch; refuse one that the rate limit could not finish in time."""
        # The accounts may be read again after the kinds.
        calls = 2 + len(SnapshotBuilder(plan, {}).asked)
        with refusals():
            return self._api.limiter.reserve(calls, stop_at)

    def _new_fetch(
        self,
        user_id: str,
        plan: FetchPlan,
        as_of: datetime,
        budget: RequestBudget,
        wait_until: float,
        fallback: Mapping[str, Provider],
    ) -> SnapshotFetch:
        builder = SnapshotBuilder(plan, self._providers.known(fallback))
        reader = ApplicantReader(
            self._api, user_id, budget, on_more=builder.unverified.add, people=plan.people
        )
        arrival = ArrivalPoller(
            reader, self._clock, as_of, limits=self._limits, wait_until=wait_until
        )
        return SnapshotFetch(
            reader, arrival, builder, first_day=plan.first_day, counts=self._api.counts
        )

    def _snapshot(
        self,
        builder: SnapshotBuilder,
        user_id: str,
        known: Sequence[KnownCount],
        fallback: Mapping[str, Provider],
    ) -> Snapshot:
        used = {one.provider_id for one in builder.accounts or ()}
        used |= {one.provider_id for one in builder.sources()}
        listed = self._providers.known(fallback)
        providers = tuple(listed[one] for one in sorted(used & listed.keys()))
        return builder.snapshot(user_id, known=known, providers=providers)
