"""`preflight`: everything that must be in order before the service goes live, line by line."""

from __future__ import annotations

import ssl
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import msgspec
import typer
from msgspec.structs import replace

from decision_service.app.core import rules_folder
from decision_service.app.vendor import Vendor
from decision_service.cli.client import trusting
from decision_service.cli.options import CaOption
from decision_service.cli.output import (
    ConfigOption,
    Exit,
    Format,
    FormatOption,
    print_json,
    progress_line,
)
from decision_service.cli.webhooks import open_smile, vendor_deadline
from decision_service.domain.errors import ServiceError, StoreError, visible
from decision_service.domain.vendor import Webhook
from decision_service.rollout_running.releases import folder_in_force
from decision_service.rulebook.acceptance import keep_data
from decision_service.rulebook.folder import RuleFolder, RulesFolderMissing, read_rules
from decision_service.rulebook.load import LoadResult, blocked_names, load_rules
from decision_service.rulebook.loosenings import RulesState, loosenings, name_of
from decision_service.rulebook.plans import found_risks
from decision_service.rulebook.rulebook import PlanRisk, Policy, Product, Rulebook
from decision_service.rules.language.diagnostics import Severity, count
from decision_service.runtime.address import is_loopback, split_address
from decision_service.runtime.config import load
from decision_service.runtime.settings import BASE_URLS, OnRevoke, Settings, SmileMode
from decision_service.runtime.tasks import run_async
from decision_service.server.transport.auth import REVIEWERS
from decision_service.server.transport.callers import read_callers_file
from decision_service.server.transport.context import Role
from decision_service.store.engine import PostgresServer, parse_journal, parse_store_url
from decision_service.store.errors import StoreLocked, StoreUrlInvalid
from decision_service.store.store import Store

NOT_ASKED = "looked at once DECISION_SMILE_MODE names a vendor to ask"
MOST_DRIFT = 5.0
"""Seconds by which this machine's clock may differ from the vendor's."""

VENDOR_HOSTS: Mapping[str | None, SmileMode] = {
    **{urlsplit(url).hostname: mode for mode, url in BASE_URLS.items()},
    "open-sandbox.smileapi.io": SmileMode.SANDBOX,
}
"""The mode of each of the vendor's hosts, the host of the vendor's guide among them."""

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """One result; `ok` is None where the check could not be made or is not needed."""

    name: str
    ok: bool | None
    words: str


class FoundRules:
    """The rules of a folder as they are read once."""

    def __init__(self, settings: Settings) -> None:
        self._blocked = blocked_names(settings)
        self.folder = read_rules(rules_folder(settings))
        self.loading = load_rules(self.folder, datetime.now(UTC), self._blocked)

    async def keep(self, store: Store) -> None:
        """Read them as a service on the store does, whose versions keep older files of `_data`."""
        folder = await keep_data(store, self.folder, await folder_in_force(store))
        if folder.kept:
            self.folder = folder
            self.loading = load_rules(folder, datetime.now(UTC), self._blocked)


class StoreState(msgspec.Struct):
    stages: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    rules: RuleFolder | None = None


async def store_check(settings: Settings, rules: FoundRules | str) -> tuple[Check, StoreState]:
    shown = settings.store_url.rpartition("@")[2]
    try:
        # as `serve` would open it, so that a restored backup is erased as it would be
        store = await Store.open(
            settings.store_url,
            journal=settings.erasure_journal,
            erase_decisions=settings.on_revoke is OnRevoke.ERASE_DECISIONS,
            identity_keys=settings.identity_key_file,
            data_keys=settings.data_key_file,
            keep_data_keys=settings.smile_mode is SmileMode.EMBEDDED,
            journal_keys=settings.journal_key_file,
        )
    except StoreLocked:
        used = f"{shown} is in use by a running service"
        return Check("store", True, used), StoreState()
    except StoreError as error:
        return Check("store", False, error.message), StoreState()
    state = await _state(store)
    try:
        await store.releases()  # with the steps of rollouts: verified, as `serve` reads them
        await store.latest()
        if not isinstance(rules, str):
            await rules.keep(store)
        await store.check()
        others = await store.count_others()
    except StoreError as error:
        return Check("store", False, error.message), state
    finally:
        await store.aclose()
    if others:
        words = f"{others} keys of users are to be wrapped: run `decision-service keys data rewrap`"
        return Check("store", False, words), state
    return Check("store", True, f"{shown} can be written"), state


