"""Whether the files that settings name are there and can be used, as `serve` would read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decision_service.config import Reading, Settings, env_name
from decision_service.edge.http.connect.refused import PageRefused
from decision_service.edge.rpc.authenticator import Authenticator, CallersRefused
from decision_service.edge.rpc.server_deps import certificates_of
from decision_service.edge.tls import CertificatesRefused
from decision_service.language.diagnostics import render
from decision_service.pipeline.rules.checks.blocked import blocked_problem
from decision_service.pipeline.rules.loading import load_rules
from decision_service.storage.address import parse_journal, parse_store_url
from decision_service.storage.errors import StoreRefused
from decision_service.storage.privacy.data_keys import DATA_KEYS
from decision_service.storage.privacy.identity_keys import IDENTITY_KEYS
from decision_service.storage.privacy.key_files import KeyFile
from decision_service.storage.rules_folder.files import RulesFolderMissing, read_rules
from decision_service.wiring.connect import lender_of
from decision_service.wiring.rules import refused_rules, rules_folder


def file_problems(reading: Reading) -> Iterator[str]:
    """A sentence for each setting whose file or folder cannot be used; nothing is written."""
    settings = reading.settings
    if settings is None:
        return
    yield from _of_tls(settings)
    yield from _of_callers(settings)
    yield from _of_rules(settings)
    yield from _of_store(settings)
    yield from _of_connect_page(settings)


def _of_tls(settings: Settings) -> Iterator[str]:
    try:
        certificates = certificates_of(settings)
    except CertificatesRefused as error:
        yield str(error)
        return
    if certificates is not None and certificates.expires <= datetime.now(UTC):
        name, day = env_name("tls_cert_file"), f"{certificates.expires:%Y-%m-%d}"
        yield f"{name} ({settings.tls_cert_file}) expired on {day}: replace the certificate"


def _of_callers(settings: Settings) -> Iterator[str]:
    try:
        Authenticator(settings.auth_tokens_file, lambda: datetime.now(UTC))
    except CallersRefused as error:
        yield str(error)
        yield from map(render, error.diagnostics)


def _of_rules(settings: Settings) -> Iterator[str]:
    if (problem := blocked_problem(settings.blocked)) is not None:
        yield problem
    root = rules_folder(settings)
    try:
        loading = load_rules(read_rules(root), datetime.now(UTC), settings.blocked)
    except RulesFolderMissing as error:
        yield str(error)
        return
    if loading.errors:
        refused = refused_rules(root, loading.errors)
        yield from (str(refused), *refused.lines)


def _of_store(settings: Settings) -> Iterator[str]:
    try:
        parse_store_url(settings.store_url)
    except StoreRefused as error:
        yield error.message
    yield from _of_keys(IDENTITY_KEYS, settings.identity_key_file)
    yield from _of_keys(DATA_KEYS, settings.data_key_file)
    try:
        place = parse_journal(settings.erasure_journal)
    except StoreRefused as error:
        yield error.message
        return
    if settings.erasure_journal and isinstance(place, Path):
        yield from _of_folder("erasure_journal", place)


def _of_connect_page(settings: Settings) -> Iterator[str]:
    try:
        lender_of(settings)
    except PageRefused as error:
        yield str(error)


def _of_keys(keys: KeyFile[Any], file: Path | None) -> Iterator[str]:
    try:
        if file is not None:
            keys.read(file)
    except StoreRefused as error:
        yield f"{keys.setting}: {error.message}"


def _of_folder(setting: str, path: Path) -> Iterator[str]:
    """`serve` makes the file where it is missing, but not its folder."""
    if not path.parent.is_dir():
        yield f"{env_name(setting)} ({path}) has no folder to be in: make {path.parent}"
