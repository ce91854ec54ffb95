"""Every setting of the service, with its default, the kinds of values, and what it is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from decision_service.runtime.address import is_loopback, split_address

PREFIX = "DECISION_"
SECRETS = ("smile_api_key", "smile_api_secret", "log_hash_key", "webhook_secrets")
FROM_FILES = (*SECRETS, "store_url", "erasure_journal")
"""Settings of which a file may be named instead: `DECISION_STORE_URL_FILE`."""

MASK = "***"
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_MONTHS = re.compile(r"([0-9]{1,6})(?: months?)?")
_LONGEST_TIME = 3650 * 86400
WIDGET_SCRIPT = "https://web.smileapi.io/v2/smile.v2.js"
VENDOR_LIMIT = 20
"""Requests a second that the vendor allows a key, over all processes that use it."""


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence that says what to do."""


def env_name(setting: str) -> str:
    """A setting's name in the environment: `DECISION_RULES_DIR` for `rules_dir`."""
    return PREFIX + setting.upper()


def masked(setting: str, text: str) -> str:
    """The text of a setting without a secret: not that of a key, nor a URL's user and password."""
    if setting in SECRETS:
        return MASK if text else ""
    if "://" in text and "@" in text:
        return f"{text.partition('://')[0]}://{MASK}@{text.rpartition('@')[2]}"
    return text


@dataclass(frozen=True, slots=True)
class Takes:
    """What a kind of value is written like, for messages and for the sample file."""

    words: str


class SmileMode(StrEnum):
    EMBEDDED = "embedded"
    SANDBOX = "sandbox"
    PRODUCTION = "production"


class OnRevoke(StrEnum):
    """Whether a withdrawn consent erases, besides the stored data, the decisions."""

    ERASE_SNAPSHOT = "erase_snapshot"
    ERASE_DECISIONS = "erase_decisions"


