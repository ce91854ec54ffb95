"""What every part of the service is built on: settings, clock, store, rules and the vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
import structlog
from opentelemetry.trace import Tracer

from decision_service.build import engine_version, install_command, starter_rules
from decision_service.domain.errors import StoreError
from decision_service.domain.ports import Clock
from decision_service.rulebook.acceptance import (
    ReadSigners,
    keep,
    keep_data,
    last_good_folder,
    unacceptable,
    unapproved,
)
from decision_service.rulebook.folder import RuleFolder, RulesFolderMissing, read_rules
from decision_service.rulebook.load import blocked_names, load_rules
from decision_service.rulebook.rulebook import ActiveRules
from decision_service.rules.language.diagnostics import Diagnostic, count, render
from decision_service.runtime.clock import ClockGuard, SystemClock
from decision_service.runtime.config import OFFLINE_KEY, OFFLINE_SECRET
from decision_service.runtime.files import FileWatch
from decision_service.runtime.settings import (
    WIDGET_SCRIPT,
    ConfigError,
    OnRevoke,
    Settings,
    SmileMode,
)
from decision_service.runtime.telemetry import Alarm, raised
from decision_service.server.auth import Authenticator, CallersRefused
from decision_service.server.grpc import Instrumentation, ServerDeps, certificates_of, server_deps
from decision_service.server.metrics import Metrics
from decision_service.server.tls import Certificates, CertificatesRefused
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.steering.journal import PlansUnfit, Rollouts, plan_conflict_problems
from decision_service.steering.reload import REFUSED, warn
from decision_service.store.store import Store

log = structlog.get_logger("decision_service.app.core")
_WIDGET_APIS = {
    SmileMode.SANDBOX: "https://link-sandbox.smileapi.io/v1",
    SmileMode.PRODUCTION: "https://link.smileapi.io/v1",
}


class StartError(Exception):
    """The service cannot start; the message is one sentence, `lines` below it say where."""

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lines = lines


def instrument(settings: Settings, stack: AsyncExitStack) -> Instrumentation:
    """OpenTelemetry as the settings say, ended by the stack; raises StartError."""
    if not settings.opentelemetry:
        return Instrumentation()
    try:
        # of the extra, slow to import
        from decision_service.server.otel import VariableRefused, open_telemetry
    except ModuleNotFoundError as error:
        raise StartError(
            f"DECISION_OPENTELEMETRY=true needs the package of {error.name}, which is not "
            f"installed: {install_command('otel')}"
        ) from None
    try:
        return open_telemetry(engine_version(), stack)
    except VariableRefused as error:
        raise StartError(str(error)) from None


def rules_folder(settings: Settings) -> Path:
    """RULES_DIR; where that is neither set nor there, made-up people get the starter rules."""
    chosen = "rules_dir" in settings.model_fields_set or settings.rules_dir.exists()
    if settings.smile_mode is SmileMode.EMBEDDED and not chosen:
        return starter_rules()
    return settings.rules_dir


def refused_rules(root: Path, problems: Sequence[Diagnostic]) -> StartError:
    return StartError(
        f"the rules in {root} have {count(problems)}: mend them, and try "
        "`decision-service rules check`",
        tuple(map(render, problems)),
    )


def signers_of(settings: Settings, authenticator: Authenticator) -> ReadSigners | None:
    """Reads who may sign rules now; None where signatures are not required."""
    return (lambda: authenticator.signers) if settings.require_approval else None


async def open_rules(
    settings: Settings, root: Path, store: Store, clock: Clock, signers: ReadSigners | None = None
) -> Rollouts:
    """The rules of the folder `root`, or the last good ones where it has mistakes.

    A version that has decided may have changed only with the stand-in, on made-up people. With
    `signers` two of them must have signed what decides.
    Raises StartError with every problem of every file where there never was a good folder.
    """
    edits_used = settings.smile_mode is SmileMode.EMBEDDED
    try:
        blocked = blocked_names(settings)
        folder = read_rules(root)
    except (ConfigError, RulesFolderMissing) as error:
        raise StartError(str(error)) from None
    folder = await keep_data(store, folder)
    loading = load_rules(folder, clock.now(), blocked)
    problems = loading.errors
    if loading.rulebook is not None:
        problems = await unacceptable(
            store, folder, loading.rulebook, now=clock.now(), edits_used=edits_used, signers=signers
        )
    if loading.rulebook is not None and not problems:
        await store.put_texts(loading.texts)
        signed = signers is not None
        try:
            rollouts = await Rollouts.start(store, loading.rulebook, clock, signed=signed)
        except PlansUnfit as unfit:
            problems = plan_conflict_problems(folder, unfit)
        else:
            await keep(store, folder, clock.now())
            warn(loading)
            return rollouts
    return await _last_good(root, blocked, store, bad=problems, clock=clock, signers=signers)


async def _last_good(
    root: Path,
    blocked: frozenset[str],
    store: Store,
    bad: tuple[Diagnostic, ...],
    clock: Clock,
    signers: ReadSigners | None,
) -> Rollouts:
    folder = await last_good_folder(store)
    good = None if folder is None else load_rules(folder, clock.now(), blocked).rulebook
    if (
        good
        and signers
        and folder
        and unapproved(folder, good, folder, signers=signers(), today=None)
    ):
        good = None
    if good is None:
        raise refused_rules(root, bad)
    try:
        rollouts = await Rollouts.start(store, good, clock, signed=signers is not None)
    except PlansUnfit:
        raise refused_rules(root, bad) from None
    for problem in bad:
        log.error(REFUSED, alarm=raised(Alarm.RULES_REFUSED), problem=render(problem))
    rollouts.active_rules.refuse(bad, clock.now())
    return rollouts


class Core(msgspec.Struct, frozen=True):
    """The adapters and the rules that decide; `smile_url` is where applicants' data comes from.

    `widget` are the script and the API of the vendor's widget.
    """

    settings: Settings
    rules_dir: Path
    clock: Clock
    guard: ClockGuard
    deps: ServerDeps
    certificates: Certificates | None
    store: Store
    rollouts: Rollouts
    changed_rules: FileWatch
    source: SmileSource
    smile_url: str
    widget: tuple[str, str]
    instrumentation: Instrumentation

    @property
    def active(self) -> ActiveRules:
        return self.rollouts.active_rules

    @property
    def metrics(self) -> Metrics:
        return self.deps.metrics

    @property
    def read_folder(self) -> Callable[[], RuleFolder]:
        """Reads the rules folder, on the thread of its caller."""
        return partial(read_rules, self.rules_dir)

    @property
    def signers(self) -> ReadSigners | None:
        """Reads who may sign rules; None where signatures are not required."""
        return signers_of(self.settings, self.deps.authenticator)


async def open_core(
    settings: Settings,
    instrumentation: Instrumentation,
    stack: AsyncExitStack,
    *,
    init: bool,
    clock: Clock | None = None,
) -> Core:
    """Open store, rules and vendor, in this order, closed by the stack; raises StartError."""
    clock = clock or SystemClock()
    root = rules_folder(settings)
    changed_rules = FileWatch(root)
    await asyncio.to_thread(engine_version)  # the first call asks git, where there is a checkout
    deps, certificates = _server_deps(settings, clock, instrumentation)
    store = await _open_store(settings, deps.metrics, stack, init=init)
    signers = signers_of(settings, deps.authenticator)
    rollouts = await open_rules(settings, root, store, clock=clock, signers=signers)
    smile_url, widget = await _vendor(settings, clock, stack)
    guard = ClockGuard(clock.now, clock.monotonic)
    guard.recorded(await store.newest_decision())
    source = _source(settings, smile_url, clock, guard=guard, tracer=instrumentation.tracer)
    stack.push_async_callback(source.aclose)
    return Core(
        settings,
        root,
        clock,
        guard=guard,
        deps=deps,
        certificates=certificates,
        store=store,
        rollouts=rollouts,
        changed_rules=changed_rules,
        source=source,
        smile_url=smile_url,
        widget=widget,
        instrumentation=instrumentation,
    )


def _server_deps(
    settings: Settings, clock: Clock, instrumentation: Instrumentation
) -> tuple[ServerDeps, Certificates | None]:
    try:
        deps = server_deps(settings, clock, instrumentation.interceptors)
        return deps, certificates_of(settings)
    except CertificatesRefused as error:
        raise StartError(str(error)) from None
    except CallersRefused as error:
        raise StartError(str(error), tuple(map(render, error.diagnostics))) from None


async def _open_store(
    settings: Settings, metrics: Metrics, stack: AsyncExitStack, *, init: bool
) -> Store:
    try:
        store = await Store.open(
            settings.store_url,
            lease=settings.lease,
            init=init,
            on_commit=metrics.committed,
            journal=settings.erasure_journal,
            erase_decisions=settings.on_revoke is OnRevoke.ERASE_DECISIONS,
            identity_keys=settings.identity_key_file,
            data_keys=settings.data_key_file,
            keep_data_keys=settings.smile_mode is SmileMode.EMBEDDED,
        )
    except StoreError as error:
        raise StartError(str(error)) from None
    stack.push_async_callback(store.aclose)
    if not store.keeps_journal:
        log.warning(
            "erasures are noted nowhere but in the store, so that a restored backup brings erased "
            "data back: set DECISION_ERASURE_JOURNAL to a file or a database apart from it"
        )
    if not store.identity_keys:
        log.warning(
            "second uses of accounts and persons are not found, and rules that ask for them refer: "
            "set DECISION_IDENTITY_KEY_FILE"
        )
    if settings.smile_mode is not SmileMode.EMBEDDED:
        await _warn_of_plain_keys(store)
    return store


async def _warn_of_plain_keys(store: Store) -> None:
    if store.data_keys.newest is None:
        log.warning(
            "whoever has a copy of the database can read its snapshots, as their keys are in it: "
            "set DECISION_DATA_KEY_FILE"
        )
        return
    try:
        others = await store.count_others()
    except StoreError as error:
        raise StartError(str(error)) from None
    if others:
        log.warning(
            "the newest data key does not wrap the keys of all users: once every process has it, "
            "run `decision-service keys data rewrap`",
            users=others,
        )


async def _vendor(
    settings: Settings, clock: Clock, stack: AsyncExitStack
) -> tuple[str, tuple[str, str]]:
    """Where data is read, and the widget's script and API."""
    if settings.smile_mode is not SmileMode.EMBEDDED:
        return settings.base_url, (WIDGET_SCRIPT, _WIDGET_APIS[settings.smile_mode])
    from decision_service.standin.server import embedded  # the one way to it from what serves

    country = settings.embedded_country
    currency = settings.embedded_currency
    standin = embedded((OFFLINE_KEY, OFFLINE_SECRET), country, currency, clock=clock.now)
    return await stack.enter_async_context(standin)


def _source(
    settings: Settings, base_url: str, clock: Clock, guard: ClockGuard, tracer: Tracer
) -> SmileSource:
    key = OFFLINE_KEY
    secret = OFFLINE_SECRET
    if settings.smile_mode is not SmileMode.EMBEDDED:
        key = settings.smile_api_key.get_secret_value()
        secret = settings.smile_api_secret.get_secret_value()
    limits = SmileLimits(
        requests_per_second=settings.smile_requests_per_second,
        first_sync=timedelta(seconds=settings.first_sync_wait),
    )
    return SmileSource(
        base_url, key, secret, clock=clock, limits=limits, tracer=tracer, guard=guard
    )
