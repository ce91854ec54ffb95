"""Sends events to subscriptions, signed by Standard Webhooks, until each is received or dead."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx2
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from decision_service.domain.errors import StoreError
from decision_service.domain.ports import Clock
from decision_service.outbox.events import Attempt, Backlog, Event, ToSend
from decision_service.outbox.subscriptions import SendLog, Subscription, is_public
from decision_service.runtime.tasks import Tasks
from decision_service.runtime.telemetry import counter, read_gauge

PAUSES = (5, 55, 120, 600, 1800, 4620, *[7200] * 11)
"""Seconds after each attempt until the next one: 24 hours in all, then an event is dead."""

JITTER = 0.1
BATCH = 16
SECONDS = 5.0
MOST_ANSWER = 64 * 1024
IDLE_SECONDS = 1.0
LOOK_SECONDS = 15.0

log = structlog.get_logger("decision_service.events")
_random = random.Random()  # noqa: S311 - spreads attempts, and guards nothing


class Receiver:
    """The server of one subscription; it reads no environment, takes no redirect and no cookie."""

    def __init__(self, to: Subscription) -> None:
        self._to = to
        self._http = httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=SECONDS)
        self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._looking: asyncio.Task[Any] | None = None

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
        except Exception as error:  # noqa: BLE001 - no receiver ends what is sent to others
            return f"{error}"[:200] or type(error).__name__

    async def _post(self, headers: dict[str, str], body: bytes) -> str:
        """Call the very address that was looked at, so that its name cannot lead elsewhere."""
        url = httpx2.URL(self._to.url)
        size = 0
        target = url.copy_with(host=await self._address(url))
        headers |= {"host": url.netloc.decode()}
        sni = {"sni_hostname": url.raw_host.decode()}
        call = self._http.stream("POST", target, content=body, headers=headers, extensions=sni)
        async with call as answer:
            async for chunk in answer.aiter_raw():
                if (size := size + max(len(chunk), 1024)) > MOST_ANSWER:  # small ones take time
                    break
            return "" if answer.is_success else f"HTTP {answer.status_code}"

    async def _address(self, url: httpx2.URL) -> str:
        """What the name means now; one thread at most hangs where its name server does."""
        if self._looking is None or self._looking.done():
            looking = asyncio.get_running_loop().getaddrinfo(url.raw_host, None)
            self._looking = asyncio.create_task(looking)
        found = await asyncio.shield(self._looking)
        addresses = [str(one[4][0]) for one in found]
        hidden = next((one for one in addresses if not is_public(one)), "")
        if hidden and not self._to.allow_private:
            raise PermissionError(f"{url.host} leads to {hidden}, which is no public address")
        return addresses[0]

    async def aclose(self) -> None:
        await self._http.aclose()


class Sender:
    """Sends what happens to each subscription, while this process is the one that may."""

    def __init__(
        self,
        log: SendLog,
        every: Sequence[Subscription],
        clock: Clock,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._log = log
        self._every = every
        self._clock = clock
        self.backlog: Sequence[Backlog] = ()
        words = "Attempts to send an event that its receiver did not take"
        self._failures = counter(registry, "event_failures", words, labels=("subscription",))
        for one in every:
            self._failures.labels(one.name)

    @property
    def tasks(self) -> Tasks:
        return {"event_sender": self.run} if self._every else {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for one in self._every:
                group.create_task(self._serve(one))
            while True:
                with suppress(StoreError):
                    await self.look()
                await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """See what was not received, also where no process sends."""
        for one in self._every:
            await self._log.collect(one, self._clock.now())
        self.backlog = await self._log.backlog([one.name for one in self._every])

    def metrics(self) -> Iterator[Metric]:
        """What each subscription has not received, as it was when that was last looked at."""
        now = self._clock.now()
        label = "subscription"
        names = [((one.subscription,), one) for one in self.backlog]
        counts = ((name, float(one.count)) for name, one in names)
        yield read_gauge("events_to_send", "Events to be sent", counts, labels=(label,))
        ages = ((name, (now - (one.oldest or now)).total_seconds()) for name, one in names)
        yield read_gauge(
            "events_oldest_seconds", "Age of the oldest to be sent", ages, labels=(label,)
        )
        dead = ((name, float(one.dead)) for name, one in names)
        yield read_gauge("events_dead", "Events that were given up", dead, labels=(label,))

    async def _serve(self, to: Subscription) -> None:
        async with aclosing(Receiver(to)) as receiver:
            while True:
                with suppress(StoreError):
                    if await self._log.may_send() and await self.round(to, receiver):
                        continue
                await asyncio.sleep(IDLE_SECONDS)

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