async def _state(store: Store) -> StoreState:
    try:
        steps = await store.latest()
        stages = {name: step.after.go_live.stage for name, step in steps.items()}
        return StoreState(stages, await folder_in_force(store))
    except StoreError:
        return StoreState()


def rules_checks(settings: Settings, state: StoreState, rules: FoundRules | str) -> Iterator[Check]:
    """Whether rules load, begin small, and guard no less than those that decided last."""
    if isinstance(rules, str):
        yield Check("rules", False, rules)
        return
    folder = rules.folder
    loading = rules.loading
    if loading.rulebook is None:
        error = loading.errors[0]
        said = f"{error.file}:{error.line}: {error.message}; {error.hint}".removesuffix("; ")
        words = f"{count(loading.errors)} in {settings.rules_dir}, {said}: see `rules check`"
        yield Check("rules", False, words)
        return
    if settings.require_approval:
        yield Check("approval", True, "two persons confirm each release")
    else:
        todo = "set DECISION_REQUIRE_APPROVAL=true and DECISION_JOURNAL_KEY_FILE"
        yield Check("approval", False, f"a changed folder decides at once: {todo}")
    if state.rules is not None:
        yield _guards(settings, state.rules, folder, rulebook=loading.rulebook)
    yield Check("rules", True, f"{len(loading.rulebook.products)} products load")
    yield from _beyond(settings, loading, state.rules)
    for problem in loading.nothing_listed:
        yield Check("lists", None, f"{problem.message}: {problem.hint}")
    yield from _letters(loading.rulebook)
    yield from retention_checks(settings, loading.rulebook)
    for name, product in sorted(loading.rulebook.products.items()):
        begins = product.plan.go_live.stages.steps[0].name
        reached = (state.stages[name] or begins) if name in state.stages else None
        yield _first_stage(product, reached, loading.rulebook.policy)
        yield from _plan_risks(product, loading.rulebook.policy)


def _beyond(settings: Settings, loading: LoadResult, last: RuleFolder | None) -> Iterator[Check]:
    """Laws not kept, and factors that went; rules that decided last cannot be mended."""
    decided: frozenset[str] = frozenset()
    if last is not None:
        now = datetime.now(UTC)
        before = load_rules(replace(last, manifest=None), now, blocked_names(settings))
        versions = [one.ruleset for one in before.by_version.values() if one.ruleset is not None]
        decided = frozenset(one.digest for one in versions)
    for subject, problems in (
        ("prices", loading.law_problems(decided)),
        ("factors", loading.factor_problems(decided)),
    ):
        for one in problems:
            refused = one.severity is Severity.ERROR
            words = f"{one.file}: {one.message}; {one.hint}"
            yield Check(subject, False if refused else None, words)


def _guards(settings: Settings, last: RuleFolder, folder: RuleFolder, rulebook: Rulebook) -> Check:
    before = load_rules(replace(last, manifest=None), datetime.now(UTC), blocked_names(settings))
    if before.rulebook is None:
        return Check("guards", None, "not compared: what decides does not load now")
    was = RulesState(last, before.rulebook)
    found = [*loosenings(was, RulesState(folder, rulebook))]
    if found:
        words = f"{len(found)} loosenings, the first `{name_of(found[0])}` {found[0].words}"
        return Check("guards", None, f"{words}: those who confirm are asked about each")
    return Check("guards", True, "nothing is looser than in what decides")


def _plan_risks(product: Product, policy: Policy) -> Iterator[Check]:
    name = product.name
    risks = [(one, one.named) for one in found_risks(product, Policy()) if one.named]
    for one, named in risks:
        reason = _own_reason(product, policy, named)
        todo = f"{one.hint}, or accept `{named}` of {name} with your own reason in policy.yaml"
        words = f"accepted: {reason}" if reason else todo
        yield Check("plan", bool(reason), f"{name}: {one.message}; {words}")
    if not risks:
        yield Check("plan", True, f"{name} begins small, with guardrails and caps")


def _own_reason(product: Product, policy: Policy, named: PlanRisk) -> str:
    reason = policy.reason(product.name, named)
    return "" if reason.startswith("The demo ") else reason  # the sample's, which `init` copies


