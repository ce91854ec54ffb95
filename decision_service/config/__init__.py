"""The service's configuration: `DECISION_…` from the environment, then a YAML file, then defaults.

Secrets are `SecretStr`, so that no repr, log or error shows them; they may also be given as files
(`DECISION_SMILE_API_SECRET_FILE`). Names that are not settings are errors, in both places: a
misspelt limit must not silently be its default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, ValidationError, model_validator

from decision_service.config.addresses import check_reachable, is_loopback, split_address
from decision_service.config.onboarding import (
    OnboardingSettings,
    check_logo,
    check_proxies,
    check_secrets,
)
from decision_service.config.sources import PREFIX, SECRETS, ConfigError, Sources
from decision_service.config.times import Months, Seconds, parse_seconds

__all__ = [
    "BASE_URLS",
    "OFFLINE_KEY",
    "OFFLINE_SECRET",
    "PREFIX",
    "SECRETS",
    "VENDOR_LIMIT",
    "ConfigError",
    "FetchMode",
    "LogFormat",
    "OnRevoke",
    "Settings",
    "SmileMode",
    "is_loopback",
    "load",
    "parse_seconds",
    "split_address",
]

VENDOR_LIMIT = 20
"""Requests a second that the vendor allows a key, over all processes that use it."""

OFFLINE_KEY = "embedded-key"
OFFLINE_SECRET = "embedded-secret"  # noqa: S105 - of the in-process stand-in, which anybody may read


class SmileMode(StrEnum):
    """Which vendor answers."""

    EMBEDDED = "embedded"
    SANDBOX = "sandbox"
    PRODUCTION = "production"


class FetchMode(StrEnum):
    """How data is read: one list per kind filtered by user, or one request per account."""

    LISTS = "lists"
    PAYLOAD = "payload"


class OnRevoke(StrEnum):
    """Whether a withdrawn consent erases, besides the stored data, the decisions."""

    ERASE_SNAPSHOT = "erase_snapshot"
    ERASE_DECISIONS = "erase_decisions"


class LogFormat(StrEnum):
    """JSON lines for machines, columns for people."""

    JSON = "json"
    CONSOLE = "console"


BASE_URLS = {
    SmileMode.SANDBOX: "https://sandbox.smileapi.io/v1",
    SmileMode.PRODUCTION: "https://open.smileapi.io/v1",
}


class Settings(OnboardingSettings):
    """Every setting with its default; `docs/operations.md` has them in words."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True
    )

    smile_mode: SmileMode = SmileMode.EMBEDDED
    smile_base_url: str = ""
    smile_api_key: SecretStr = SecretStr("")
    smile_api_secret: SecretStr = SecretStr("")
    smile_requests_per_second: int = Field(VENDOR_LIMIT, ge=1, le=VENDOR_LIMIT)
    smile_fetch: FetchMode = FetchMode.LISTS
    grpc_address: str = "127.0.0.1:50051"
    http_address: str = "127.0.0.1:8080"
    admin_address: str = ""
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    tls_client_ca_file: Path | None = None
    auth_tokens_file: Path | None = None
    reflection: bool = True
    reuse_port: bool = False
    store_url: str = Field("sqlite:///decision.db", repr=False)  # it may hold a password
    erasure_journal: Path | None = None
    identity_key_file: Path | None = None
    on_revoke: OnRevoke = OnRevoke.ERASE_SNAPSHOT
    decision_retention: Months = 25
    rules_dir: Path = Path("rules")
    blocked_factors: str = ""
    log_level: str = "info"
    log_format: LogFormat | None = None
    log_hash_key: SecretStr = SecretStr("")
    allow_plaintext: bool = False
    drain_delay: Seconds | None = None
    drain_grace: Seconds = 5.0
    lease: Seconds = Field(30.0, ge=0.5)
    max_in_flight: int = Field(256, ge=1, le=10_000)

    @model_validator(mode="after")
    def _coherent(self) -> Settings:
        _check_mode(self)
        _check_base_url(self.base_url)
        _check_tls(self)
        _check_shared_port(self)
        check_secrets(self)
        check_proxies(self)
        check_logo(self)
        encrypted = self.tls_cert_file is not None or self.allow_plaintext
        known = self.callers_known or self.allow_plaintext
        check_reachable("grpc_address", self.grpc_address, encrypted=encrypted, known_callers=known)
        for name in ("http_address", "admin_address"):
            if address := getattr(self, name):
                check_reachable(name, address, encrypted=encrypted, known_callers=True)
        return self

    @property
    def callers_known(self) -> bool:
        """Whether callers must authenticate, by token or certificate."""
        return self.auth_tokens_file is not None or self.tls_client_ca_file is not None

    @property
    def base_url(self) -> str:
        """The vendor's base URL; empty in embedded mode, where the stand-in picks its port."""
        return (self.smile_base_url or BASE_URLS.get(self.smile_mode, "")).rstrip("/")

    @property
    def blocked(self) -> frozenset[str]:
        """Factors and inputs that no rule may use (`identity.age_years`, `inputs.gender`)."""
        return frozenset(filter(None, (name.strip() for name in self.blocked_factors.split(","))))

    @property
    def drain_seconds(self) -> float:
        """How long after SIGTERM new calls are still taken, so that balancers notice."""
        if self.drain_delay is not None:
            return self.drain_delay
        return 0.0 if self.smile_mode is SmileMode.EMBEDDED else 5.0


