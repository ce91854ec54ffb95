"""The StatusService: who calls, and how this process does."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta

import msgspec

from decision_service.api.v1 import status_service_pb2 as status_pb
from decision_service.build import UNKNOWN, commit, engine_version
from decision_service.casework.review_desks import QueueWatch
from decision_service.decide.dry_run import ordered
from decision_service.decide.events import WaitingEvents
from decision_service.decide.replica_check import ReplicaCheck
from decision_service.domain.errors import StoreError
from decision_service.outbox.delivery import BacklogWatch
from decision_service.rulebook.rulebook import ActiveRules
from decision_service.runtime.clock import ClockGuard
from decision_service.runtime.settings import Settings
from decision_service.server.auth import Authenticator
from decision_service.server.context import RpcContext
from decision_service.server.health import Health
from decision_service.server.rulesets import RULESETS
from decision_service.server.tls import Certificates
from decision_service.server.wire import Fields
from decision_service.smile.source import SmileSource

SERVICE = status_pb.DESCRIPTOR.services_by_name["StatusService"]
_MILLISECOND = timedelta(milliseconds=1)


class StatusServicer(msgspec.Struct, frozen=True):
    """Shows what the metrics and `/healthz` show as well, from the same sources."""

    settings: Settings
    health: Health
    active_rules: ActiveRules
    replica_check: ReplicaCheck
    source: SmileSource
    guard: ClockGuard
    certificates: Certificates | None
    authenticator: Authenticator
    queues: QueueWatch
    waiting_events: Callable[[], Awaitable[WaitingEvents]]
    to_send: BacklogWatch

    async def get_caller(
        self, request: status_pb.GetCallerRequest, context: RpcContext
    ) -> status_pb.GetCallerResponse:
        del request
        roles = context.caller.roles if context.caller else ()
        return status_pb.GetCallerResponse(caller=context.info.caller, roles=sorted(roles))

    async def get_status(
        self, request: status_pb.GetStatusRequest, context: RpcContext
    ) -> status_pb.GetStatusResponse:
        del request, context
        rules, built_from = self.active_rules.status, commit()
        return RULESETS.message(
            status_pb.GetStatusResponse,
            engine_version=engine_version(),
            commit="" if built_from == UNKNOWN else built_from,
            serving=self.health.is_serving,
            reasons=self.health.reasons,
            remarks=rules.remarks,
            vendor=self._vendor(),
            certificate_expire_time=self.certificates and self.certificates.expires,
            backlog=[*self._reviews(), *await self._events(), *self._to_send()],
            refused=ordered(rules.refused),
            read_time=rules.read,
            in_force=self.replica_check.in_force,
            tokens=[
                RULESETS.fields(
                    status_pb.TokenStatus,
                    caller=token.caller.name,
                    token=token.shown,
                    until=token.until or "",
                    last_use_time=used,
                )
                for token, used in self.authenticator.last_uses()
            ],
        )

    def _vendor(self) -> Fields:
        seen, drift = self.source.status, self.guard.drift
        return RULESETS.fields(
            status_pb.VendorStatus,
            mode=self.settings.smile_mode,
            circuit=seen.breaker,
            requests_per_second=self.settings.smile_requests_per_second,
            requests=seen.requests,
            retries=seen.retries,
            paused_seconds=math.ceil(seen.paused_seconds),
            clock_ahead_ms=None if drift is None else round(drift / _MILLISECOND),
            keys_refused=seen.keys_refused,
        )

    def _reviews(self) -> Iterator[Fields]:
        for one in self.queues.counts:
            yield RULESETS.fields(
                status_pb.Backlog,
                name=f"reviews of {one.product} in {one.queue}",
                count=one.open,
                late=one.overdue,
                oldest_time=one.oldest,
            )

    def _to_send(self) -> Iterator[Fields]:
        for one in self.to_send.counts:
            yield RULESETS.fields(
                status_pb.Backlog,
                name=f"events to send to {one.subscription}",
                count=one.count,
                late=one.dead,
                oldest_time=one.oldest,
            )

    async def _events(self) -> Sequence[Fields]:
        try:
            found = await self.waiting_events()
        except StoreError:  # which the reasons name
            return ()
        fields = RULESETS.fields(
            status_pb.Backlog, name="webhook events", count=found.count, oldest_time=found.oldest
        )
        return (fields,)