def _letters(rulebook: Rulebook) -> Iterator[Check]:
    samples = ("Sample Lending", "lender.example", "8000 0000")
    good = 0
    for name, product in sorted(rulebook.products.items()):
        for language, texts in sorted(product.notices.items()):
            found = next((one for one in samples if one in f"{texts.lender} {texts.contact}"), "")
            if found:
                words = f"{name}/notices/{language}.yaml has the sample's `{found}`"
                todo = "write your own `lender` and `contact`"
                yield Check("letters", False, f"{words}: {todo}")
            good += not found
    if good:
        yield Check("letters", True, f"{good} name a lender and a contact")


def _first_stage(product: Product, reached: str | None, policy: Policy) -> Check:
    name = product.name
    stages = product.plan.go_live.stages
    stage = stages.initial if reached is None else reached
    known = stage in {step.name for step in stages.steps}
    share = f" ({stages.percent(stage) / 1000:g} %)" if known else ""
    words = f"{name} {'begins' if reached is None else 'is'} at stage {stage}{share}"
    if len(stages.steps) == 1:
        words = f"{words}, its only one: give `go_live` more `stages` in its rollout.yaml"
        return Check("rollout", False, words)
    first = stages.steps[0].name
    accepted = reached is None and _own_reason(product, policy, PlanRisk.FIRST_STAGE)
    if first == stage or accepted:
        return Check("rollout", True, words)
    todo = f"set `initial_stage: {first}` in its rollout.yaml"
    if reached is not None:
        track = "" if product.plan.versions.challenger is None else " --track go-live"
        command = f"decision-service rollout roll-back {name}{track} --why WHY"
        todo = f"run `{command}` until it is at {first}"
    return Check("rollout", False, f"{words}: {todo}")


def mode_check(settings: Settings) -> Check:
    mode = settings.smile_mode
    if mode is SmileMode.EMBEDDED:
        return Check("mode", False, "embedded decides on made-up people: set DECISION_SMILE_MODE")
    return Check("mode", True, f"{mode}")


def host_checks(settings: Settings) -> Iterator[Check]:
    mode = settings.smile_mode
    if mode is SmileMode.EMBEDDED:
        yield from (Check(name, None, NOT_ASKED) for name in ("base URL", "widget"))
        return
    named = urlsplit(settings.base_url).hostname
    if VENDOR_HOSTS.get(named, mode) is not mode:
        words = f"{named} is of another mode than {mode}: unset DECISION_SMILE_BASE_URL"
        yield Check("base URL", False, words)
    else:
        yield Check("base URL", True, f"{settings.base_url}, as {mode} needs it")
    host = urlsplit(settings.widget_api_host).hostname or ""
    wrong = mode is SmileMode.PRODUCTION and "sandbox" in host
    if wrong or (mode is SmileMode.SANDBOX and host == "link.smileapi.io"):
        words = f"{host} is of another mode than {mode}: unset DECISION_WIDGET_API_HOST"
        yield Check("widget", False, words)
    else:
        yield Check("widget", True, f"its script talks to {host or 'the host of the mode'}")


def transport_check(settings: Settings) -> Check:
    loopback = is_loopback(split_address(settings.grpc_address)[0])
    if settings.tls_cert_file is not None:
        who = (
            "known callers"
            if settings.callers_known
            else "every caller: set DECISION_AUTH_TOKENS_FILE"
        )
        return Check("transport", settings.callers_known, f"TLS, for {who}")
    if loopback:
        return Check("transport", None, "this machine only: TLS and tokens are needed beyond it")
    return Check("transport", False, "plaintext beyond this machine: a proxy must add TLS")


def retention_checks(settings: Settings, rulebook: Rulebook) -> Iterator[Check]:
    """How long decisions of each product are kept, and what ends it where something was lent."""
    plain = f"decisions are kept {settings.retention} months"
    longer = max(settings.retention, settings.loan_retention)
    lent = f"with a reported loan until it is closed and {longer} months more"
    for name in sorted(rulebook.products):
        yield Check("retention", True, f"{name}: {plain}, {lent}")


def callers_check(settings: Settings) -> Check:
    """Whether who sends applications is another caller than who ends their reviews."""
    file = settings.auth_tokens_file
    if file is None:
        words = "not told apart, so that who sends an application may end its review"
        return Check("callers", None, f"{words}: set DECISION_AUTH_TOKENS_FILE")
    reading = read_callers_file(file)
    if reading.callers is None:
        words = f"{count(reading.diagnostics)} in {file}: see `tokens check {file}`"
        return Check("callers", False, words)
    roles = reading.callers.roles
    both = [name for name, has in sorted(roles.items()) if Role.DECIDE in has and has & REVIEWERS]
    if not both:
        return Check("callers", True, "none sends applications and ends reviews")
    return Check("callers", None, f"{_both(both, roles)}: give each person a caller of their own")