def load(config_file: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration; raises ConfigError with one sentence on anything that is wrong."""
    environ = os.environ if environ is None else environ
    sources = Sources(Settings.model_fields)
    values = sources.from_file(config_file) if config_file else {}
    values |= sources.from_environment(environ)
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None


def _check_mode(settings: Settings) -> None:
    if settings.smile_mode is SmileMode.EMBEDDED:
        if not settings.store_url.startswith("sqlite:"):
            raise ValueError(
                "smile_mode embedded runs on made-up people and refuses a PostgreSQL store: set "
                "DECISION_SMILE_MODE=sandbox or production, or use sqlite:///decision.db"
            )
        return
    if not settings.smile_api_key.get_secret_value():
        raise ValueError(_needs_key(settings.smile_mode, "SMILE_API_KEY"))
    if not settings.smile_api_secret.get_secret_value():
        raise ValueError(_needs_key(settings.smile_mode, "SMILE_API_SECRET"))


def _check_tls(settings: Settings) -> None:
    cert, key = settings.tls_cert_file, settings.tls_key_file
    if (cert is None) != (key is None):
        raise ValueError("tls_cert_file and tls_key_file belong together: set both or neither")
    if settings.tls_client_ca_file is not None and cert is None:
        raise ValueError("tls_client_ca_file needs tls_cert_file and tls_key_file as well")
    if cert is not None and settings.smile_mode is SmileMode.EMBEDDED:
        raise ValueError(
            "smile_mode embedded runs on made-up people and refuses TLS: set "
            "DECISION_SMILE_MODE=sandbox or production, or leave DECISION_TLS_CERT_FILE out"
        )


def _check_shared_port(settings: Settings) -> None:
    if settings.reuse_port and not settings.store_url.startswith("postgres"):
        raise ValueError(
            "reuse_port needs a PostgreSQL store, since one process holds a SQLite file: set "
            f"{PREFIX}STORE_URL to postgresql://..., or leave {PREFIX}REUSE_PORT out"
        )


def _needs_key(mode: SmileMode, name: str) -> str:
    return f"smile_mode {mode} needs {PREFIX}{name} (or {PREFIX}{name}_FILE naming a file with it)"


def _check_base_url(url: str) -> None:
    if not url:
        return
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("smile_base_url must not hold a user name or password: use the key names")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("smile_base_url with http:// is accepted for loopback hosts only")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("smile_base_url must be an https:// URL such as https://host/v1")


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    return f"{PREFIX}{str(first['loc'][0]).upper()}: {message[:1].lower()}{message[1:]}"
