"""Smile as a `SnapshotSource`: what the pipeline sees of this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import httpx
import msgspec
import structlog

from decision_service.config import FetchMode
from decision_service.domain.errors import CrossTenant
from decision_service.domain.kinds import Kind
from decision_service.domain.needs import FetchPlan
from decision_service.domain.snapshot import Account, KnownCount, Provider, Snapshot
from decision_service.pipeline.ports import Clock, FetchResult
from decision_service.smile.allowance import Allowance
from decision_service.smile.applicant import Applicant
from decision_service.smile.arrival import Arrival
from decision_service.smile.attempts import Vendor
from decision_service.smile.breaker import BreakerState
from decision_service.smile.client import Client
from decision_service.smile.enrolment import SmileEnrolment
from decision_service.smile.errors import Fault, NoTurn
from decision_service.smile.findings import Findings
from decision_service.smile.hooks import SmileWebhooks
from decision_service.smile.limiter import Promise
from decision_service.smile.limits import Limits
from decision_service.smile.payloads import Payloads
from decision_service.smile.providers import Providers
from decision_service.smile.reading import Reading, listed
from decision_service.smile.refusals import refusal
from decision_service.smile.sharing import follow, readings
from decision_service.smile.shrink import marked
from decision_service.smile.waves import Lists, Wave

_REFUSALS_UNTIL_UNWELL = 3

_log = structlog.get_logger("smile")


class Status(msgspec.Struct, frozen=True):
    """What operators watch; counts are since the start, refusals of our keys in a row.

    `waited_seconds` is what requests waited for the limit so far, `paused_seconds` how long all
    requests still rest after a 429, `providers_read` when the provider list was last read.
    """

    breaker: BreakerState
    requests: int
    retries: int
    credential_refusals: int
    tls_failures: int
    cross_tenant: int
    waited_seconds: float
    paused_seconds: float
    providers_read: datetime | None

    @property
    def keys_refused(self) -> bool:
        """Whether the vendor has refused our keys so often that no decision can be made."""
        return self.credential_refusals >= _REFUSALS_UNTIL_UNWELL


class SmileSource:
    """Reads applicants from Smile over HTTPS.

    `base_url` is the Open API's (`https://…/v1`), `key` and `secret` its Basic credentials.
    `transport` stands for the network in tests. One instance per process: the request limit, the
    circuit and the readings that callers share live in it.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        secret: str,
        clock: Clock,
        *,
        limits: Limits | None = None,
        fetch: FetchMode = FetchMode.LISTS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._limits = limits or Limits()
        self._fetch = fetch
        self._client = Client(base_url, key, secret, clock, self._limits, transport)
        self._vendor = Vendor(self._client, clock, self._limits)
        self._providers = Providers(self._vendor, clock)
        self._readings = readings()
        self._cross_tenant = 0

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
        """As `SnapshotSource.gather`; whoever joins another caller's reading caused no calls."""

        def start() -> Reading:
            allowance = Allowance(
                stop_at, self._limits.requests_per_reading, self._promise(plan, stop_at)
            )
            return self._reading(user_id, plan, as_of, allowance, wait_until, fallback)

        with self._readings.join((user_id, plan), start) as place:
            try:
                await follow(place, self._clock, stop_at, wait_until)
                snapshot = self._snapshot(place.job.findings, user_id, known, fallback)
            except CrossTenant:
                self._cross_tenant += 1
                _log.critical("smile.cross_tenant", alarm="CROSS_TENANT")
                raise
            calls = place.job.allowance.calls if place.began else 0
        return FetchResult(marked(snapshot, as_of), self._clock.now(), calls)

    async def accounts(self, user_id: str, stop_at: float) -> tuple[Account, ...]:
        """Every account of a user now, whatever is still arriving; raises as `enrolment` does."""
        allowance = Allowance(stop_at, self._limits.requests_per_reading)
        try:
            return await listed(Applicant(self._vendor, user_id, allowance))
        except Fault as fault:
            raise refusal(fault) from None

    @property
    def enrolment(self) -> SmileEnrolment:
        """Onboarding at the same vendor, within the same request limit and circuit."""
        return SmileEnrolment(self._vendor)

    @property
    def webhooks(self) -> SmileWebhooks:
        """The webhooks that are registered at the same vendor."""
        return SmileWebhooks(self._vendor)

    def nudge(self, user_id: str) -> None:
        """An event says that something of this user has arrived: whoever waits looks now."""
        for (whose, _), reading in self._readings.jobs().items():
            if whose == user_id:
                reading.arrival.nudge()

    async def refresh_providers(self) -> bool:
        """Read the provider list anew; False, and the last good one stays, when that fails."""
        return await self._providers.refresh()

    @property
    def status(self) -> Status:
        """How the vendor and our standing with it look now."""
        tally = self._vendor.tally
        return Status(
            self._vendor.breaker.state,
            tally.requests,
            tally.retries,
            tally.credential_refusals,
            tally.tls_failures,
            self._cross_tenant,
            tally.waited_seconds,
            self._vendor.limiter.paused_for,
            self._providers.read_at,
        )

    async def aclose(self) -> None:
        """Stop every reading and close the connections."""
        await self._readings.aclose()
        await self._client.aclose()

    def _promise(self, plan: FetchPlan, stop_at: float) -> Promise:
        """Refuse before the first call what the request limit could not finish in time."""
        # In lists mode the accounts are looked at again when the kinds are there.
        calls = 2 + len(Findings(plan).asked) if self._fetch is FetchMode.LISTS else 2
        try:
            return self._vendor.limiter.promise(calls, stop_at)
        except NoTurn as fault:
            raise fault.refusal() from None

    def _reading(
        self,
        user_id: str,
        plan: FetchPlan,
        as_of: datetime,
        allowance: Allowance,
        wait_until: float,
        fallback: Mapping[str, Provider],
    ) -> Reading:
        def supports(provider_id: str, kind: Kind) -> bool:
            lists = self._fetch is FetchMode.LISTS
            return lists and self._providers.supports(provider_id, kind, fallback)

        def is_gig(provider_id: str) -> bool:
            return self._providers.is_gig(provider_id, fallback)

        findings = Findings(plan, supports, is_gig)
        applicant = Applicant(self._vendor, user_id, allowance, on_more=findings.unverified.add)
        arrival = Arrival(applicant, self._clock, as_of, self._limits, wait_until)

        wave: Wave = Lists(applicant, plan)
        if self._fetch is FetchMode.PAYLOAD:
            wave = Payloads(applicant, plan, self._limits)
        return Reading(applicant, arrival, findings, wave, self._vendor.tally)

    def _snapshot(
        self,
        findings: Findings,
        user_id: str,
        known: Sequence[KnownCount],
        fallback: Mapping[str, Provider],
    ) -> Snapshot:
        used = {one.provider_id for one in findings.accounts or ()}
        used |= {one.provider_id for one in findings.sources()}
        providers = self._providers.used(used, fallback)
        return findings.snapshot(user_id, known=known, providers=providers)
