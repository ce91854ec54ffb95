"""Decides applications over a stand-in in memory, in virtual time: an hour of waiting is free."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

import httpx2

from bench.reliability.client import ADVANCE
from bench.reliability.vendor import FAST, KEY, SECRET
from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.decide.application import Application
from decision_service.decide.decide import CallContext
from decision_service.domain.errors import ServiceError
from decision_service.domain.values import Money
from decision_service.rulebook.rulebook import Rulebook
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.faults import Fault
from decision_service.standin.server import Simulator, build_app
from decision_service.standin.world import World
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import NOW, PRODUCT, Numbered, whole_rulebook
from tests.fakes.world import World as Deciding

DEADLINE = 20.0
ASKED = {
    PRODUCT: {"requested_amount": Money("PHP", 2_000_000), "requested_term_months": 6},
    ADVANCE: {"requested_amount": Money("PHP", 200_000), "requested_term_months": 1},
}


class LoopClock:
    """Deadlines by the loop's time; the wall clock stands still, so that no data ages."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out: an outcome with its reasons, or the error's reason."""

    outcome: str
    reasons: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether it approves or declines."""
        return self.outcome in {"APPROVE", "DECLINE"}


class Remembering(httpx2.AsyncBaseTransport):
    """The stand-in in memory; what no fault concerns is computed once, since its world stands."""

    def __init__(self, app: Simulator) -> None:
        self.faults: tuple[Fault, ...] = ()
        self._inner = httpx2.ASGITransport(app)
        self._answers: dict[httpx2.URL, bytes] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """An answer like the stand-in's."""
        path = request.url.path.removeprefix("/v1")
        if any(fault.concerns(request.method, path, fault.user) for fault in self.faults):
            return await self._inner.handle_async_request(request)
        if request.url not in self._answers:
            response = await self._inner.handle_async_request(request)
            if response.status_code != httpx2.codes.OK:
                return response
            self._answers[request.url] = await response.aread()
        stream = httpx2.ByteStream(self._answers[request.url])
        return httpx2.Response(200, headers={"content-type": "application/json"}, stream=stream)


@dataclass(slots=True)
class Desk:
    """A world's stand-in and the rules; each decision has an adapter and a record of its own."""

    world: World
    book: Rulebook = field(default_factory=whole_rulebook)
    app: Simulator = field(init=False)
    _transport: Remembering = field(init=False)
    _ids: Numbered = field(default_factory=Numbered)

    def __post_init__(self) -> None:
        self.app = build_app(
            self.world,
            api_key=KEY,
            api_secret=SECRET,
            clock=lambda: NOW,
            requests_per_second=FAST,
            seconds=lambda: asyncio.get_running_loop().time(),
        )
        self._transport = Remembering(self.app)

    async def decide(
        self,
        user_id: str,
        product: str,
        *faults: Fault,
        page_size: int = 150,
        log: InMemoryDecisionLog | None = None,
    ) -> Answer:
        """Decide once, with these faults in force."""
        self.app.faults.clear()
        self.app.faults.add(*faults)
        self._transport.faults = faults
        source = self._source(page_size)
        try:
            return await self._decided(source, log or InMemoryDecisionLog(), user_id, product)
        finally:
            await source.aclose()

    async def _decided(
        self, source: SmileSource, log: InMemoryDecisionLog, user_id: str, product: str
    ) -> Answer:
        clock = LoopClock()
        decide = Deciding(source, log, clock, self.book, ids=self._ids).decide()
        application = Application(
            request_id="", user_id=user_id, product=product, inputs=ASKED[product]
        )
        try:
            entry = await decide(application, CallContext("bench", clock.monotonic() + DEADLINE))
        except ServiceError as error:
            return Answer(error.reason)
        decision = service_pb.CreateDecisionResponse.FromString(entry.reply).decision
        word = pb.Outcome.Name(decision.outcome).removeprefix("OUTCOME_")
        return Answer(word, tuple(reason.code for reason in decision.reasons))

    def _source(self, page_size: int) -> SmileSource:
        return SmileSource(
            "http://vendor.test/v1",
            KEY,
            SECRET,
            LoopClock(),
            limits=SmileLimits(requests_per_second=FAST, page_size=page_size),
            transport=self._transport,
        )