def _both(names: Sequence[str], roles: Mapping[str, frozenset[Role]]) -> str:
    """What `decide` and `review` of one caller mean, and for whom."""
    who = ", ".join(names)
    verb = "have" if len(names) > 1 else "has"
    words = f"{who} {verb} `decide` and `review`, and may end no review of what they sent"
    others = [name for name, has in roles.items() if name not in names and has & REVIEWERS]
    if len(names) > 1 or others:
        return words
    return f"{words}; no other caller may end one"


def front_check(settings: Settings) -> Check:
    """Names the callers without a certificate: the front's list of addresses is not seen here."""
    if settings.auth_tokens_file is None:
        words = "looked at once DECISION_AUTH_TOKENS_FILE names who calls"
        return Check("front", None, words)
    callers = read_callers_file(settings.auth_tokens_file).callers
    if callers is None:
        return Check("front", False, "the callers file has mistakes: see `tokens check`")
    certified = {one.name for one in callers.certificates.values()}
    named = {token.caller.name for token in callers.tokens}
    named |= {one.name for one in callers.subjects.values()}
    without = sorted(named - certified)
    if not without:
        return Check("front", True, "every caller has a certificate")
    more = f" and {len(without) - 3} more" if len(without) > 3 else ""
    words = (
        f"{', '.join(without[:3])}{more} without a certificate: see that the front's envoy.yaml "
        "lists the addresses they call from, else they have the rate of strangers"
    )
    return Check("front", None, words)


def erasures_check(settings: Settings) -> Check:
    words = "a restored backup would bring erased data back: set DECISION_ERASURE_JOURNAL"
    try:
        place = parse_journal(settings.erasure_journal) if settings.erasure_journal else None
        store = parse_store_url(settings.store_url)
    except StoreUrlInvalid as error:
        return Check("erasures", False, error.message)
    if not isinstance(place, PostgresServer):
        file = None if place is None else place.path
        return _beside_the_store("erasures", "noted", file, settings=settings, without=words)
    shown = place.shown.rpartition("@")[2]
    if isinstance(store, PostgresServer) and place.server == store.server:
        words = f"noted in {shown}, on the store's server: never restore that server as a whole"
        return Check("erasures", None, words)
    return Check("erasures", True, f"noted in {shown}")


def identity_keys_check(settings: Settings) -> Check:
    words = "second uses cannot be found and shipped rules refer: set DECISION_IDENTITY_KEY_FILE"
    return _beside_the_store(
        "identity keys", "kept", settings.identity_key_file, settings=settings, without=words
    )


def data_keys_check(settings: Settings) -> Check:
    words = "a copy of the database shows applicants' data: set DECISION_DATA_KEY_FILE"
    if settings.data_key_file is None and settings.smile_mode is not SmileMode.EMBEDDED:
        return Check("data keys", False, words)
    return _beside_the_store(
        "data keys", "kept", settings.data_key_file, settings=settings, without=words
    )


def _beside_the_store(
    name: str, verb: str, file: Path | None, settings: Settings, without: str
) -> Check:
    if file is not None:
        return Check(name, True, f"{verb} in {file}")
    if settings.store_url.startswith("sqlite:"):
        words = f"{verb} in the folder of the SQLite file: keep both out of one backup"
        return Check(name, None, words)
    return Check(name, False, without)


