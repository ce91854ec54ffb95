"""A request with everything around it: circuit, turn, time, and retries inside the deadline.

The loop is our own: what a retry waits for is shared between requests (the limiter's pause after a
429, the retry budget, the circuit) and bounded by a deadline that may move while it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec
import structlog

from decision_service.domain.missing import DataReason
from decision_service.pipeline.ports import Clock
from decision_service.smile.errors import Fault, KeysRefused, OutOfTime, Transient, Untrusted
from decision_service.smile.limits import Limits
from decision_service.smile.transport.breaker import Breaker
from decision_service.smile.transport.budget import Allowance
from decision_service.smile.transport.http import Ask, Client
from decision_service.smile.transport.limiter import Limiter, Sleep, Turn
from decision_service.smile.transport.retries import (
    Jitter,
    RetryBudget,
    backoff,
    full_jitter,
    pause,
)

Data = TypeVar("Data")

_log = structlog.get_logger("smile")


class Tally(msgspec.Struct):
    """What operators watch: counts since the start.

    `credential_refusals` are the readings in a row that ended because our keys were refused; one
    that ended otherwise sets it back, single answers do not, since a key pair may be refused by
    one endpoint and taken by the others.
    """

    requests: int = 0
    retries: int = 0
    credential_refusals: int = 0
    tls_failures: int = 0
    waited_seconds: float = 0.0


class Vendor:
    """Asks the vendor and gives decoded answers; raises a Fault when there is none to use."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        limits: Limits,
        *,
        jitter: Jitter = full_jitter,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.limits = limits
        self.tally = Tally()
        self.breaker = Breaker(clock, limits)
        self.limiter = Limiter(clock, limits.requests_per_second, limits.window_seconds, sleep)
        self._client = client
        self._clock = clock
        self._budget = RetryBudget(limits)
        self._jitter = jitter
        self._sleep = sleep

    async def get(self, ask: Ask, decode: Callable[[bytes], Data], allowance: Allowance) -> Data:
        """The decoded answer, asking again where that may help and time and budget allow."""
        self._budget.first_try()
        retry = 0
        while True:
            try:
                return await self._attempt(ask, decode, allowance)
            except Transient as fault:
                if not (ask.repeatable or fault.throttled):
                    raise
                await self._rest(fault, retry, allowance)
            retry += 1

    async def _attempt(
        self, ask: Ask, decode: Callable[[bytes], Data], allowance: Allowance
    ) -> Data:
        allowance.check()
        self.breaker.admit()
        turn = await self._turn(allowance)
        try:
            data = decode(await self._timed(ask, turn, allowance))
        except Fault as fault:
            self._learn(fault, allowance)
            raise
        self.breaker.succeeded()
        return data

    async def _turn(self, allowance: Allowance) -> Turn:
        allowance.promise.claim()
        asked = self._clock.monotonic()
        turn = await self.limiter.turn(allowance.stop_at)
        self.tally.waited_seconds += self._clock.monotonic() - asked
        try:
            allowance.spend(self._clock.monotonic())
        except Fault:
            turn.sent()
            raise
        self.tally.requests += 1
        return turn

    async def _timed(self, ask: Ask, turn: Turn, allowance: Allowance) -> bytes:
        left = allowance.stop_at - self._clock.monotonic()
        whole = self.limits.attempt_seconds
        try:
            async with asyncio.timeout(min(left, whole)):
                return await self._client.get(ask, turn, allowance)
        except TimeoutError:
            if left < whole:
                raise OutOfTime from None
            raise Transient(DataReason.UPSTREAM_TIMEOUT, slow=True) from None

    async def _rest(self, fault: Transient, retry: int, allowance: Allowance) -> None:
        """Wait before the next attempt, or raise the fault when there shall be none."""
        most = self.limits.timeout_retries if fault.slow else self.limits.retries
        if fault.throttled:
            self.limiter.pause(pause(fault.after, retry, self.limits))
        if retry >= most or not self._budget.take():
            allowance.answered = True
            raise fault
        self.tally.retries += 1
        delay = 0.0 if fault.throttled else backoff(retry, self.limits, self._jitter)
        if self._clock.monotonic() + max(delay, self.limiter.paused_for) >= allowance.stop_at:
            raise fault
        await self._sleep(delay)

    def _learn(self, fault: Fault, allowance: Allowance) -> None:
        if isinstance(fault, OutOfTime):
            return
        if not fault.blames_vendor:
            self.breaker.succeeded()
        elif self.breaker.failed():
            _log.error("smile.circuit_opened")
        if isinstance(fault, KeysRefused):
            _log.error("smile.keys_refused", alarm="UPSTREAM_KEYS", status=fault.status)
        if isinstance(fault, Untrusted):
            self.tally.tls_failures += 1
            allowance.answered = True
            _log.error("smile.tls_failed", alarm="UPSTREAM_TLS")
