"""What settings may not be together: a sentence for each contradiction."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from urllib.parse import urlsplit

from decision_service.config.addresses import is_loopback, reach_problem, split_address
from decision_service.config.names import env_name
from decision_service.config.onboarding import (
    connect_problems,
    logo_problems,
    secret_problems,
)
from decision_service.config.settings import Settings
from decision_service.config.values import SmileMode

_MODE = env_name("smile_mode")
_ADDRESSES = ("grpc_address", "http_address", "admin_address")
_EVERY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound
_SHORTEST = {"smile_api_key": 8, "smile_api_secret": 8, "log_hash_key": 16}
"""Bytes of secrets; a stand-in on this machine takes any key pair."""
_REAL_MODE = f"set {_MODE}=sandbox or production"


def contradictions(settings: Settings) -> Iterator[str]:
    """Each contradiction with the settings' names and what to do."""
    yield from _of_mode(settings)
    yield from _of_tls(settings)
    yield from _of_shared_port(settings)
    yield from _of_approval(settings)
    yield from secret_problems(settings)
    yield from _of_short_secrets(settings)
    yield from logo_problems(settings)
    yield from connect_problems(settings)
    yield from _of_addresses(settings)


def _of_mode(settings: Settings) -> Iterator[str]:
    url = settings.smile_base_url
    if url and not url.rstrip("/").endswith("/v1"):
        whole = url.partition("?")[0].rstrip("/").removesuffix("/v1") + "/v1"
        yield f"{env_name('smile_base_url')} {url} has no /v1 at its end: set it to {whole}"
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
            f"{env_name('tls_cert_file')} out"
        )


def _of_short_secrets(settings: Settings) -> Iterator[str]:
    stand_in = is_loopback(urlsplit(settings.base_url).hostname or "localhost")
    for name, least in _SHORTEST.items():
        given = getattr(settings, name).get_secret_value().encode()
        if given and len(given) < least and not (stand_in and name.startswith("smile_")):
            yield f"{env_name(name)} is shorter than {least} bytes: give it whole"


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
    named = {name: getattr(settings, name) for name in _ADDRESSES}
    named = {name: address for name, address in named.items() if address}
    for name, address in named.items():
        known_there = known or name != "grpc_address"
        if problem := reach_problem(
            env_name(name), address, encrypted=encrypted, known_callers=known_there
        ):
            yield problem
    for (one, first), (other, second) in combinations(named.items(), 2):
        (host, port), (other_host, other_port) = split_address(first), split_address(second)
        same = host == other_host or _EVERY & {host, other_host}
        if same and port == other_port != 0:  # the system chooses another port for each 0
            both = f"{env_name(one)} and {env_name(other)}"
            yield f"{both} both take port {port} of {host}: give each a port of its own"
