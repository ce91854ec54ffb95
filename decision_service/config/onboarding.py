"""Settings of onboarding: webhooks, warm snapshots, and the connect page with its widget."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr

from decision_service.config.addresses import is_loopback
from decision_service.config.times import Seconds

WIDGET_SCRIPT = "https://web.smileapi.io/v2/smile.v2.js"
LONGEST_SECRET = 64


class OnboardingSettings(BaseModel):
    """What an operator may set; empty widget addresses follow the mode."""

    http_proxies: str = ""
    webhook_secrets: SecretStr = SecretStr("")
    accounts_max_age: Seconds = 900.0
    snapshot_max_age: Seconds = 86_400.0
    widget_script_url: str = ""
    widget_api_host: str = ""
    connect_providers: str = ""
    connect_top_providers: str = ""
    connect_search_bar: bool = True
    connect_type_bar: bool = True
    connect_upload: bool = False
    connect_company_name: str = Field("", max_length=100)
    connect_template_id: str = ""
    connect_public_url: str = ""
    connect_return_origins: str = ""

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
    def proxies(self) -> tuple[str, ...]:
        """Addresses and networks of proxies, whose X-Forwarded-For names the client."""
        return names_of(self.http_proxies)

    @property
    def ages(self) -> tuple[timedelta, timedelta]:
        """How old the account list and the data of a warm snapshot may be."""
        return timedelta(seconds=self.accounts_max_age), timedelta(seconds=self.snapshot_max_age)


def check_secrets(settings: OnboardingSettings) -> None:
    """Raise ValueError for a secret that the vendor would not take, without showing it."""
    for place, secret in enumerate(settings.secrets_of_webhooks, 1):
        if len(secret) > LONGEST_SECRET:
            raise ValueError(
                f"webhook_secrets: number {place} has {len(secret)} bytes, and the vendor takes at "
                f"most {LONGEST_SECRET}"
            )


def check_proxies(settings: OnboardingSettings) -> None:
    """Raise ValueError for a proxy that is neither an address nor a network."""
    for proxy in settings.proxies:
        try:
            ip_network(proxy)
        except ValueError:
            raise ValueError(
                f"http_proxies: {proxy} is neither an IP address nor a network such as 10.1.0.0/16"
            ) from None


def check_connect(settings: OnboardingSettings) -> None:
    """Raise ValueError for an address of the page or of a way back that browsers cannot trust."""
    public = settings.connect_public_url
    if public and not _is_web_address(public):
        raise ValueError(
            f"connect_public_url: {public} is not an address such as https://connect.example.com "
            "(http:// for loopback only)"
        )
    for origin in settings.return_origins:
        if not _is_web_address(origin) or urlsplit(origin).path:
            raise ValueError(
                f"connect_return_origins: {origin} is not an origin such as https://lender.example"
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
