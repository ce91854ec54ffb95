"""The service's configuration: `DECISION_…` from the environment, then a YAML file, then defaults.

Secrets are `SecretStr`, so that no repr, log or error shows them; they may also be given as files
(`DECISION_SMILE_API_SECRET_FILE`). Names that are not settings are errors, in both places: a
misspelt limit must not silently be its default.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import yaml
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "DECISION_"
SECRETS = ("smile_api_key", "smile_api_secret", "log_hash_key")
OFFLINE_KEY = "embedded-key"
OFFLINE_SECRET = "embedded-secret"  # noqa: S105 - of the in-process stand-in, which anybody may read


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence that says what to do."""


class SmileMode(StrEnum):
    """Which vendor answers."""

    EMBEDDED = "embedded"
    SANDBOX = "sandbox"
    PRODUCTION = "production"


class FetchMode(StrEnum):
    """How data is read: one list per kind filtered by user, or one request per account."""

    LISTS = "lists"
    PAYLOAD = "payload"


class LogFormat(StrEnum):
    """JSON lines for machines, columns for people."""

    JSON = "json"
    CONSOLE = "console"


BASE_URLS = {
    SmileMode.SANDBOX: "https://sandbox.smileapi.io/v1",
    SmileMode.PRODUCTION: "https://open.smileapi.io/v1",
}
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_seconds(value: object) -> object:
    """Seconds from `1.5`, `250ms`, `5s`, `15m`, `24h` or `14d`; other types pass through."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    unit = next((u for u in ("ms", "s", "m", "h", "d") if text.endswith(u)), "")
    number = text[: len(text) - len(unit)] if unit else text
    try:
        return float(number) * _UNITS.get(unit, 1)
    except ValueError:
        raise ValueError("a time such as 250ms, 5s, 15m, 24h or 14d is needed") from None


Seconds = Annotated[float, BeforeValidator(parse_seconds), Field(ge=0)]


class Settings(BaseSettings):
    """Every setting with its default; `docs/operations.md` has them in words."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    smile_mode: SmileMode = SmileMode.EMBEDDED
    smile_base_url: str = ""
    smile_api_key: SecretStr = SecretStr("")
    smile_api_secret: SecretStr = SecretStr("")
    smile_requests_per_second: int = Field(20, ge=1, le=20)
    smile_fetch: FetchMode = FetchMode.LISTS
    grpc_address: str = "127.0.0.1:50051"
    store_url: str = "sqlite:///decision.db"
    rules_dir: Path = Path("rules")
    blocked_factors: str = ""
    log_level: str = "info"
    log_format: LogFormat | None = None
    log_hash_key: SecretStr = SecretStr("")
    allow_plaintext: bool = False
    drain_delay: Seconds | None = None
    drain_grace: Seconds = 5.0
    max_in_flight: int = Field(256, ge=1, le=10_000)
    lease: Seconds = Field(30.0, gt=0)
    workers: int = Field(1, ge=1, le=64)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over: it reads the environment itself, to refuse unknown names."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @model_validator(mode="after")
    def _coherent(self) -> Settings:
        _check_mode(self)
        _check_base_url(self.base_url)
        _check_workers(self)
        host, _ = split_address(self.grpc_address)
        if not is_loopback(host) and not self.allow_plaintext:
            raise ValueError(
                f"grpc_address {self.grpc_address} is not loopback and the connection is not "
                "encrypted: bind 127.0.0.1, or set DECISION_ALLOW_PLAINTEXT=true behind a proxy "
                "that adds TLS"
            )
        return self

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
    values: dict[str, Any] = _from_file(config_file) if config_file else {}
    values |= _from_environment(environ)
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None


def split_address(address: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as a pair; raises ValueError on anything else."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{address!r} is not an address of the form 127.0.0.1:50051")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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


def _needs_key(mode: SmileMode, name: str) -> str:
    return f"smile_mode {mode} needs {PREFIX}{name} (or {PREFIX}{name}_FILE naming a file with it)"


def share_of(settings: Settings, worker: int) -> Settings:
    """The settings of one worker, from 1: its share of the vendor's requests is a whole number."""
    share, rest = divmod(settings.smile_requests_per_second, settings.workers)
    mine = share + (1 if worker <= rest else 0)
    return settings.model_copy(update={"smile_requests_per_second": mine})


def _check_workers(settings: Settings) -> None:
    if settings.workers == 1:
        return
    if not settings.store_url.startswith("postgres"):
        raise ValueError(
            f"{settings.workers} workers need a PostgreSQL store, since one process holds a SQLite "
            f"file: set {PREFIX}STORE_URL to postgresql://..., or use 1 worker"
        )
    if settings.workers > settings.smile_requests_per_second:
        raise ValueError(
            f"{settings.workers} workers cannot share {settings.smile_requests_per_second} "
            f"requests per second: use fewer, or raise {PREFIX}SMILE_REQUESTS_PER_SECOND"
        )


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


def _from_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or "it is not readable YAML"
        raise ConfigError(f"the configuration file {path} cannot be used: {why}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"the configuration file {path} must be a mapping of names to values")
    values = {str(name).lower().removeprefix(PREFIX.lower()): v for name, v in content.items()}
    for name in values:
        _known(name, f"in {path}")
    return _with_files(values)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX)
    }
    for name in values:
        _known(name, "in the environment", PREFIX + name.upper())
    return _with_files(values)


def _known(name: str, where: str, shown: str | None = None) -> None:
    names = [*Settings.model_fields, *(f"{secret}_file" for secret in SECRETS)]
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
    raise ConfigError(f"there is no setting {shown or name} ({where}){hint}")


def _with_files(values: dict[str, Any]) -> dict[str, Any]:
    for secret in SECRETS:
        path = values.pop(f"{secret}_file", None)
        if path is None:
            continue
        try:
            values[secret] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(
                f"the file {path} of {PREFIX}{secret.upper()}_FILE cannot be read"
            ) from None
    return values


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    return f"{PREFIX}{str(first['loc'][0]).upper()}: {message[:1].lower()}{message[1:]}"