class LogLevel(StrEnum):
    """The least important lines that are written; also in upper case."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @classmethod
    def _missing_(cls, value: object) -> LogLevel | None:
        lower = value.lower() if isinstance(value, str) else value
        return next((one for one in cls if one.value == lower), None)


def _seconds(value: object) -> object:
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError
    return float(found[1]) * _UNITS[found[2]]


def _months(value: object) -> object:
    found = _MONTHS.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or int(found[1]) < 1:
        raise ValueError
    return int(found[1])


def _address(value: str) -> str:
    try:
        split_address(value)
    except ValueError:
        raise ValueError from None
    return value


def _path(value: object) -> object:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if not value:
        return value
    if parts.username or parts.password:
        raise ValueError("it must not hold a user name or password: use the key settings")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("http:// is accepted for loopback hosts only")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError
    return value


Seconds = Annotated[
    float,
    BeforeValidator(_seconds),
    Field(ge=0, le=_LONGEST_TIME),
    Takes("a number with its unit, such as 250ms, 5s, 15m, 24h or 14d"),
]

Months = Annotated[
    int,
    BeforeValidator(_months),
    Field(ge=1, le=1200),
    Takes("a number of months from 1 on, such as 25 or 25 months"),
]

Address = Annotated[str, AfterValidator(_address), Takes("an address such as 127.0.0.1:50051")]

NamedPath = Annotated[Path, BeforeValidator(_path), Takes("a path")]

Url = Annotated[str, AfterValidator(_url), Takes("an https:// URL such as https://host/v1")]

Names = Annotated[str, Takes("names separated by commas")]


def names_of(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


BASE_URLS = {
    SmileMode.SANDBOX: "https://sandbox.smileapi.io/v1",
    SmileMode.PRODUCTION: "https://open.smileapi.io/v1",
}


class Settings(BaseModel):
    """Every setting; `config.contradictions` says what they may not be together."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    smile_mode: SmileMode = Field(
        SmileMode.EMBEDDED,
        description="Which vendor answers: a stand-in with made-up people inside the process, the "
        "vendor's sandbox, or the vendor.",
    )
    smile_base_url: Url = Field(
        "",
        description="Another host of the vendor than that of the mode; http:// for loopback only.",
        examples=[BASE_URLS[SmileMode.SANDBOX]],
    )
    smile_api_key: SecretStr = Field(
        SecretStr(""), description="Key of the vendor's key pair.", examples=["change-me"]
    )
    smile_api_secret: SecretStr = Field(
        SecretStr(""), description="Secret of the vendor's key pair.", examples=["change-me"]
    )
    smile_requests_per_second: int = Field(
        VENDOR_LIMIT,
        ge=1,
        le=VENDOR_LIMIT,
        description="This process's share of the requests that the vendor allows a key and IP "
        "address.",
    )
    first_sync_wait: Seconds = Field(
        3600.0,
        description="For so long after the first sync of an account began a decision is not made "
        "while it runs (DATA_NOT_READY); after that it refers.",
    )
    grpc_address: Address = Field("127.0.0.1:50051", description="Address of the gRPC server.")
    http_address: Address = Field(
        "127.0.0.1:8080", description="Address of JSON calls, /connect and webhooks."
    )
    http_hosts: Names = Field(
        "",
        description="Names by which JSON calls reach the HTTP address, besides loopback and its "
        "own: of a proxy that hands on its clients' Host.",
        examples=["decisions.lender.example"],
    )
    admin_address: Address = Field(
        "127.0.0.1:9090", description="Address of /healthz, /livez and /metrics."
    )
    tls_cert_file: NamedPath | None = Field(
        None,
        description="Certificate chain in PEM, for gRPC and HTTP; refused in embedded mode.",
        examples=["/etc/decision-service/server.pem"],
    )
    tls_key_file: NamedPath | None = Field(
        None,
        description="Key of the certificate in PEM.",
        examples=["/etc/decision-service/server.key"],
    )
    tls_client_ca_file: NamedPath | None = Field(
        None,
        description="Authority in PEM of which gRPC clients must show a certificate.",
        examples=["/etc/decision-service/clients.pem"],
    )
    front_name: str = Field(
        "",
        max_length=253,
        description="DNS name in the certificate of a front on another machine, which is believed "
        "what it hands on of its clients' certificates and addresses, as a front on this machine "
        "is.",
        examples=["front.internal"],
    )
    auth_tokens_file: NamedPath | None = Field(
        None,
        description="YAML file of callers and their roles; without it every caller may call "
        "everything.",
        examples=["/etc/decision-service/callers.yaml"],
    )
    require_approval: bool = Field(
        default=False,
        description="Whether only rules decide that two persons confirmed, who are in the callers "
        "file, and of whom none wrote them.",
    )
    one_person_narrows: bool = Field(
        default=False,
        description="Whether one person with the role `rules_approve` is enough for a release of "
        "which every change tightens the rules.",
    )
    confirm_sign_in: str = Field(
        "",
        description="Values of `acr` or `amr`, of which an ID token must have one with which a "
        "person confirms a release, such as that of the identity provider's passkeys.",
        examples=["phr,hwk"],
    )
    allow_plaintext: bool = Field(
        default=False,
        description="Allows other addresses than loopback without TLS and without known callers: a "
        "proxy in front must add both.",
    )
    reflection: bool | None = Field(
        None,
        description="Whether the gRPC server describes itself; by default in embedded mode alone.",
        examples=["true"],
    )
    reuse_port: bool = Field(
        default=False,
        description="Whether several processes may listen on the gRPC address; needs PostgreSQL.",
    )
    store_url: str = Field(  # it may hold a password
        "sqlite:///decision.db",
        repr=False,
        description="The database: sqlite:///FILE or postgresql://user:password@host/database.",
    )
    erasure_journal: str = Field(  # it may hold a password
        "",
        repr=False,
        description="Where erasures are recorded apart from the store: sqlite:///FILE, by default "
        "next to the SQLite file, or postgresql://user:password@host/database, which processes on "
        "several machines share. Set it for PostgreSQL.",
        examples=["sqlite:////var/lib/decision-service/erasures"],
    )
    identity_key_file: NamedPath | None = Field(
        None,
        description="File of the keys by which accounts and names are hashed; by default next "
        "to the SQLite file. Set it for PostgreSQL.",
        examples=["/etc/decision-service/identity-keys"],
    )
    data_key_file: NamedPath | None = Field(
        None,
        description="File of the keys that wrap users' keys, so that a copy of the database shows "
        "no applicant's data; in embedded mode by default next to the SQLite file.",
        examples=["/etc/decision-service/data-keys"],
    )
    journal_key_file: NamedPath | None = Field(
        None,
        description="File of the keys by which the journals of releases and rollouts are sealed, "
        "so that whoever writes to the database puts no rules in force; needed where approval is "
        "required.",
        examples=["/etc/decision-service/journal-keys"],
    )
    on_revoke: OnRevoke = Field(
        OnRevoke.ERASE_SNAPSHOT,
        description="What a withdrawn consent erases: the stored data, or the user's decisions "
        "too.",
    )
    retention: Months = Field(
        25, description="How long decisions and their outcomes are kept; older ones are deleted."
    )
    loan_retention: Months = Field(
        60,
        description="How long a decision is kept after the report that closed its last loan; while "
        "one is reported and not closed it is never deleted by age.",
    )
    report_within: int = Field(
        30,
        ge=0,
        le=365,
        description="Days without a report of its loan for which an approval counts as owed "
        "beyond its end, and after which it raises an alarm; 0: neither.",
    )
    rules_dir: NamedPath = Field(Path("rules"), description="The rules folder.")
    blocked_factors: Names = Field(
        "",
        description="Factors and inputs that no rule may use.",
        examples=["identity.age_years,inputs.gender"],
    )
    max_in_flight: int = Field(
        256,
        ge=1,
        le=10_000,
        description="Decisions in progress at the same time; twice as many wait, more are refused.",
    )
    log_level: LogLevel = Field(
        LogLevel.INFO, description="The least important lines that are logged."
    )
    log_hash_key: SecretStr = Field(
        SecretStr(""),
        description="Key of the hash that names a user in the logs; by default another one "
        "at each start.",
        examples=["change-me"],
    )
    opentelemetry: bool = Field(
        default=False,
        description="Whether spans are sent by OTLP, as the OTEL_ variables say; needs the extra "
        "otel.",
    )
    drain_delay: Seconds | None = Field(
        None,
        description="After SIGTERM: how long new calls are still accepted; by default 5s, and 0s "
        "in embedded mode.",
        examples=["5s"],
    )
    drain_grace: Seconds = Field(5.0, description="And then how long calls in progress may take.")
    webhook_secrets: SecretStr = Field(
        SecretStr(""),
        description="Secrets by which the vendor signs events, separated by commas, newest first; "
        "switches webhooks and warm snapshots on.",
        examples=["16-to-64-random-characters"],
    )
    events_file: NamedPath | None = Field(
        None,
        description="YAML file of subscriptions: who is sent which events, signed by which secret.",
        examples=["/etc/decision-service/events.yaml"],
    )
    accounts_max_age: Seconds = Field(
        900.0,
        description="With webhooks: the greatest age of the account list of a snapshot that is "
        "used without asking the vendor.",
    )
    snapshot_max_age: Seconds = Field(
        86_400.0, description="With webhooks: the greatest age of the data of such a snapshot."
    )
    widget_script_url: Url = Field(
        "",
        description="Script of the vendor's widget on the connect page; by default that of the "
        "mode.",
        examples=[WIDGET_SCRIPT],
    )
    widget_api_host: Url = Field(
        "",
        description="Host that the widget calls; by default that of the mode.",
        examples=["https://link-sandbox.smileapi.io/v1"],
    )
    connect_providers: Names = Field(
        "",
        description="Ids of the providers that the widget shows; all by default.",
        examples=["sss_ph,grab_ph"],
    )
    connect_upload: bool = Field(default=False, description="Whether it takes uploaded files.")
    connect_company_name: str = Field(
        "",
        max_length=100,
        description="The lender's name on the connect page and in the widget.",
        examples=["A Lender"],
    )
    connect_logo_file: NamedPath | None = Field(
        None,
        description="The lender's logo on the connect page: a PNG, JPEG or WebP of at most "
        "200,000 bytes.",
        examples=["/etc/decision-service/logo.png"],
    )
    connect_notice_file: NamedPath | None = Field(
        None,
        description="YAML file with the privacy notice of the connect page in English and "
        "Filipino; by default the service's own.",
        examples=["/etc/decision-service/notice.yaml"],
    )
    connect_template_id: str = Field(
        "", description="The vendor's id of a template of the widget.", examples=["tpl-1"]
    )
    connect_public_url: Url = Field(
        "",
        description="Where applicants reach the connect page; makes their links whole. Without it "
        "links are made for an HTTP address of this machine alone.",
        examples=["https://connect.example.com"],
    )
    connect_return_origins: Names = Field(
        "",
        description="Origins to which the connect page may lead back.",
        examples=["https://lender.example"],
    )

    @property
    def callers_known(self) -> bool:
        return self.auth_tokens_file is not None or self.tls_client_ca_file is not None

    @property
    def base_url(self) -> str:
        """The vendor's base URL; empty in embedded mode, where the stand-in picks its port."""
        return (self.smile_base_url or BASE_URLS.get(self.smile_mode, "")).rstrip("/")

    @property
    def connect_base(self) -> str:
        """Where applicants reach the connect page; empty where that is not known."""
        host, port = split_address(self.http_address)
        if self.connect_public_url or not port or not is_loopback(host):
            return self.connect_public_url.rstrip("/")
        scheme = "http" if self.tls_cert_file is None else "https"
        return f"{scheme}://{self.http_address}"

    @property
    def blocked(self) -> frozenset[str]:
        """Factors and inputs that no rule may use (`identity.age_years`, `inputs.gender`)."""
        return frozenset(names_of(self.blocked_factors))

    @property
    def describes_itself(self) -> bool:
        embedded = self.smile_mode is SmileMode.EMBEDDED
        return embedded if self.reflection is None else self.reflection

    @property
    def drain_seconds(self) -> float:
        """How long after SIGTERM new calls are still taken, so that balancers notice."""
        if self.drain_delay is not None:
            return self.drain_delay
        return 0.0 if self.smile_mode is SmileMode.EMBEDDED else 5.0

    @property
    def secrets_of_webhooks(self) -> tuple[bytes, ...]:
        """The secrets by which events may be signed, newest first; none while webhooks are off."""
        return tuple(map(str.encode, names_of(self.webhook_secrets.get_secret_value())))

    @property
    def means_to_confirm(self) -> frozenset[str]:
        """What `acr` or `amr` may say of the sign-in of who confirms; any where it is empty."""
        return frozenset(names_of(self.confirm_sign_in))

    @property
    def hosts_of_json(self) -> frozenset[str]:
        """The names that JSON calls may have as Host besides loopback, in small letters."""
        own, _ = split_address(self.http_address)
        return frozenset({own.lower(), *(name.lower() for name in names_of(self.http_hosts))})

    @property
    def return_origins(self) -> tuple[str, ...]:
        """The origins that the connect page may lead back to, in small letters."""
        return tuple(name.lower() for name in names_of(self.connect_return_origins))

    @property
    def ages(self) -> tuple[timedelta, timedelta]:
        """How old the account list and the data of a warm snapshot may be."""
        return timedelta(seconds=self.accounts_max_age), timedelta(seconds=self.snapshot_max_age)
