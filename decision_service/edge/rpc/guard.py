"""What stands around every call, made from the settings."""

from __future__ import annotations

from collections.abc import Callable

from decision_service.config import Settings
from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.admission import READS, Rooms
from decision_service.edge.rpc.authentication import Door
from decision_service.edge.rpc.interceptors import Guard
from decision_service.edge.rpc.observing import log_call
from decision_service.edge.rpc.stalls import StallWatch
from decision_service.edge.tls import Certificates
from decision_service.pipeline.decide.bulkhead import WorkRoom
from decision_service.telemetry import CallLog, UserHash


def guard_of(
    settings: Settings, seconds: Callable[[], float], calls: CallLog | None = log_call
) -> Guard:
    """Callers, rooms, metrics, the log of calls and its key; raises CallersRefused."""
    return Guard(
        door=Door(settings.auth_tokens_file),
        rooms=Rooms(WorkRoom(settings.max_in_flight), WorkRoom(READS)),
        metrics=Metrics(),
        user_hash=UserHash(settings.log_hash_key.get_secret_value()),
        stalls=StallWatch(seconds),
        calls=calls,
    )


def certificates_of(settings: Settings) -> Certificates | None:
    """The server's certificate where it has one; raises CertificatesRefused."""
    cert, key = settings.tls_cert_file, settings.tls_key_file
    if cert is None or key is None:
        return None
    return Certificates(cert, key, settings.tls_client_ca_file)
