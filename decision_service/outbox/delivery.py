"""Sends events to subscriptions, signed by Standard Webhooks, until each is received or dead."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import httpx2
import msgspec
import structlog
from prometheus_client import CollectorRegistry

from decision_service.domain.errors import StoreError
from decision_service.domain.ports import Clock
from decision_service.outbox.events import BEGINNING, Event, Follow, ReadEvents
from decision_service.outbox.subscriptions import Subscription, is_public
from decision_service.runtime.telemetry import Alarm, counter, raised

PAUSES = (5, 55, 120, 600, 1800, 4620, *[7200] * 11)
"""Seconds after each attempt until the next one: 24 hours in all, then an event is dead."""

JITTER = 0.1
BATCH = 16
SECONDS = 5.0
MOST_ANSWER = 64 * 1024
IDLE_SECONDS = 1.0
LATE = timedelta(minutes=15)
LOOK_SECONDS = 15.0

log = structlog.get_logger("decision_service.events")
_random = random.Random()  # noqa: S311 - spreads attempts, and guards nothing


class ToSend(msgspec.Struct, frozen=True):
    """An event that a subscription has not received, and how often it was sent."""

    subscription: str
    event: Event
    attempts: int


class Attempt(msgspec.Struct, frozen=True):
    """How a delivery went; `due` is when it is tried again, None of one that is given up."""

    sent: ToSend
    received: bool
    due: datetime | None = None


class Backlog(msgspec.Struct, frozen=True):
    """What a subscription has not received: how much, since when, and how much is given up."""

    subscription: str
    count: int
    oldest: datetime | None
    dead: int


class OutboxLog(ReadEvents, Protocol):
    """What is to be sent. Every method raises StoreUnavailable when the store cannot serve."""

    async def store_id(self) -> str:
        """The id of the store, by which receivers tell sequences of several apart."""

    async def may_send(self) -> bool:
        """Whether this process is the one that sends."""

    async def collect(self, to: Subscription, now: datetime) -> int:
        """Take new events into those to be sent; how many."""

    async def due(self, to: Subscription, now: datetime, most: int) -> Sequence[ToSend]:
        """What is to be sent now, of each person or product the first alone."""

    async def settle(self, attempts: Sequence[Attempt]) -> None:
        """Note how deliveries went, durable on return."""

    async def dead(self, after: tuple[str, int], limit: int) -> Sequence[ToSend]:
        """What was given up, by subscription and sequence, strictly after a pair of these."""

    async def resend(self, event: str, now: datetime) -> int:
        """Have a dead event sent again; to how many subscriptions."""

    async def backlog(self, every: Sequence[Subscription]) -> Sequence[Backlog]:
        """What each subscription has not received."""


class AddressRefused(Exception):
    """The name of a receiver leads to an address that may not be called."""


class Receiver:
    """The server of one subscription; it reads no environment and follows no redirect."""

    def __init__(self, to: Subscription) -> None:
        self._to = to
        self._http = httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=SECONDS)

    async def send(self, event: Event, body: bytes, now: datetime) -> str:
        """Empty where the event was received, else why not; the id is that of every attempt."""
        signatures = (key.sign(event.id, now, body.decode()) for key in self._to.keys)
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": event.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        try:
            async with asyncio.timeout(SECONDS):
                return await self._post(headers, body)
        except TimeoutError:
            return f"no answer within {SECONDS:g} s"
        except (httpx2.HTTPError, OSError, AddressRefused) as error:
            return f"{error}" or type(error).__name__

    async def _post(self, headers: dict[str, str], body: bytes) -> str:
        """Call the very address that was looked at, so that its name cannot lead elsewhere."""
        url, size = httpx2.URL(self._to.url), 0
        address = await self._address()
        headers |= {"host": url.netloc.decode()}
        async with self._http.stream(
            "POST",
            url.copy_with(host=address),
            content=body,
            headers=headers,
            extensions={"sni_hostname": self._to.host},
        ) as answer:
            async for chunk in answer.aiter_raw():
                size += len(chunk)
                if size > MOST_ANSWER:
                    break
            return "" if answer.is_success else f"HTTP {answer.status_code}"

    async def _address(self) -> str:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._to.host, self._to.port, type=1)
        addresses = [str(one[4][0]) for one in found]
        hidden = next((one for one in addresses if not is_public(one)), "")
        if hidden and not self._to.allow_private:
            raise AddressRefused(f"{self._to.host} leads to {hidden}, which is no public address")
        return addresses[0]

    async def aclose(self) -> None:
        await self._http.aclose()


class Sender:
    """Sends what happens to each subscription, while this process is the one that may."""

    def __init__(
        self,
        log: OutboxLog,
        every: Sequence[Subscription],
        clock: Clock,
        follow: Follow,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._log = log
        self._every = every
        self._clock = clock
        self._follow = follow
        words = "Attempts to send an event that its receiver did not take"
        self._failures = counter(registry, "event_failures", words, "subscription")
        for one in every:
            self._failures.labels(one.name)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for one in self._every:
                group.create_task(self._serve(one))

    async def _serve(self, to: Subscription) -> None:
        receiver, place = Receiver(to), BEGINNING
        try:
            while True:
                with suppress(StoreError):
                    place = await self._log.end()
                    if await self._log.may_send() and await self.round(to, receiver):
                        continue
                with suppress(StoreError):
                    await self._follow.beyond(place, IDLE_SECONDS)
                    continue
                await asyncio.sleep(IDLE_SECONDS)
        finally:
            await receiver.aclose()

    async def round(self, to: Subscription, receiver: Receiver) -> bool:
        """Send what is due, side by side; whether there may be more that can be received."""
        now = self._clock.now()
        new = await self._log.collect(to, now)
        sent = await self._log.due(to, now, BATCH)
        attempts = await asyncio.gather(*(self._send(receiver, one) for one in sent))
        await self._log.settle(attempts)
        return any(one.received for one in attempts) or bool(new and not sent)

    async def _send(self, receiver: Receiver, one: ToSend) -> Attempt:
        body = one.event.body(await self._log.store_id())
        why = await receiver.send(one.event, body, self._clock.now())
        if not why:
            return Attempt(one, received=True)
        self._failures.labels(one.subscription).inc()
        dead = one.attempts >= len(PAUSES)
        said = {"subscription": one.subscription, "event_id": one.event.id, "why": why}
        log.warning("event given up" if dead else "event not received", **said)
        if dead:
            return Attempt(one, received=False)
        seconds = PAUSES[one.attempts] * _random.uniform(1 - JITTER, 1 + JITTER)
        return Attempt(one, received=False, due=self._clock.now() + timedelta(seconds=seconds))


class BacklogWatch:
    """Looks what was not received, for metrics and the status, and raises an alarm once."""

    def __init__(self, log: OutboxLog, every: Sequence[Subscription], clock: Clock) -> None:
        self._log = log
        self._every = every
        self.clock = clock
        self.counts: Sequence[Backlog] = ()
        self._late: set[str] = set()

    async def run(self) -> None:
        while True:
            with suppress(StoreError):
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        self.counts = await self._log.backlog(self._every)
        now = self.clock.now()
        late = {one.subscription for one in self.counts if one.oldest and now - one.oldest > LATE}
        for name in sorted(late - self._late):
            log.error("events not received", alarm=raised(Alarm.EVENTS_LATE), subscription=name)
        self._late = late
