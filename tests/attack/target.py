"""The service that is attacked, the lender that is served meanwhile, and what is counted."""

from __future__ import annotations

import asyncio
import ssl
import statistics
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx2
from google.type.money_pb2 import Money

from bench.reliability.lag import lag_measured
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.runtime.clock import SystemClock
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import Simulator, build_app, serve
from tests.e2e.process import Process, serving
from tests.e2e.service import PRODUCT
from tests.e2e.team import Metadata, Office, Team
from tests.kits.cases import until
from tests.kits.issuer import Issuer

# What an area tried, and what of it held

MOST_TOLD = 5
"""Kinds of shortfalls that are told of an area."""


@dataclass(slots=True)
class Found:
    """The attempts of one area; `figures` are told beside them, `slack` widens bounds of time."""

    area: str
    slack: float = 1.0
    tried: int = 0
    held: int = 0
    figures: list[str] = field(default_factory=list)
    _short: Counter[str] = field(default_factory=Counter)

    def attempt(self, what: str, *, held: bool) -> None:
        """Count an attempt; `what` says what happened where it did not hold."""
        self.tried += 1
        self.held += held
        if not held:
            self._short[what] += 1

    def results(self, results: Iterable[tuple[str, bool]]) -> None:
        """Count attempts that are told as what was tried and whether it held."""
        for what, held in results:
            self.attempt(what, held=held)

    def equal(self, what: str, found: object, *expected: object) -> None:
        """Count an attempt that holds where this is one of those."""
        self.attempt(f"{what}: {found}", held=found in expected)

    @property
    def short(self) -> bool:
        """Whether anything fell short, or nothing was tried."""
        return self.held < self.tried or not self.tried

    def lines(self) -> list[str]:
        """The area with its figures, and what fell short most often."""
        told = [f"{self.area:16} {self.held:6} of {self.tried:6} held  {'; '.join(self.figures)}"]
        worst = self._short.most_common(MOST_TOLD)
        return told + [f"    FELL SHORT {times} times: {what}" for what, times in worst]


# The service: a process of its own, with TLS, tokens and webhooks

CREATE = "/decision_service.api.v1.DecisionService/CreateDecision"
LIST = "/decision_service.api.v1.DecisionService/ListDecisions"
HEALTH = "/grpc.health.v1.Health/Check"
SECRET = "the secret of the vendor's events"
GEORGE = sandbox_people()[0].user_id


@dataclass(frozen=True, slots=True)
class Target:
    """Where the service is, who may call it, and the vendor behind it.

    `lender` is what a caller with the roles decide and onboard shows, `other` another such caller,
    `auditor` one with the role read, who
    signs in at the `issuer` as well, as `auditor`. `log` is the file of the service's log.
    """

    process: Process
    office: Office
    team: Team
    lender: Metadata
    other: Metadata
    auditor: Metadata
    issuer: Issuer
    vendor: Simulator
    log: Path

    @property
    def address(self) -> str:
        """host:port of gRPC."""
        return self.process.address

    @property
    def http_url(self) -> str:
        """Where webhooks, pages, health and metrics are."""
        return self.process.http_url

    def trust(self, *protocols: str) -> ssl.SSLContext:
        """A client's TLS that trusts the service's authority."""
        context = ssl.create_default_context(cafile=str(self.office.authority))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def web(self) -> httpx2.AsyncClient:
        """A client of the HTTP address."""
        return httpx2.AsyncClient(base_url=self.http_url, verify=self.trust(), timeout=30.0)

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[grpc.aio.Channel]:
        """A channel on a connection of its own."""
        credentials = grpc.ssl_channel_credentials(self.office.ca.cert_pem.bytes())
        own = (("grpc.use_local_subchannel_pool", 1),)
        async with grpc.aio.secure_channel(self.address, credentials, own) as opened:
            yield opened

    @asynccontextmanager
    async def stub(self) -> AsyncIterator[decision_service_pb2_grpc.DecisionServiceStub]:
        """The decisions' stub on a channel of its own."""
        async with self.channel() as opened:
            yield decision_service_pb2_grpc.DecisionServiceStub(opened)

    async def metric(self, name: str) -> float:
        """The sum of a metric's samples; 0 where it has none."""
        async with self.web() as client:
            text = (await client.get(f"{self.process.admin_url}/metrics")).text
        lines = (line for line in text.splitlines() if line.startswith(f"decision_service_{name}"))
        return sum(float(line.rpartition(" ")[2]) for line in lines)


