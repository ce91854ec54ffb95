"""What the server needs beside its services, made from the settings."""

from __future__ import annotations

from collections.abc import Callable

from decision_service.config import Settings
from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.authentication import Authenticator
from decision_service.edge.rpc.interceptors.admission import READS, ConcurrencyLimits
from decision_service.edge.rpc.interceptors.chain import ServerDeps
from decision_service.edge.rpc.interceptors.observing import log_call
from decision_service.edge.rpc.interceptors.slow_readers import SlowReaders
from decision_service.edge.tls import Certificates
from decision_service.pipeline.bulkhead import Bulkhead
from decision_service.telemetry import CallLog, UserHash


def server_deps(
    settings: Settings, seconds: Callable[[], float], calls: CallLog | None = log_call
) -> ServerDeps:
    """Callers, limits, metrics, the log of calls and its key; raises CallersRefused."""
    return ServerDeps(
        authenticator=Authenticator(settings.auth_tokens_file),
        limits=ConcurrencyLimits(Bulkhead(settings.max_in_flight), Bulkhead(READS)),
        metrics=Metrics(),
        user_hash=UserHash(settings.log_hash_key.get_secret_value()),
        slow_readers=SlowReaders(seconds),
        calls=calls,
    )


def certificates_of(settings: Settings) -> Certificates | None:
    """The server's certificate where it has one; raises CertificatesRefused."""
    cert, key = settings.tls_cert_file, settings.tls_key_file
    if cert is None or key is None:
        return None
    return Certificates(cert, key, settings.tls_client_ca_file)
