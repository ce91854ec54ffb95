"""The two clients: one that waits, and one for asyncio; both have a stub for each service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import grpc

from decision_service_client import v1
from decision_service_client.connection import OPTIONS, credentials_of
from decision_service_client.defaults import AsyncDefaults, Defaults

if TYPE_CHECKING:
    from decision_service_client.v1.applicant_service_pb2_grpc import ApplicantServiceAsyncStub
    from decision_service_client.v1.decision_service_pb2_grpc import DecisionServiceAsyncStub
    from decision_service_client.v1.event_service_pb2_grpc import EventServiceAsyncStub
    from decision_service_client.v1.notice_service_pb2_grpc import NoticeServiceAsyncStub
    from decision_service_client.v1.outcome_service_pb2_grpc import OutcomeServiceAsyncStub
    from decision_service_client.v1.review_service_pb2_grpc import ReviewServiceAsyncStub
    from decision_service_client.v1.rollout_service_pb2_grpc import RolloutServiceAsyncStub
    from decision_service_client.v1.ruleset_service_pb2_grpc import RulesetServiceAsyncStub
    from decision_service_client.v1.status_service_pb2_grpc import StatusServiceAsyncStub


TIMEOUT = 30.0


class Client:
    """A connection to the service, to be used as a context or closed.

    It is made at the first call. `authority` is a PEM of a private authority; `credentials` are
    gRPC's own, for a certificate of the caller; `timeout` is in seconds, for calls that name none.
    Raises ValueError where TLS is left out and asked for.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        authority: bytes | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        plaintext: bool = False,
        timeout: float = TIMEOUT,
    ) -> None:
        secured = credentials_of(token, authority, credentials, plaintext=plaintext)
        self._channel = (
            grpc.insecure_channel(address, OPTIONS)
            if secured is None
            else grpc.secure_channel(address, secured, OPTIONS)
        )
        channel = grpc.intercept_channel(self._channel, Defaults(timeout))
        self.applicants = v1.ApplicantServiceStub(channel)
        self.decisions = v1.DecisionServiceStub(channel)
        self.events = v1.EventServiceStub(channel)
        self.outcomes = v1.OutcomeServiceStub(channel)
        self.notices = v1.NoticeServiceStub(channel)
        self.reviews = v1.ReviewServiceStub(channel)
        self.rollouts = v1.RolloutServiceStub(channel)
        self.rulesets = v1.RulesetServiceStub(channel)
        self.status = v1.StatusServiceStub(channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; calls in progress end with CANCELLED."""
        self._channel.close()


class AsyncClient:
    """The same connection for asyncio: calls are awaited; arguments are those of Client."""

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        authority: bytes | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        plaintext: bool = False,
        timeout: float = TIMEOUT,
    ) -> None:
        secured = credentials_of(token, authority, credentials, plaintext=plaintext)
        defaults = [AsyncDefaults(timeout)]
        self._channel = channel = (
            grpc.aio.insecure_channel(address, OPTIONS, interceptors=defaults)
            if secured is None
            else grpc.aio.secure_channel(address, secured, OPTIONS, interceptors=defaults)
        )
        self.applicants: ApplicantServiceAsyncStub = v1.ApplicantServiceStub(channel)
        self.decisions: DecisionServiceAsyncStub = v1.DecisionServiceStub(channel)
        self.events: EventServiceAsyncStub = v1.EventServiceStub(channel)
        self.outcomes: OutcomeServiceAsyncStub = v1.OutcomeServiceStub(channel)
        self.notices: NoticeServiceAsyncStub = v1.NoticeServiceStub(channel)
        self.reviews: ReviewServiceAsyncStub = v1.ReviewServiceStub(channel)
        self.rollouts: RolloutServiceAsyncStub = v1.RolloutServiceStub(channel)
        self.rulesets: RulesetServiceAsyncStub = v1.RulesetServiceStub(channel)
        self.status: StatusServiceAsyncStub = v1.StatusServiceStub(channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; calls in progress end with CANCELLED."""
        await self._channel.close()