def application(user_id: str = GEORGE) -> service_pb.CreateDecisionRequest:
    return service_pb.CreateDecisionRequest(
        request_id=str(uuid.uuid4()),
        user_id=user_id,
        product=PRODUCT,
        requested_amount=Money(currency_code="PHP", units=20_000),
        requested_term_months=6,
    )


@asynccontextmanager
async def attacked(folder: Path, store_url: str) -> AsyncIterator[Target]:
    """A started service on this store, whose George is warm."""
    issuer, office, log = Issuer(SystemClock().now), Office(folder), folder / "service.log"
    team = Team(folder, issuer.line)
    lender = team.hire("lender", "decide", "onboard")
    other = team.hire("other", "decide", "onboard")
    auditor = team.hire("auditor", "read", subjects=["auditor"])
    settings = {
        "store_url": store_url,
        "erasure_journal": f"sqlite:///{folder / 'erasures'}",
        "smile_mode": "sandbox",
        "smile_api_key": "k",
        "smile_api_secret": "s",
        "auth_tokens_file": str(team.path),
        "webhook_secrets": SECRET,
        "accounts_max_age": "1h",
        "reflection": "true",
        "drain_delay": "0s",
        **office.settings(),
    }
    vendor = build_app(api_key="k", api_secret="s")
    async with AsyncExitStack() as stack:
        settings["smile_base_url"] = await stack.enter_async_context(serve(vendor))
        await stack.enter_async_context(issuer.serving())
        process = await asyncio.to_thread(stack.enter_context, serving(folder, log, **settings))
        target = Target(process, office, team, lender, other, auditor, issuer, vendor, log)
        async with target.stub() as stub:
            await stub.CreateDecision(application(), metadata=lender, timeout=30)
        yield target


# What a target answers

Result = tuple[str, bool]
"""What was tried, and whether it held."""


@asynccontextmanager
async def client_at(target: Target, address: str) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client at one of the machine's loopback addresses."""
    transport = httpx2.AsyncHTTPTransport(verify=target.trust(), local_address=address)
    url = target.http_url
    async with httpx2.AsyncClient(base_url=url, transport=transport, timeout=20) as client:
        yield client


async def code(call: Awaitable[Any]) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def known(call: Callable[[], Awaitable[Any]]) -> None:
    """Wait until a caller that was just let in is known to the service."""

    async def answer() -> grpc.StatusCode:
        return await code(call())

    await until(answer, lambda one: one is not grpc.StatusCode.UNAUTHENTICATED)


async def told(call: Awaitable[Any]) -> str:
    """All that a call is answered with: the code, the sentence, and every detail."""
    try:
        return str(await call)
    except grpc.aio.AioRpcError as error:
        trailing = sorted((key, str(value)) for key, value in error.trailing_metadata() or ())
        return f"{error.code()} {error.details()} {trailing}"


# The lender, at an even pace

PACE = 0.01
"""Seconds between calls."""
TIMEOUT = 10.0


@dataclass(slots=True)
class Served:
    """Seconds of the decisions that were made, less what the attacker's own loop was late."""

    took: list[float] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """Seconds; 0 where fewer than two decisions were made."""
        if len(self.took) < 2:
            return 0.0
        return statistics.quantiles(self.took, n=100, method="inclusive")[-1]


async def decide(target: Target, found: Found, count: int, beside: str) -> Served:
    """Ask for so many warm decisions, one after another; each is an attempt."""
    served = Served()
    async with target.stub() as stub, lag_measured() as lag:
        for _ in range(count):
            began, code = time.monotonic(), "OK"
            try:
                await stub.CreateDecision(application(), metadata=target.lender, timeout=TIMEOUT)
                now = time.monotonic()
                served.took.append(max(0.0, now - began - lag.around(now)))
            except grpc.aio.AioRpcError as error:
                code = f"{error.code().name} {error.details()}"
            found.equal(f"a decision beside {beside}", code, "OK")
            await asyncio.sleep(PACE)
    return served
