"""Every setting of the service, with its default and what it is for.

The descriptions are those of the sample file; `docs/operations.md` has them with more words.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ConfigDict, Field, SecretStr

from decision_service.config.addresses import is_loopback, split_address
from decision_service.config.onboarding import OnboardingSettings
from decision_service.config.values import (
    Address,
    Country,
    Currency,
    LogFormat,
    LogLevel,
    Months,
    NamedPath,
    Names,
    OnRevoke,
    Seconds,
    SmileMode,
    Url,
)

VENDOR_LIMIT = 20
"""Requests a second that the vendor allows a key, over all processes that use it."""

BASE_URLS = {
    SmileMode.SANDBOX: "https://sandbox.smileapi.io/v1",
    SmileMode.PRODUCTION: "https://open.smileapi.io/v1",
}


class Settings(OnboardingSettings):
    """Every setting; what they may not be together is in `coherence.py`."""

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
    embedded_country: Country = Field(
        "",
        description="Embedded mode: the country (ISO 3166) in which all made-up people live; by "
        "default each in that of the vendor's sandbox.",
        examples=["ID"],
    )
    embedded_currency: Currency = Field(
        "PHP",
        description="Embedded mode: the currency (ISO 4217) of their domestic incomes, "
        "contributions and loans; the figures stay the same.",
    )
    grpc_address: Address = Field("127.0.0.1:50051", description="Address of the gRPC server.")
    http_address: Address = Field(
        "127.0.0.1:8080",
        description="Address of /healthz, /livez, /metrics, /connect and webhooks.",
    )
    admin_address: Address = Field(
        "",
        description="Address of /healthz, /livez and /metrics, which are then not at the HTTP "
        "address.",
        examples=["127.0.0.1:9090"],
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
    auth_tokens_file: NamedPath | None = Field(
        None,
        description="YAML file of callers and their roles; without it every caller may call "
        "everything.",
        examples=["/etc/decision-service/callers.yaml"],
    )
    require_approval: bool = Field(
        default=False,
        description="Whether only rules decide that two callers signed: one proposed them, another "
        "one approved them. Their keys are in the callers file.",
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
        description="Where erasures are recorded apart from the store: a file, by default next to "
        "the SQLite file, or another database, which processes on several machines share: "
        "postgresql://user:password@host/database. Set it for PostgreSQL.",
        examples=["/var/lib/decision-service/erasures"],
    )
    identity_key_file: NamedPath | None = Field(
        None,
        description="File of the keys by which accounts and names are hashed; by default beside "
        "the SQLite file. Set it for PostgreSQL.",
        examples=["/etc/decision-service/identity-keys"],
    )
    data_key_file: NamedPath | None = Field(
        None,
        description="File of the keys that wrap users' keys, so that a copy of the database shows "
        "no applicant's data; in embedded mode by default beside the SQLite file.",
        examples=["/etc/decision-service/data-keys"],
    )
    on_revoke: OnRevoke = Field(
        OnRevoke.ERASE_SNAPSHOT,
        description="What a withdrawn consent erases: the stored data, or the user's decisions "
        "too.",
    )
    retention: Months = Field(
        25, description="How long decisions and their outcomes are kept; older ones are deleted."
    )
    report_within: int = Field(
        30,
        ge=0,
        le=1200,
        description="Days after which an approval without a report of its loan raises an alarm; 0: "
        "none does.",
    )
    rules_dir: NamedPath = Field(Path("rules"), description="The rules folder.")
    blocked_factors: Names = Field(
        "",
        description="Factors and inputs that no rule may use.",
        examples=["identity.age_years,inputs.gender"],
    )
    lease: Seconds = Field(
        30.0,
        ge=0.5,
        description="PostgreSQL: after this time other processes may take over the requests of a "
        "process that hangs.",
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
    log_format: LogFormat | None = Field(
        None,
        description="Form of the log; by default console on a terminal and json elsewhere.",
        examples=["json"],
    )
    log_hash_key: SecretStr = Field(
        SecretStr(""),
        description="Key of the hash that stands for a user in the logs; by default another one "
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

    @property
    def callers_known(self) -> bool:
        """Whether callers must authenticate, by token or certificate."""
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
        return frozenset(filter(None, (name.strip() for name in self.blocked_factors.split(","))))

    @property
    def describes_itself(self) -> bool:
        """Whether the gRPC server has reflection."""
        embedded = self.smile_mode is SmileMode.EMBEDDED
        return embedded if self.reflection is None else self.reflection

    @property
    def drain_seconds(self) -> float:
        """How long after SIGTERM new calls are still taken, so that balancers notice."""
        if self.drain_delay is not None:
            return self.drain_delay
        return 0.0 if self.smile_mode is SmileMode.EMBEDDED else 5.0
