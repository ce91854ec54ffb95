"""`preflight`: everything that must be in order before the service goes live, line by line."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from decision_service.cli.errors import Exit
from decision_service.cli.loop import run_async
from decision_service.cli.output import Format, FormatOption, print_json
from decision_service.cli.serve import ConfigOption
from decision_service.cli.vendor import soon, vendor
from decision_service.config import (
    BASE_URLS,
    OnRevoke,
    Settings,
    SmileMode,
    is_loopback,
    load,
    split_address,
)
from decision_service.domain.errors import ServiceError, StoreError
from decision_service.edge.http.webhooks import PATH
from decision_service.language.diagnostics import count
from decision_service.pipeline.rules.loading import load_rules
from decision_service.pipeline.rules.rulebook import Product
from decision_service.pipeline.snapshots.events import NEEDED_TYPES
from decision_service.pipeline.trial.rule_tests import failures
from decision_service.smile.source import SmileSource
from decision_service.storage.errors import StoreLocked
from decision_service.storage.rules_folder.files import RulesFolderMissing, read_rules
from decision_service.storage.store import Store

MOST_DRIFT = 5.0
"""Seconds by which this machine's clock may differ from the vendor's."""

VENDOR_HOSTS: Mapping[str | None, SmileMode] = {
    **{urlsplit(url).hostname: mode for mode, url in BASE_URLS.items()},
    "open-sandbox.smileapi.io": SmileMode.SANDBOX,
}
"""The vendor's hosts by the mode that they belong to, the one of its guide among them."""

_SECONDS = 10.0
_NOT_ASKED = "looked at once DECISION_SMILE_MODE names a vendor to ask"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at; `ok` None says that it could not be, or need not be."""

    name: str
    ok: bool | None
    words: str


def preflight(config: ConfigOption = None, form: FormatOption = Format.TABLE) -> None:
    """Say of everything that going live needs whether it is in order, or what to do."""
    settings = load(config)
    lines = run_async(_all(settings))
    if form is Format.JSON:
        print_json([{"name": one.name, "ok": one.ok, "words": one.words} for one in lines])
    else:
        for one in lines:
            mark = {True: "ok  ", False: "DO  ", None: "–   "}[one.ok]
            sys.stdout.write(f"{mark}{one.name:<11}{one.words}\n")
    if any(one.ok is False for one in lines):
        sys.exit(Exit.FINDINGS)


async def _all(settings: Settings) -> list[Line]:
    lines = [_mode(settings), *host_lines(settings), _transport(settings)]
    store, stages = await _store(settings)
    lines += [*_rules(settings, stages), store, _erasures(settings)]
    if settings.smile_mode is not SmileMode.EMBEDDED:
        lines.append(await _clock(settings))
        async with vendor(settings) as source:
            lines += [line async for line in _vendor(settings, source)]
    else:
        lines += [Line(name, None, _NOT_ASKED) for name in ("clock", "keys", "webhooks")]
    return lines


def _mode(settings: Settings) -> Line:
    mode = settings.smile_mode
    if mode is SmileMode.EMBEDDED:
        return Line("mode", False, "embedded decides on made-up people: set DECISION_SMILE_MODE")
    return Line("mode", True, f"{mode}")


def host_lines(settings: Settings) -> Iterator[Line]:
    """Whether the vendor's two hosts belong to the mode."""
    mode = settings.smile_mode
    if mode is SmileMode.EMBEDDED:
        yield from (Line(name, None, _NOT_ASKED) for name in ("base URL", "widget"))
        return
    named = urlsplit(settings.base_url).hostname
    if VENDOR_HOSTS.get(named, mode) is not mode:
        words = f"{named} is of another mode than {mode}: unset DECISION_SMILE_BASE_URL"
        yield Line("base URL", False, words)
    else:
        yield Line("base URL", True, f"{settings.base_url}, as {mode} needs it")
    host = urlsplit(settings.widget_api_host).hostname or ""
    wrong = mode is SmileMode.PRODUCTION and "sandbox" in host
    if wrong or (mode is SmileMode.SANDBOX and host == "link.smileapi.io"):
        words = f"{host} is of another mode than {mode}: unset DECISION_WIDGET_API_HOST"
        yield Line("widget", False, words)
    else:
        yield Line("widget", True, f"its script talks to {host or 'the host of the mode'}")


def _transport(settings: Settings) -> Line:
    loopback = is_loopback(split_address(settings.grpc_address)[0])
    if settings.tls_cert_file is not None:
        who = (
            "known callers" if settings.callers_known else "anybody: set DECISION_AUTH_TOKENS_FILE"
        )
        return Line("transport", settings.callers_known, f"TLS, for {who}")
    if loopback:
        return Line("transport", None, "this machine only: TLS and tokens are needed beyond it")
    return Line("transport", False, "plaintext beyond this machine: a proxy must add TLS")


def _rules(settings: Settings, stages: Mapping[str, str | None]) -> Iterator[Line]:
    try:
        folder = read_rules(settings.rules_dir)
    except RulesFolderMissing as error:
        yield Line("rules", False, str(error))
        return
    loading = load_rules(folder, datetime.now(UTC), settings.blocked)
    if loading.rulebook is None:
        words = f"{count(loading.errors)} in {settings.rules_dir}: see `rules check`"
        yield Line("rules", False, words)
        return
    failed = failures(folder, loading.rulebook)
    if failed:
        yield Line("rules", False, f"{len(failed)} of their tests fail: see `rules test`")
    else:
        yield Line("rules", True, f"{len(loading.rulebook.products)} products, tests passed")
    for name, product in sorted(loading.rulebook.products.items()):
        first = product.plan.go_live.stages.steps[0].name
        yield _first_stage(name, product, (stages[name] or first) if name in stages else None)


