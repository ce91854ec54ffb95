"""Settings of onboarding: webhooks, warm snapshots, and the connect page with its widget."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr

from decision_service.config.addresses import is_loopback
from decision_service.config.names import env_name, masked
from decision_service.config.values import NamedPath, Names, Seconds, Url

WIDGET_SCRIPT = "https://web.smileapi.io/v2/smile.v2.js"
SHORTEST_SECRET, LONGEST_SECRET = 16, 64


class OnboardingSettings(BaseModel):
    """What an operator may set; empty widget addresses follow the mode."""

    webhook_secrets: SecretStr = Field(
        SecretStr(""),
        description="Secrets by which the vendor signs events, separated by commas, newest first; "
        "switches webhooks and warm snapshots on.",
        examples=["16-to-64-random-characters"],
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
    connect_top_providers: Names = Field(
        "", description="Ids of the providers that it shows first.", examples=["sss_ph"]
    )
    connect_search_bar: bool = Field(
        default=True, description="Whether the widget has a search bar."
    )
    connect_type_bar: bool = Field(
        default=True, description="Whether it has a bar of provider types."
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
        description="The lender's logo on the connect page: a PNG, JPEG, WebP or SVG of at most "
        "200,000 bytes; an SVG without scripts.",
        examples=["/etc/decision-service/logo.svg"],
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
    def secrets_of_webhooks(self) -> tuple[bytes, ...]:
        """The secrets by which events may be signed, newest first; none while webhooks are off."""
        text = self.webhook_secrets.get_secret_value()
        return tuple(part.strip().encode() for part in text.split(",") if part.strip())

    @property
    def return_origins(self) -> tuple[str, ...]:
        """The origins that the connect page may lead back to, in small letters."""
        return tuple(name.lower() for name in names_of(self.connect_return_origins))

    @property
    def ages(self) -> tuple[timedelta, timedelta]:
        """How old the account list and the data of a warm snapshot may be."""
        return timedelta(seconds=self.accounts_max_age), timedelta(seconds=self.snapshot_max_age)


def secret_problems(settings: OnboardingSettings) -> Iterator[str]:
    """A sentence for each secret that can be guessed or the vendor would not take, unshown."""
    for place, secret in enumerate(settings.secrets_of_webhooks, 1):
        if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET:
            yield (
                f"{env_name('webhook_secrets')}: number {place} has {len(secret)} bytes: give it "
                f"{SHORTEST_SECRET} to {LONGEST_SECRET}, chosen at random"
            )


def logo_problems(settings: OnboardingSettings) -> Iterator[str]:
    """A sentence for a logo without the name that is read out where it is not seen."""
    if settings.connect_logo_file is not None and not settings.connect_company_name:
        yield (
            f"{env_name('connect_logo_file')} needs {env_name('connect_company_name')} as well: "
            "the name is read out to those who do not see the logo"
        )


def connect_problems(settings: OnboardingSettings) -> Iterator[str]:
    """A sentence for each address of the connect page or of a way back that is not allowed."""
    public = settings.connect_public_url
    if public and not _is_web_address(public):
        shown = masked("connect_public_url", public)
        yield (
            f"{env_name('connect_public_url')} is {shown}: it must be an address such as "
            "https://connect.example.com (http:// for loopback only)"
        )
    for origin in settings.return_origins:
        if not _is_web_address(origin) or urlsplit(origin).path:
            shown = masked("connect_return_origins", origin)
            yield (
                f"{env_name('connect_return_origins')} has {shown}: each must be an origin such "
                "as https://lender.example"
            )


def _is_web_address(text: str) -> bool:
    """Whether a text is https, or http of this machine, without user, query and fragment."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    secure = parts.scheme == "https" or (
        parts.scheme == "http" and is_loopback(parts.hostname or "")
    )
    return secure and bool(parts.hostname) and not set(text) & set("@?# \\")


def names_of(text: str) -> tuple[str, ...]:
    """Names from a comma-separated setting."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
