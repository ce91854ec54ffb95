"""`config`: what is set, from where, whether `serve` could use it, and a file to begin with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decision_service.app.core import refused_rules, rules_folder
from decision_service.cli.output import CommandError, Format, print_json, print_or_check, read_text
from decision_service.domain.errors import visible
from decision_service.rulebook.folder import RulesFolderMissing, read_rules
from decision_service.rulebook.load import blocked_problem, load_rules
from decision_service.rules.language.diagnostics import render
from decision_service.runtime.config import Reading, SampleForm, read, sample
from decision_service.runtime.settings import Settings, env_name
from decision_service.server.pages.connect import PageRefused, page_files
from decision_service.server.transport.auth import Authenticator, CallersRefused
from decision_service.server.transport.grpc import certificates_of
from decision_service.server.transport.tls import CertificatesRefused
from decision_service.store.engine import SqliteFile, parse_journal, parse_store_url
from decision_service.store.errors import StoreRefused
from decision_service.store.keys import DATA_KEYS, IDENTITY_KEYS, KeyFile
from decision_service.store.seals import JOURNAL_KEYS


def file_problems(reading: Reading) -> Iterator[str]:
    """A sentence for each setting whose file or folder cannot be used; nothing is written."""
    settings = reading.settings
    if settings is None:
        return
    yield from _of_tls(settings)
    try:
        Authenticator(settings.auth_tokens_file, lambda: datetime.now(UTC))
    except CallersRefused as error:
        yield str(error)
        yield from map(render, error.diagnostics)
    yield from _of_rules(settings)
    yield from _of_store(settings)
    try:
        page_files(settings)
    except PageRefused as error:
        yield str(error)


def _of_tls(settings: Settings) -> Iterator[str]:
    try:
        certificates = certificates_of(settings)
    except CertificatesRefused as error:
        yield str(error)
        return
    if certificates is not None and certificates.expires <= datetime.now(UTC):
        name = env_name("tls_cert_file")
        day = f"{certificates.expires:%Y-%m-%d}"
        yield f"{name} ({settings.tls_cert_file}) expired on {day}: replace the certificate"


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
    yield from _of_keys(JOURNAL_KEYS, settings.journal_key_file)
    if not settings.erasure_journal:
        return
    try:
        place = parse_journal(settings.erasure_journal)
    except StoreRefused as error:
        yield error.message
        return
    # `serve` makes the file where it is missing, but not its folder.
    if isinstance(place, SqliteFile) and not place.path.parent.is_dir():
        name = env_name("erasure_journal")
        yield f"{name} ({place.shown}) has no folder to be in: make {place.path.parent}"


def _of_keys(keys: KeyFile[Any], file: Path | None) -> Iterator[str]:
    try:
        if file is not None:
            keys.read(file)
    except StoreRefused as error:
        yield f"{keys.setting}: {error.message}"


def check(config: Path | None, form: Format) -> None:
    if config is not None:
        read_text(config, "name the YAML file of settings, or leave --config out")
    reading = read(config)
    problems = (*reading.problems, *file_problems(reading))
    if form is Format.JSON:
        lines = [{"name": o.name, "value": o.value, "from": o.where} for o in reading.lines()]
        print_json({"settings": lines, "problems": list(problems)})
    else:
        _print(reading)
    if problems:
        first, *others = problems
        raise CommandError(first, lines=tuple(others))


def print_sample(sample_form: str, expected: Path | None) -> None:
    print_or_check(
        sample(SampleForm(sample_form)),
        expected,
        "the sample that the settings give",
        command=f"decision-service config sample --format {sample_form}",
    )


def _print(reading: Reading) -> None:
    rows = [(line.name, line.value or "–", line.where) for line in reading.lines()]
    first = max(len(row[0]) for row in rows)
    second = max(len(row[1]) for row in rows)
    for name, value, where in rows:
        sys.stdout.write(visible(f"{name:<{first}}  {value:<{second}}  {where}\n"))
