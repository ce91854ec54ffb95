"""Which of the vendor's hosts belong to which mode."""

from __future__ import annotations

import pytest

from decision_service.cli.server.preflight.check import PreflightCheck
from decision_service.cli.server.preflight.settings import host_checks
from decision_service.config import load

KEYS = {"DECISION_SMILE_API_KEY": "k", "DECISION_SMILE_API_SECRET": "s"}


def base_url(mode: str, host: str) -> PreflightCheck:
    """What is said of a base URL at this host."""
    url = f"https://{host}/v1"
    settings = load(environ={"DECISION_SMILE_MODE": mode, "DECISION_SMILE_BASE_URL": url, **KEYS})
    return next(line for line in host_checks(settings) if line.name == "base URL")


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("sandbox.smileapi.io", "sandbox"),
        ("open-sandbox.smileapi.io", "sandbox"),
        ("OPEN-SANDBOX.smileapi.io", "sandbox"),
        ("open.smileapi.io", "production"),
    ],
)
def test_each_host_of_the_vendor_belongs_to_one_mode(host: str, mode: str) -> None:
    """It is in order in its own mode and named in the other, that of the guide as well."""
    assert base_url(mode, host).ok is True
    [other] = {"sandbox", "production"} - {mode}
    found = base_url(other, host)
    assert (found.ok, found.words) == (
        False,
        f"{host.lower()} is of another mode than {other}: unset DECISION_SMILE_BASE_URL",
    )


def test_a_host_that_is_not_the_vendors_belongs_to_any_mode() -> None:
    """A proxy of the operator's own tells nothing."""
    assert base_url("sandbox", "smile.lender.example").ok is True
    assert base_url("production", "smile.lender.example").ok is True
