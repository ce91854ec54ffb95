"""The client of the vendor's API: circuit, rate limit, timeouts, and retries within a deadline.

The retry loop stands here because retries of all requests share state (the limiter's pause after a
429, the retry budget, the circuit), and because a deadline may move while a retry waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec
import structlog

from decision_service.alarms import Alarm, raised
from decision_service.domain.missing import DataReason
from decision_service.pipeline.ports import Clock
from decision_service.smile.errors import (
    KeysRefused,
    OutOfTime,
    TransientFault,
    UntrustedCertificate,
    UpstreamFault,
)
from decision_service.smile.limits import SmileLimits
from decision_service.smile.transport.breaker import CircuitBreaker
from decision_service.smile.transport.budget import RequestBudget
from decision_service.smile.transport.http import HttpClient, Request
from decision_service.smile.transport.limiter import Permit, RateLimiter, Reservation, Sleep
from decision_service.smile.transport.retries import (
    Jitter,
    RetryBudget,
    backoff,
    full_jitter,
    pause,
)

Data = TypeVar("Data")

_log = structlog.get_logger("smile")


class RequestCounts(msgspec.Struct):
    """Counts since the start, as operators watch them.

    `credential_refusals` counts consecutive fetches that ended because the key pair was refused.
    A fetch with another end resets the count; a single answer does not, since one endpoint may
    refuse a key pair that the other endpoints take.
    """

    requests: int = 0
    retries: int = 0
    credential_refusals: int = 0
    tls_failures: int = 0
    waited_seconds: float = 0.0


class SmileApi:
    """Sends requests and returns decoded answers; raises an UpstreamFault where none is usable."""

    def __init__(
        self,
        client: HttpClient,
        clock: Clock,
        limits: SmileLimits,
        *,
        jitter: Jitter = full_jitter,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.limits = limits
        self.counts = RequestCounts()
        self.breaker = CircuitBreaker(clock, limits)
        self.limiter = RateLimiter(clock, limits.requests_per_second, limits.window_seconds, sleep)
        self._client = client
        self._clock = clock
        self._retry_budget = RetryBudget(limits)
        self._jitter = jitter
        self._sleep = sleep

    def budget(self, stop_at: float, reservation: Reservation | None = None) -> RequestBudget:
        """A budget for requests until a deadline."""
        return RequestBudget(stop_at, self.limits.requests_per_reading, reservation)

    async def get(
        self, request: Request, decode: Callable[[bytes], Data], budget: RequestBudget
    ) -> Data:
        """The decoded answer; retries where a retry may help and time and budgets allow one."""
        self._retry_budget.first_try()
        retry = 0
        while True:
            try:
                return await self._attempt(request, decode, budget)
            except TransientFault as fault:
                if not (request.repeatable or fault.throttled):
                    raise
                await self._rest(fault, retry, budget)
            retry += 1

    async def _attempt(
        self, request: Request, decode: Callable[[bytes], Data], budget: RequestBudget
    ) -> Data:
        budget.check()
        self.breaker.admit()
        permit = await self._permit(budget)
        try:
            data = decode(await self._timed(request, permit, budget))
        except UpstreamFault as fault:
            self._count_fault(fault, budget)
            raise
        self.breaker.succeeded()
        return data

    async def _permit(self, budget: RequestBudget) -> Permit:
        budget.reservation.take()
        asked = self._clock.monotonic()
        permit = await self.limiter.acquire(budget.stop_at)
        self.counts.waited_seconds += self._clock.monotonic() - asked
        try:
            budget.spend(self._clock.monotonic())
        except UpstreamFault:
            permit.sent()
            raise
        self.counts.requests += 1
        return permit

    async def _timed(self, request: Request, permit: Permit, budget: RequestBudget) -> bytes:
        left = budget.stop_at - self._clock.monotonic()
        whole = self.limits.attempt_seconds
        try:
            async with asyncio.timeout(min(left, whole)):
                return await self._client.get(request, permit, budget)
        except TimeoutError:
            if left < whole:
                raise OutOfTime from None
            raise TransientFault(DataReason.UPSTREAM_TIMEOUT, slow=True) from None

    async def _rest(self, fault: TransientFault, retry: int, budget: RequestBudget) -> None:
        """Wait before the next attempt, or raise the fault where no attempt is left."""
        most = self.limits.timeout_retries if fault.slow else self.limits.retries
        if fault.throttled:
            self.limiter.pause(pause(fault.after, retry, self.limits))
        if retry >= most or not self._retry_budget.take():
            budget.answered = True
            raise fault
        self.counts.retries += 1
        delay = 0.0 if fault.throttled else backoff(retry, self.limits, self._jitter)
        if self._clock.monotonic() + max(delay, self.limiter.paused_for) >= budget.stop_at:
            raise fault
        await self._sleep(delay)

    def _count_fault(self, fault: UpstreamFault, budget: RequestBudget) -> None:
        if isinstance(fault, OutOfTime):
            return
        if not fault.blames_vendor:
            self.breaker.succeeded()
        elif self.breaker.failed():
            _log.error("smile.circuit_opened")
        if isinstance(fault, KeysRefused):
            _log.error("smile.keys_refused", alarm=raised(Alarm.UPSTREAM_KEYS), status=fault.status)
        if isinstance(fault, UntrustedCertificate):
            self.counts.tls_failures += 1
            budget.answered = True
            _log.error("smile.tls_failed", alarm=raised(Alarm.UPSTREAM_TLS))
