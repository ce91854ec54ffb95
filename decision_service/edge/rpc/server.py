"""The gRPC server: limits, services, health, reflection, and an orderly stop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from decision_service.edge.rpc import decisions, rollouts, rulesets
from decision_service.edge.rpc.decisions import UseCases
from decision_service.edge.rpc.health import NOT_SERVING, SERVING, HealthServicer
from decision_service.edge.rpc.interceptors import ExceptionMap
from decision_service.edge.rpc.rollouts import RolloutUseCases
from decision_service.edge.rpc.rulesets import RulesetUseCases

MESSAGE_LIMIT = 64 * 1024
METADATA_LIMIT = 8 * 1024
SERVICES = (decisions.SERVICE, rulesets.SERVICE, rollouts.SERVICE)
_SPARE_CALLS = 256


class AddressInUse(Exception):
    """The address cannot be bound; the message says which and what to do."""


@dataclass(slots=True)
class RpcServer:
    """A started server; `port` is the one it listens on (of use where 0 was asked for)."""

    server: grpc.aio.Server
    health: HealthServicer
    port: int

    async def serving(self, *, yes: bool) -> None:
        """Tell health checks whether decisions are taken."""
        status = SERVING if yes else NOT_SERVING
        for service in ("", *SERVICES):
            await self.health.set(service, status)

    async def stop(self, delay: float, grace: float) -> None:
        """Say NOT_SERVING, wait, then end: calls in progress have `grace` seconds to finish."""
        await self.health.enter_graceful_shutdown()
        await asyncio.sleep(delay)
        self.health.end_watches()
        await self.server.stop(grace)


@dataclass(frozen=True, slots=True)
class Services:
    """What a server serves; `most` decisions are taken at a time."""

    decisions: UseCases
    rulesets: RulesetUseCases
    rollouts: RolloutUseCases
    most: int


async def start(address: str, services: Services) -> RpcServer:
    """Bind, start and return a server that still says NOT_SERVING; raises AddressInUse."""
    most = services.most
    server = grpc.aio.server(
        interceptors=(ExceptionMap(),),
        options=(
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", MESSAGE_LIMIT),
            ("grpc.max_metadata_size", METADATA_LIMIT),
        ),
        maximum_concurrent_rpcs=2 * most + _SPARE_CALLS,
    )
    server.add_generic_rpc_handlers(
        (
            decisions.handlers(decisions.DecisionServicer(services.decisions, most)),
            rulesets.handlers(rulesets.RulesetServicer(services.rulesets)),
            rollouts.handlers(rollouts.RolloutServicer(services.rollouts)),
        )
    )
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    names = (*SERVICES, health_name, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        raise AddressInUse(
            f"{address} cannot be bound: another program uses it or it is not this machine's; "
            "stop that program or set DECISION_GRPC_ADDRESS to another address"
        )
    started = RpcServer(server, health, port)
    await started.serving(yes=False)
    await server.start()
    return started
