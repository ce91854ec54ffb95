"""What every part of the service is built on: settings, clock, store, rules and the vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import msgspec
import structlog

from decision_service import __version__
from decision_service.app.vendor import OpenVendor, Vendor, open_vendor
from decision_service.build import engine_version, install_command, starter_rules
from decision_service.domain.errors import ReleaseRefused, StoreError
from decision_service.domain.ports import Clock
from decision_service.rollout_running.journal import Rollouts
from decision_service.rollout_running.releases import (
    REFUSED,
    FolderRefused,
    OperateReleases,
    ReleaseTerms,
    refuse,
)
from decision_service.rulebook.folder import RuleFolder, RulesFolderMissing, read_rules
from decision_service.rulebook.load import blocked_names
from decision_service.rulebook.rulebook import ActiveRules, Rulebook
from decision_service.rules.language.diagnostics import Diagnostic, count, render
from decision_service.runtime.clock import ClockGuard, SystemClock
from decision_service.runtime.files import FileWatch
from decision_service.runtime.settings import (
    ConfigError,
    OnRevoke,
    Settings,
    SmileMode,
)
from decision_service.runtime.telemetry import Alarm, raised
from decision_service.server.transport.auth import CallersRefused
from decision_service.server.transport.grpc import (
    Instrumentation,
    ServerDeps,
    certificates_of,
    server_deps,
)
from decision_service.server.transport.metrics import Metrics
from decision_service.server.transport.tls import Certificates, CertificatesRefused
from decision_service.store.replicas import LEASE_SECONDS
from decision_service.store.store import Store

log = structlog.get_logger("decision_service.app.core")


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
        from decision_service.server.transport.otel import VARIABLE_REFUSED, open_telemetry
    except ModuleNotFoundError as error:
        raise StartError(
            f"DECISION_OPENTELEMETRY=true needs the package of {error.name}, which is not "
            f"installed: {install_command('otel')}"
        ) from None
    try:
        return open_telemetry(engine_version(), stack)
    except VARIABLE_REFUSED as error:
        raise StartError(f"a variable of OpenTelemetry cannot be used: {error}") from None


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


async def open_rules(settings: Settings, root: Path, store: Store, clock: Clock) -> OperateReleases:
    """The release in force, after the folder `root` was offered; without one nothing is decided.

    A version that has decided may have changed only with the stand-in, on made-up people. Raises
    StartError where what is in force does not load, and where nothing is and the folder has
    mistakes, with every problem of every file.
    """
    try:
        blocked = blocked_names(settings)
    except ConfigError as error:
        raise StartError(str(error)) from None
    terms = ReleaseTerms(
        two_persons=settings.require_approval,
        one_narrows=settings.one_person_narrows,
        blocked=blocked,
        edits_used=settings.smile_mode is SmileMode.EMBEDDED,
        program=__version__,
    )
    rollouts = Rollouts(store, ActiveRules(Rulebook(), clock.now()), clock, latest={})
    releases = OperateReleases(store, rollouts, clock, terms=terms)
    problems: tuple[Diagnostic, ...] = ()
    lacking = ""
    # Without two persons a good folder takes the place of one that this program cannot load.
    if settings.require_approval:
        await _take_over(releases, root)
    try:
        await releases.offer(await asyncio.to_thread(read_rules, root))
    except FolderRefused as refused:
        problems = refused.problems
    except (RulesFolderMissing, ReleaseRefused) as error:
        lacking = str(error)
    await _take_over(releases, root)
    # With two persons the rules that were offered wait for them: to start without any is no fault.
    if not releases.decides and not settings.require_approval:
        raise StartError(lacking) if lacking else refused_rules(root, problems)
    if problems:
        refuse(rollouts.active_rules, problems, clock.now())
    elif lacking:
        log.error(REFUSED, alarm=raised(Alarm.RULES_REFUSED), problem=lacking)
    return releases


async def _take_over(releases: OperateReleases, root: Path) -> None:
    """Take over what is in force; raises StartError."""
    try:
        await releases.start()
    except FolderRefused as refused:
        raise refused_rules(root, refused.problems) from None
    except StoreError as error:
        raise StartError(str(error)) from None


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
    releases: OperateReleases
    changed_rules: FileWatch
    source: Vendor
    smile_url: str
    widget: tuple[str, str]
    instrumentation: Instrumentation

    @property
    def rollouts(self) -> Rollouts:
        return self.releases.rollouts

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


async def open_core(
    settings: Settings,
    instrumentation: Instrumentation,
    stack: AsyncExitStack,
    *,
    init: bool,
    clock: Clock | None = None,
    vendor: Vendor | None = None,
    lease: float = LEASE_SECONDS,
) -> Core:
    """Open store, rules and vendor, in this order, closed by the stack; raises StartError.

    `vendor` takes the place of that which the settings ask for. A process that hangs keeps what it
    decides from the others for `lease` seconds.
    """
    clock = clock or SystemClock()
    root = rules_folder(settings)
    changed_rules = FileWatch(root)
    # The first call asks git, where there is a checkout.
    await asyncio.to_thread(engine_version)
    deps, certificates = _server_deps(settings, clock, instrumentation)
    store = await _open_store(settings, deps.metrics, stack, lease=lease, init=init)
    releases = await open_rules(settings, root, store, clock=clock)
    guard = ClockGuard(clock.now, clock.monotonic)
    # A clock behind the newest record is doubtful, which a start would forget.
    guard.recorded(await store.newest_decision())
    if vendor is None:
        tracer = instrumentation.tracer
        opened = await open_vendor(settings, clock, guard, tracer=tracer, stack=stack)
    else:
        opened = OpenVendor(vendor, "", ("", ""))
    return Core(
        settings,
        root,
        clock,
        guard=guard,
        deps=deps,
        certificates=certificates,
        store=store,
        releases=releases,
        changed_rules=changed_rules,
        source=opened.vendor,
        smile_url=opened.url,
        widget=opened.widget,
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
    settings: Settings, metrics: Metrics, stack: AsyncExitStack, *, lease: float, init: bool
) -> Store:
    try:
        store = await Store.open(
            settings.store_url,
            lease=lease,
            init=init,
            on_commit=metrics.committed,
            journal=settings.erasure_journal,
            erase_decisions=settings.on_revoke is OnRevoke.ERASE_DECISIONS,
            identity_keys=settings.identity_key_file,
            data_keys=settings.data_key_file,
            # A key that the service puts next to a real database would be stolen with it.
            keep_data_keys=settings.smile_mode is SmileMode.EMBEDDED,
            journal_keys=settings.journal_key_file,
        )
    except StoreError as error:
        raise StartError(str(error)) from None
    stack.push_async_callback(store.aclose)
    if not store.keeps_journal:
        log.warning(
            "erasures are noted nowhere but in the store, so that a restored backup brings erased "
            "data back: set DECISION_ERASURE_JOURNAL to the URL of a journal apart from it"
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