async def _stages(store: Store) -> Mapping[str, str | None]:
    """The stage that each rollout has reached; nothing of a store that cannot be read."""
    try:
        return {name: step.after.go_live.stage for name, step in (await store.latest()).items()}
    except StoreError:
        return {}


def _first_stage(name: str, product: Product, reached: str | None) -> Line:
    """Whether a rollout is at its first stage: as the store says, else as its plan begins."""
    stages = product.plan.go_live.stages
    stage = stages.initial if reached is None else reached
    known = stage in {step.name for step in stages.steps}
    share = f" ({stages.percent(stage) / 1000:g} %)" if known else ""
    words = f"{name} {'begins' if reached is None else 'is'} at stage {stage}{share}"
    if len(stages.steps) == 1:
        return Line("rollout", False, f"{words}, its only one: give its plan stages")
    if stages.steps[0].name == stage:
        return Line("rollout", True, words)
    todo = "begin at the first" if reached is None else f"`rollout roll-back {name}` to the first"
    return Line("rollout", False, f"{words}: {todo}")


async def _opened(settings: Settings) -> Store:
    """The store as `serve` would open it, so that a restored backup is erased as it would be."""
    return await Store.open(
        settings.store_url,
        journal=settings.erasure_journal,
        erase_decisions=settings.on_revoke is OnRevoke.ERASE_DECISIONS,
    )


async def _store(settings: Settings) -> tuple[Line, Mapping[str, str | None]]:
    """Whether the store can be written, and the stages that rollouts have reached in it."""
    shown = settings.store_url.rpartition("@")[2]
    try:
        store = await _opened(settings)
    except StoreLocked:
        return Line("store", True, f"{shown} is in use by a running service"), {}
    except StoreError as error:
        return Line("store", False, error.message), {}
    stages = await _stages(store)
    try:
        await store.check()
    except StoreError as error:
        return Line("store", False, error.message), stages
    finally:
        await store.aclose()
    return Line("store", True, f"{shown} can be written"), stages


def _erasures(settings: Settings) -> Line:
    """Whether erasures are noted apart from the store."""
    if settings.erasure_journal is not None:
        return Line("erasures", True, f"noted in {settings.erasure_journal}")
    if settings.store_url.startswith("sqlite:"):
        return Line("erasures", None, "noted beside the SQLite file: keep both out of one backup")
    words = "a restored backup would bring erased data back: set DECISION_ERASURE_JOURNAL"
    return Line("erasures", False, words)


async def _clock(settings: Settings) -> Line:
    """Whether the vendor answers our keys, and whether its clock and ours agree."""
    keys = (settings.smile_api_key.get_secret_value(), settings.smile_api_secret.get_secret_value())
    url = f"{settings.base_url}/providers?size=1"
    try:
        async with httpx.AsyncClient(auth=keys, timeout=_SECONDS, trust_env=False) as client:
            answer = await client.get(url)
    except httpx.HTTPError:
        return Line("vendor", False, f"{settings.base_url} cannot be reached")
    if answer.status_code != httpx.codes.OK:
        return Line("vendor", False, f"it answers HTTP {answer.status_code}: check the key pair")
    given = answer.headers.get("date")
    if given is None:
        return Line("clock", None, "the vendor's answer holds no date to compare with")
    drift = abs((parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    words = f"{drift:.0f} s beside the vendor's"
    if drift > MOST_DRIFT:
        return Line("clock", False, f"{words}: at most {MOST_DRIFT:.0f} s, so run NTP")
    return Line("clock", True, words)


async def _vendor(settings: Settings, source: SmileSource) -> AsyncIterator[Line]:
    try:
        yield await _keys(settings, source)
        yield await _webhooks(settings, source)
    except ServiceError as error:
        yield Line("vendor", False, error.message)


async def _keys(settings: Settings, source: SmileSource) -> Line:
    """Whether the key pair belongs to the mode, which the mode of a token tells."""
    user_id = await source.enrolment.anybody(soon())
    if user_id is None:
        return Line("keys", None, "taken; their mode shows with the first applicant")
    token = await source.enrolment.link_token(user_id, soon())
    wanted = settings.smile_mode.value.upper()
    if token.mode.upper() == wanted:
        return Line("keys", True, f"taken, and of mode {token.mode}")
    return Line("keys", False, f"are of mode {token.mode} and the service runs as {wanted}")


async def _webhooks(settings: Settings, source: SmileSource) -> Line:
    if not settings.secrets_of_webhooks:
        return Line("webhooks", None, "off: without them every decision reads the vendor")
    hooks = [one for one in await source.webhooks.list(soon()) if one.url.endswith(PATH)]
    lacking = [one for one in NEEDED_TYPES if not any(hook.sends(one) for hook in hooks)]
    if lacking:
        words = f"{len(lacking)} needed events are not sent to {PATH}: see `webhooks register`"
        return Line("webhooks", False, words)
    refused = [hook.url for hook in hooks if await _status(hook.url) != httpx.codes.UNAUTHORIZED]
    if refused:
        return Line("webhooks", False, f"{refused[0]} does not answer as the service does")
    return Line("webhooks", True, f"registered and reached at {hooks[0].url}")


async def _status(url: str) -> int:
    """How an address answers an event that nobody signed."""
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
            return (await client.post(url, content=b"{}")).status_code
    except httpx.HTTPError:
        return 0
