"""What the settings show: mode, hosts, transport, the place of erasures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from decision_service.cli.server.preflight.check import NOT_ASKED, PreflightCheck
from decision_service.config import (
    BASE_URLS,
    Settings,
    SmileMode,
    is_loopback,
    split_address,
)
from decision_service.storage.address import PostgresServer, parse_journal, parse_store_url
from decision_service.storage.errors import StoreUrlInvalid

VENDOR_HOSTS: Mapping[str | None, SmileMode] = {
    **{urlsplit(url).hostname: mode for mode, url in BASE_URLS.items()},
    "open-sandbox.smileapi.io": SmileMode.SANDBOX,
}
"""The mode of each of the vendor's hosts, the host of the vendor's guide among them."""


def mode_check(settings: Settings) -> PreflightCheck:
    """Whether the service decides on real applicants."""
    mode = settings.smile_mode
    if mode is SmileMode.EMBEDDED:
        return PreflightCheck(
            "mode", False, "embedded decides on made-up people: set DECISION_SMILE_MODE"
        )
    return PreflightCheck("mode", True, f"{mode}")


def host_checks(settings: Settings) -> Iterator[PreflightCheck]:
    """Whether the vendor's two hosts belong to the mode."""
    mode = settings.smile_mode
    if mode is SmileMode.EMBEDDED:
        yield from (PreflightCheck(name, None, NOT_ASKED) for name in ("base URL", "widget"))
        return
    named = urlsplit(settings.base_url).hostname
    if VENDOR_HOSTS.get(named, mode) is not mode:
        words = f"{named} is of another mode than {mode}: unset DECISION_SMILE_BASE_URL"
        yield PreflightCheck("base URL", False, words)
    else:
        yield PreflightCheck("base URL", True, f"{settings.base_url}, as {mode} needs it")
    host = urlsplit(settings.widget_api_host).hostname or ""
    wrong = mode is SmileMode.PRODUCTION and "sandbox" in host
    if wrong or (mode is SmileMode.SANDBOX and host == "link.smileapi.io"):
        words = f"{host} is of another mode than {mode}: unset DECISION_WIDGET_API_HOST"
        yield PreflightCheck("widget", False, words)
    else:
        yield PreflightCheck(
            "widget", True, f"its script talks to {host or 'the host of the mode'}"
        )


def transport_check(settings: Settings) -> PreflightCheck:
    """Whether connections are encrypted and callers known."""
    loopback = is_loopback(split_address(settings.grpc_address)[0])
    if settings.tls_cert_file is not None:
        who = (
            "known callers" if settings.callers_known else "anybody: set DECISION_AUTH_TOKENS_FILE"
        )
        return PreflightCheck("transport", settings.callers_known, f"TLS, for {who}")
    if loopback:
        return PreflightCheck(
            "transport", None, "this machine only: TLS and tokens are needed beyond it"
        )
    return PreflightCheck("transport", False, "plaintext beyond this machine: a proxy must add TLS")


def metrics_check(settings: Settings) -> PreflightCheck:
    """Whether applicants, who reach the connect page, are kept from the metrics."""
    if settings.admin_address:
        return PreflightCheck("metrics", True, f"at {settings.admin_address} alone")
    at, setting = f"/metrics is at {settings.http_address}", "set DECISION_ADMIN_ADDRESS"
    if is_loopback(split_address(settings.http_address)[0]):
        words = f"{at}, as is the connect page: {setting} where a proxy leads there"
        return PreflightCheck("metrics", None, words)
    words = f"{at}, where applicants reach it as well: {setting} to one that they do not reach"
    return PreflightCheck("metrics", False, words)


def erasures_check(settings: Settings) -> PreflightCheck:
    """Whether erasures are noted apart from the store."""
    words = "a restored backup would bring erased data back: set DECISION_ERASURE_JOURNAL"
    try:
        place = parse_journal(settings.erasure_journal) if settings.erasure_journal else None
        store = parse_store_url(settings.store_url)
    except StoreUrlInvalid as error:
        return PreflightCheck("erasures", False, error.message)
    if not isinstance(place, PostgresServer):
        return _beside_the_store("erasures", "noted", place, settings, words)
    shown = place.shown.rpartition("@")[2]
    if isinstance(store, PostgresServer) and place.server == store.server:
        words = f"noted in {shown}, on the store's server: never restore that server as a whole"
        return PreflightCheck("erasures", None, words)
    return PreflightCheck("erasures", True, f"noted in {shown}")


def identity_keys_check(settings: Settings) -> PreflightCheck:
    """Whether second uses of accounts and names can be found, in every process by the same keys."""
    words = "second uses cannot be found and shipped rules refer: set DECISION_IDENTITY_KEY_FILE"
    return _beside_the_store("identity keys", "kept", settings.identity_key_file, settings, words)


def data_keys_check(settings: Settings) -> PreflightCheck:
    """Whether a copy of the database alone shows no applicant's data."""
    words = "a copy of the database shows applicants' data: set DECISION_DATA_KEY_FILE"
    if settings.data_key_file is None and settings.smile_mode is not SmileMode.EMBEDDED:
        return PreflightCheck("data keys", False, words)
    return _beside_the_store("data keys", "kept", settings.data_key_file, settings, words)


def _beside_the_store(
    name: str, verb: str, file: Path | None, settings: Settings, without: str
) -> PreflightCheck:
    """A file that SQLite has beside it where none is named, and that PostgreSQL needs."""
    if file is not None:
        return PreflightCheck(name, True, f"{verb} in {file}")
    if settings.store_url.startswith("sqlite:"):
        words = f"{verb} beside the SQLite file: keep both out of one backup"
        return PreflightCheck(name, None, words)
    return PreflightCheck(name, False, without)
