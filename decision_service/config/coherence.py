"""What settings may not be together: a sentence for each contradiction."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.config.addresses import reach_problem
from decision_service.config.names import env_name
from decision_service.config.onboarding import (
    connect_problems,
    logo_problems,
    secret_problems,
)
from decision_service.config.settings import Settings
from decision_service.config.values import SmileMode

_MODE = env_name("smile_mode")
_REAL_MODE = f"set {_MODE}=sandbox or production"


def contradictions(settings: Settings) -> Iterator[str]:
    """Each contradiction with the settings' names and what to do."""
    yield from _of_mode(settings)
    yield from _of_tls(settings)
    yield from _of_shared_port(settings)
    yield from _of_approval(settings)
    yield from secret_problems(settings)
    yield from logo_problems(settings)
    yield from connect_problems(settings)
    yield from _of_addresses(settings)


def _of_mode(settings: Settings) -> Iterator[str]:
    if settings.smile_mode is not SmileMode.EMBEDDED:
        for name in ("smile_api_key", "smile_api_secret"):
            if not getattr(settings, name).get_secret_value():
                key = env_name(name)
                yield (
                    f"{_MODE}={settings.smile_mode} needs {key} (or {key}_FILE naming a file with "
                    "it)"
                )
        return
    if settings.store_url.startswith(("postgres:", "postgresql:", "postgresql+")):
        yield (
            f"{_MODE}=embedded runs on made-up people and refuses a PostgreSQL store: {_REAL_MODE},"
            f" or {env_name('store_url')}=sqlite:///decision.db"
        )
    if settings.tls_cert_file is not None:
        yield (
            f"{_MODE}=embedded runs on made-up people and refuses TLS: {_REAL_MODE}, or leave "
            f"{env_name('tls_cert_file')} out (`decision-service rehearse` serves them by TLS)"
        )


def _of_tls(settings: Settings) -> Iterator[str]:
    cert, key = env_name("tls_cert_file"), env_name("tls_key_file")
    if (settings.tls_cert_file is None) != (settings.tls_key_file is None):
        yield f"{cert} and {key} belong together: set both or neither"
    elif settings.tls_client_ca_file is not None and settings.tls_cert_file is None:
        yield f"{env_name('tls_client_ca_file')} needs {cert} and {key} as well"


def _of_shared_port(settings: Settings) -> Iterator[str]:
    if settings.reuse_port and not settings.store_url.startswith("postgres"):
        store, reuse = env_name("store_url"), env_name("reuse_port")
        yield (
            f"{reuse}=true needs a PostgreSQL store, since one process holds a SQLite file: set "
            f"{store} to postgresql://..., or leave {reuse} out"
        )


def _of_approval(settings: Settings) -> Iterator[str]:
    if settings.require_approval and settings.auth_tokens_file is None:
        need, file = env_name("require_approval"), env_name("auth_tokens_file")
        yield f"{need}=true needs {file}, which has the keys of who may sign: set both or neither"


def _of_addresses(settings: Settings) -> Iterator[str]:
    encrypted = settings.tls_cert_file is not None or settings.allow_plaintext
    known = settings.callers_known or settings.allow_plaintext
    for name in ("grpc_address", "http_address", "admin_address"):
        address = getattr(settings, name)
        known_there = known or name != "grpc_address"
        if address and (
            problem := reach_problem(
                env_name(name), address, encrypted=encrypted, known_callers=known_there
            )
        ):
            yield problem
