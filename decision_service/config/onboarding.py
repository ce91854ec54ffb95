"""Settings of onboarding: webhooks, warm snapshots, and the connect page with its widget."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

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
    connect_return_origins: str = ""
    connect_logo_file: Path | None = None
    connect_notice_file: Path | None = None

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


def check_logo(settings: OnboardingSettings) -> None:
    """Raise ValueError for a logo without the name that stands for it where it is not seen."""
    if settings.connect_logo_file is not None and not settings.connect_company_name:
        raise ValueError(
            "connect_logo_file needs connect_company_name as well: the name is read out to those "
            "who do not see the logo"
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


def names_of(text: str) -> tuple[str, ...]:
    """Names from a comma-separated setting."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
