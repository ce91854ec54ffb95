"""The service that is attacked: a process of its own, with TLS, tokens and webhooks."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx2
from google.type.money_pb2 import Money

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.runtime.clock import SystemClock
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import Simulator, build_app, serve
from tests.e2e.office import Office
from tests.e2e.process import Process, serving
from tests.e2e.service import PRODUCT
from tests.e2e.team import Metadata, Team
from tests.kits.issuer import Issuer

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
        "erasure_journal": str(folder / "erasures"),
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
