"""What the server needs beside its services, made from the settings."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import msgspec

from decision_service.config import Settings
from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.authenticator import Authenticator
from decision_service.edge.rpc.interceptors.access_log import AccessLogInterceptor
from decision_service.edge.rpc.interceptors.admission import (
    DESCRIPTIONS,
    READS,
    STEPS,
    AdmissionInterceptor,
    ConcurrencyLimits,
)
from decision_service.edge.rpc.interceptors.authentication import AuthenticationInterceptor
from decision_service.edge.rpc.interceptors.base import CallInterceptor
from decision_service.edge.rpc.interceptors.error_map import ErrorMapInterceptor
from decision_service.edge.rpc.interceptors.failed_authentications import FailedAuthentications
from decision_service.edge.rpc.interceptors.metrics import MetricsInterceptor
from decision_service.edge.rpc.interceptors.request_context import RequestContextInterceptor
from decision_service.edge.tls import Certificates
from decision_service.pipeline.decide.bulkhead import Bulkhead
from decision_service.pipeline.ports import Clock
from decision_service.telemetry import UserHash


class ServerDeps(msgspec.Struct, frozen=True):
    """What the interceptors need: who may call, how much at a time, and where it is written down.

    `seconds` is a monotonic clock. `further` are interceptors of other packages, such as
    OpenTelemetry's, outermost first: they stand around the service's own, on gRPC's threads, and
    see handlers that take an iterator of bytes.
    """

    authenticator: Authenticator
    limits: ConcurrencyLimits
    metrics: Metrics
    user_hash: UserHash
    seconds: Callable[[], float]
    further: tuple[grpc.ServerInterceptor, ...] = ()

    def interceptors(self) -> tuple[CallInterceptor, ...]:
        """What every call passes through on the event loop, outermost first."""
        return (
            ErrorMapInterceptor(),
            RequestContextInterceptor(),
            AccessLogInterceptor(self.user_hash),
            MetricsInterceptor(self.metrics),
            AuthenticationInterceptor(FailedAuthentications(self.seconds, self.metrics.registry)),
            AdmissionInterceptor(self.limits),
        )


def server_deps(
    settings: Settings,
    clock: Clock,
    further: tuple[grpc.ServerInterceptor, ...] = (),
) -> ServerDeps:
    """Callers, limits, metrics and the key of users in the log; raises CallersRefused."""
    return ServerDeps(
        authenticator=Authenticator(settings.auth_tokens_file, clock.now),
        limits=ConcurrencyLimits(
            work=Bulkhead(settings.max_in_flight),
            reads=Bulkhead(READS),
            steps=Bulkhead(STEPS),
            reflection=Bulkhead(DESCRIPTIONS),
        ),
        metrics=Metrics(),
        user_hash=UserHash(settings.log_hash_key.get_secret_value()),
        seconds=clock.monotonic,
        further=further,
    )


def certificates_of(settings: Settings) -> Certificates | None:
    """The server's certificate where it has one; raises CertificatesRefused."""
    cert, key = settings.tls_cert_file, settings.tls_key_file
    if cert is None or key is None:
        return None
    return Certificates(cert, key, settings.tls_client_ca_file)