async def clock_check(settings: Settings) -> Check:
    keys = (settings.smile_api_key.get_secret_value(), settings.smile_api_secret.get_secret_value())
    url = f"{settings.base_url}/providers?size=1"
    try:
        async with httpx2.AsyncClient(auth=keys, timeout=_SECONDS, trust_env=False) as client:
            answer = await client.get(url)
    except httpx2.HTTPError:
        return Check("vendor", False, f"{settings.base_url} cannot be reached")
    if answer.status_code != httpx2.codes.OK:
        return Check("vendor", False, f"it answers HTTP {answer.status_code}: check the key pair")
    given = answer.headers.get("date")
    if given is None:
        return Check("clock", None, "the vendor's answer holds no date to compare with")
    drift = abs((parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    words = f"{drift:.0f} s from the vendor's"
    if drift > MOST_DRIFT:
        return Check("clock", False, f"{words}: at most {MOST_DRIFT:.0f} s, so run NTP")
    return Check("clock", True, words)


async def vendor_checks(
    settings: Settings, source: Vendor, trusted: ssl.SSLContext | bool
) -> AsyncIterator[Check]:
    """Keys and webhooks; the service's own address is verified by `trusted`."""
    try:
        yield await _keys(settings, source)
        yield await _webhooks(settings, source, trusted)
    except ServiceError as error:
        yield Check("vendor", False, error.message)


async def _keys(settings: Settings, source: Vendor) -> Check:
    """Whether the key pair belongs to the mode; a link token shows the key pair's mode."""
    user_id = await source.enrolment.any_user(vendor_deadline())
    if user_id is None:
        return Check("keys", None, "taken; their mode shows with the first applicant")
    token = await source.enrolment.link_token(user_id, vendor_deadline())
    wanted = settings.smile_mode.value.upper()
    if token.mode.upper() == wanted:
        return Check("keys", True, f"taken, and of mode {token.mode}")
    return Check("keys", False, f"are of mode {token.mode} and the service runs as {wanted}")


def _is_sent(hooks: Sequence[Webhook], kind: str) -> bool:
    return any(hook.sends(kind) for hook in hooks)


async def _webhooks(settings: Settings, source: Vendor, trusted: ssl.SSLContext | bool) -> Check:
    if not settings.secrets_of_webhooks:
        return Check("webhooks", None, "off: without them every decision reads the vendor")
    path = source.events.path
    hooks = [one for one in await source.webhooks.list(vendor_deadline()) if one.url.endswith(path)]
    lacking = [one for one in source.events.types if not _is_sent(hooks, one)]
    if lacking:
        words = f"{len(lacking)} needed events are not sent to {path}: see `webhooks register`"
        return Check("webhooks", False, words)
    found = {hook.url: await _status(hook.url, trusted) for hook in hooks}
    refused = [url for url, status in found.items() if status != httpx2.codes.UNAUTHORIZED]
    if refused:
        return Check("webhooks", False, f"{refused[0]} does not answer as the service does")
    return Check("webhooks", True, f"registered and reached at {hooks[0].url}")


async def _status(url: str, trusted: ssl.SSLContext | bool) -> int:
    """The HTTP status of an address for an unsigned event; 0 without an answer."""
    try:
        async with httpx2.AsyncClient(verify=trusted, timeout=_SECONDS, trust_env=False) as client:
            return (await client.post(url, content=b"{}")).status_code
    except httpx2.HTTPError:
        return 0


def preflight(
    config: ConfigOption = None,
    tls_ca: CaOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Each line says that it is in order, or what to do."""
    settings = load(config)
    lines = []
    for one in _lines(settings, trusting(tls_ca)):
        lines.append(one)
        if form is not Format.JSON:
            mark = {True: "ok  ", False: "DO  ", None: "–   "}[one.ok]
            sys.stdout.write(visible(f"{mark}{one.name:<13} {one.words}\n"))
            sys.stdout.flush()
    if form is Format.JSON:
        print_json([{"name": one.name, "ok": one.ok, "words": one.words} for one in lines])
    if any(one.ok is False for one in lines):
        raise typer.Exit(Exit.FINDINGS)


def _lines(settings: Settings, trusted: ssl.SSLContext | bool) -> Sequence[Check]:
    progress_line(f"Reading the rules in {rules_folder(settings)} …")
    return run_async(_all(settings, trusted, found_rules(settings)))


def found_rules(settings: Settings) -> FoundRules | str:
    """The rules, or why there are none."""
    try:
        return FoundRules(settings)
    except RulesFolderMissing as error:
        return str(error)


async def _all(
    settings: Settings, trusted: ssl.SSLContext | bool, rules: FoundRules | str
) -> list[Check]:
    lines = [mode_check(settings), *host_checks(settings), transport_check(settings)]
    lines.append(callers_check(settings))
    lines.append(front_check(settings))
    progress_line("Opening the store …")
    store, state = await store_check(settings, rules)
    lines += [*rules_checks(settings, state, rules), store, erasures_check(settings)]
    lines += [identity_keys_check(settings), data_keys_check(settings)]
    if settings.smile_mode is not SmileMode.EMBEDDED:
        progress_line(f"Asking {settings.base_url} …")
        lines.append(await clock_check(settings))
        async with open_smile(settings) as source:
            lines += [line async for line in vendor_checks(settings, source, trusted)]
    else:
        lines += [Check(name, None, NOT_ASKED) for name in ("clock", "keys", "webhooks")]
    return lines
