"""`preflight`: everything that must be in order before the service goes live, line by line."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from decision_service.cli.client.options import CaOption, trusting
from decision_service.cli.display.output import Format, FormatOption, print_json
from decision_service.cli.errors import Exit
from decision_service.cli.loop import run_async
from decision_service.cli.numbers import seconds
from decision_service.cli.server.options import ConfigOption
from decision_service.cli.server.preflight.check import NOT_ASKED, PreflightCheck
from decision_service.cli.server.preflight.rules import rules_checks, slow_checks
from decision_service.cli.server.preflight.settings import (
    data_keys_check,
    erasures_check,
    host_checks,
    identity_keys_check,
    metrics_check,
    mode_check,
    transport_check,
)
from decision_service.cli.server.preflight.store import store_check
from decision_service.cli.server.preflight.vendor import clock_check, vendor_checks
from decision_service.cli.server.vendor import open_smile
from decision_service.config import Settings, SmileMode, load
from decision_service.domain.errors import visible

_PROVE_SECONDS = 300.0


def preflight(
    config: ConfigOption = None,
    tls_ca: CaOption = None,
    prove: Annotated[
        bool,
        typer.Option("--prove/--no-prove", help="prove guarantees, count figures"),
    ] = True,
    timeout: Annotated[
        float, seconds("the time limit of all proofs, such as 300s", "--prove-timeout")
    ] = _PROVE_SECONDS,
    form: FormatOption = Format.TABLE,
) -> None:
    """Check everything that going live needs.

    Each line says that it is in order, or what to do.
    """
    settings = load(config)
    lines = []
    for one in _lines(settings, trusting(tls_ca), timeout if prove else None):
        lines.append(one)
        if form is not Format.JSON:
            mark = {True: "ok  ", False: "DO  ", None: "–   "}[one.ok]
            sys.stdout.write(visible(f"{mark}{one.name:<13} {one.words}\n"))
            sys.stdout.flush()
    if form is Format.JSON:
        print_json([{"name": one.name, "ok": one.ok, "words": one.words} for one in lines])
    if any(one.ok is False for one in lines):
        raise typer.Exit(Exit.FINDINGS)


def _lines(
    settings: Settings, trusted: ssl.SSLContext | bool, prove_seconds: float | None
) -> Iterator[PreflightCheck]:
    """Every line; what is proved comes last, since it takes minutes."""
    yield from run_async(_all(settings, trusted))
    if prove_seconds is not None:
        yield from slow_checks(settings, prove_seconds)


async def _all(settings: Settings, trusted: ssl.SSLContext | bool) -> list[PreflightCheck]:
    lines = [mode_check(settings), *host_checks(settings), transport_check(settings)]
    lines.append(metrics_check(settings))
    store, state = await store_check(settings)
    lines += [*rules_checks(settings, state), store, erasures_check(settings)]
    lines += [identity_keys_check(settings), data_keys_check(settings)]
    if settings.smile_mode is not SmileMode.EMBEDDED:
        lines.append(await clock_check(settings))
        async with open_smile(settings) as source:
            lines += [line async for line in vendor_checks(settings, source, trusted)]
    else:
        lines += [PreflightCheck(name, None, NOT_ASKED) for name in ("clock", "keys", "webhooks")]
    return lines
