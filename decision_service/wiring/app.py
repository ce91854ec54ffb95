"""The composition root: the only place that names the service's concrete classes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial

import grpc
import msgspec
import structlog
from starlette.routing import BaseRoute

from decision_service.clock_ids import Ids, SystemClock
from decision_service.config import (
    OFFLINE_KEY,
    OFFLINE_SECRET,
    OnRevoke,
    Settings,
    SmileMode,
    split_address,
)
from decision_service.domain.errors import StoreError
from decision_service.edge.http.app import build_app as build_http
from decision_service.edge.http.server import served
from decision_service.edge.metrics import Metrics
from decision_service.edge.readings import (
    of_agreement,
    of_limits,
    of_process,
    of_rollouts,
    of_rules,
    of_vendor,
)
from decision_service.edge.rpc import server as rpc
from decision_service.edge.rpc.authenticator import CallersRefused
from decision_service.edge.rpc.mapping.decision import ProtoReplyEncoder
from decision_service.edge.rpc.server_deps import ServerDeps, certificates_of, server_deps
from decision_service.edge.rpc.services.applicants import ApplicantUseCases
from decision_service.edge.rpc.services.decisions import UseCases
from decision_service.edge.rpc.services.rollouts import RolloutUseCases
from decision_service.edge.rpc.services.rulesets import RulesetUseCases
from decision_service.edge.tls import AddressInUse, Certificates, CertificatesRefused
from decision_service.failpoints import armed
from decision_service.file_watch import FileWatch
from decision_service.language.diagnostics import render
from decision_service.pipeline.applicants.onboarding import OnboardApplicants
from decision_service.pipeline.applicants.status import LookAtApplicants
from decision_service.pipeline.decide.decide import DecideApplication
from decision_service.pipeline.decide.run import Deps
from decision_service.pipeline.operations.clock_guard import ClockGuard
from decision_service.pipeline.operations.replica_check import Agreement
from decision_service.pipeline.operations.retention import Retention
from decision_service.pipeline.ports import Filter, StoredEntry
from decision_service.pipeline.records.read import ReadDecisions
from decision_service.pipeline.records.replay import ReplayDecision
from decision_service.pipeline.rollout.counters import Counters
from decision_service.pipeline.rollout.event_counters import EventCounters
from decision_service.pipeline.rollout.figures import ShowFigures
from decision_service.pipeline.rollout.guardrails.watch import GuardrailWatch, Watcher
from decision_service.pipeline.rollout.observer import RolloutObserver
from decision_service.pipeline.rollout.operate import OperateRollouts
from decision_service.pipeline.rollout.pairs.compare import CompareVersions
from decision_service.pipeline.rollout.pairs.shadow import Shadows
from decision_service.pipeline.rollout.reload import ReloadRules
from decision_service.pipeline.rules.active import ActiveRules
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.compilation import CompilationThread
from decision_service.pipeline.trial.dry_run import TryRules, ValidateRules
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.storage.rules_folder.files import read_rules
from decision_service.storage.store import Store
from decision_service.supervision import Supervisor
from decision_service.telemetry import LogQueue
from decision_service.wiring.background import BackgroundTasks
from decision_service.wiring.connect import connect_page
from decision_service.wiring.rules import RulesUnusable, StartRules, open_rules
from decision_service.wiring.snapshots import warmth

log = structlog.get_logger("decision_service.wiring.app")


class StartError(Exception):
    """The service cannot start; the message is one sentence, `lines` below it say where."""

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lines = lines


class Service(msgspec.Struct):
    """A started service; `smile_url` is where applicants' data comes from."""

    settings: Settings
    shelf: ActiveRules
    deps: ServerDeps
    certificates: Certificates | None
    rpc: rpc.RpcServer
    http_url: str
    smile_url: str
    store_name: str
    _stack: AsyncExitStack

    @property
    def address(self) -> str:
        """host:port as clients reach it."""
        host, _ = split_address(self.settings.grpc_address)
        return f"{host}:{self.rpc.port}"

    def loaded(self) -> Iterator[tuple[str, list[tuple[int, CompiledRuleset]]]]:
        """Each product with its versions."""
        for name, product in sorted(self.shelf.current().products.items()):
            yield name, sorted(product.versions.items())

    async def stop(self) -> None:
        """Stop taking calls, let those in progress finish, then close vendor and store."""
        log.info("stopping")
        await self.rpc.stop(self.settings.drain_seconds, self.settings.drain_grace)
        await self._stack.aclose()
        log.info("stopped")

    async def hurry(self, seconds: float) -> None:
        """While `stop` goes on: leave calls in progress so many seconds and no more."""
        await self.rpc.hurry(seconds)


async def start(
    settings: Settings,
    log_lines: LogQueue | None = None,
    *,
    init: bool = False,
    interceptors: Sequence[grpc.ServerInterceptor] = (),
) -> Service:
    """Start everything, in order; raises StartError with what to do, nothing left running.

    `log_lines` is where the log goes, for the count of dropped lines. `init` lets a new store begin
    where one is missing that was there once.
    `interceptors` stand around the gRPC server's own, outermost first.
    """
    if armed():
        log.critical("failpoints are armed, this is a test", points=armed())
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        changed_rules = FileWatch(settings.rules_dir)
        deps, certificates = _deps(settings, clock, tuple(interceptors))
        metrics, supervisor = deps.metrics, Supervisor(clock.monotonic)
        store = await _open_store(settings, metrics, stack, init=init)
        rules = await _open_rules(settings, store, clock)
        shelf, rollouts = rules.shelf, rules.rollouts
        event_counters = EventCounters(metrics.registry)
        smile_url = await _smile_url(settings, clock, stack)
        source = _source(settings, smile_url, clock)
        stack.push_async_callback(source.aclose)
        read = partial(read_rules, settings.rules_dir)
        reload = ReloadRules(
            read,
            shelf,
            rollouts,
            store,
            clock,
            settings.blocked,
            edits_used=settings.smile_mode is SmileMode.EMBEDDED,
        )
        guardrails = GuardrailWatch(Watcher(shelf, rollouts, store, clock, event_counters))
        process = uuid.uuid4().hex
        agreement = Agreement(store, shelf.current, clock, process)
        counters = Counters(store, clock, process)
        shadows = Shadows(store, clock, event_counters, counters.idle)
        stack.push_async_callback(counters.flush)
        stack.push_async_callback(shadows.aclose)
        warm = warmth(settings, source, store, shelf.current, clock, metrics.registry)
        onboard = OnboardApplicants(source.enrolment, store, clock)
        observer = RolloutObserver(
            counters, shadows, lambda product: rollouts.latest(product).position
        )
        thread = CompilationThread()
        archive = RulesetArchive(store, shelf.current, thread)
        services = rpc.Services(
            decisions=_use_cases(
                Deps(
                    source,
                    store,
                    store,
                    ProtoReplyEncoder(),
                    clock,
                    Ids(),
                    store.leases,
                    None if warm is None else warm.shelf,
                ),
                shelf,
                deps,
                observer,
                await _last_record(store),
                archive,
            ),
            rulesets=RulesetUseCases(
                shelf,
                TryRules(source, store, clock, shelf.current),
                ValidateRules(read, settings.blocked, clock, thread),
                store,
                clock,
                agreement,
            ),
            rollouts=RolloutUseCases(
                OperateRollouts(rollouts, shelf, store, clock),
                ShowFigures(guardrails, store),
                CompareVersions(store, store, archive, shelf.current),
                lambda: shelf.status,
                clock,
            ),
            applicants=ApplicantUseCases(onboard, LookAtApplicants(source.enrolment, clock), clock),
        )
        store.on_erase(services.decisions.decide.forget)
        pages = [*connect_page(settings, smile_url, onboard, clock)]
        pages += warm.receiver.routes() if warm else ()
        server, http_url = await _listen(
            settings, deps, certificates, services, pages, lambda: shelf.status.remarks, stack
        )
        server.serving(yes=True)
        stack.push_async_callback(supervisor.aclose)
        BackgroundTasks(
            server, deps, certificates, source, store, changed_rules, reload, clock
        ).start(supervisor)
        if warm is not None:
            warm.start(supervisor)
        for name, work in (
            ("rollouts", rollouts.keep_up),
            ("guardrails", guardrails.run),
            ("counters", counters.run),
            ("shadows", shadows.run),
            ("agreement", agreement.run),
            ("retention", Retention(store, clock, settings.decision_retention).run),
        ):
            supervisor.supervise(name, work)
        metrics.read(
            partial(of_vendor, source),
            partial(of_rules, shelf),
            partial(of_agreement, agreement),
            partial(of_rollouts, rollouts),
            partial(of_limits, deps.limits, server.calls),
            lambda: of_process(supervisor.restarts, log_lines.dropped if log_lines else 0),
        )
        return Service(
            settings=settings,
            shelf=shelf,
            deps=deps,
            certificates=certificates,
            rpc=server,
            http_url=http_url,
            smile_url=smile_url,
            store_name=settings.store_url.rpartition("@")[2],
            _stack=stack.pop_all(),
        )
    raise AssertionError("unreachable")  # pragma: no cover - the block returns or raises


async def _listen(
    settings: Settings,
    deps: ServerDeps,
    certificates: Certificates | None,
    services: rpc.Services,
    pages: Sequence[BaseRoute],
    remarks: Callable[[], Sequence[str]],
    stack: AsyncExitStack,
) -> tuple[rpc.RpcServer, str]:
    """Both edges, not yet SERVING; raises StartError where an address is taken."""
    listening = rpc.Listening(
        settings.grpc_address,
        deps,
        certificates,
        settings.reflection,
        shares_port=settings.reuse_port,
    )
    try:
        server = await rpc.start(listening, services)
        stack.push_async_callback(server.stop, 0.0, 0.0)
        app = build_http(deps.metrics, lambda: server.is_serving, pages, remarks)
        http = served(settings.http_address, app, certificates)
        return server, await stack.enter_async_context(http)
    except AddressInUse as error:
        raise StartError(str(error)) from None


async def _open_rules(settings: Settings, store: Store, clock: SystemClock) -> StartRules:
    try:
        return await open_rules(
            settings.rules_dir,
            settings.blocked,
            store,
            clock,
            edits_used=settings.smile_mode is SmileMode.EMBEDDED,
        )
    except RulesUnusable as error:
        raise StartError(str(error), error.lines) from None


def _deps(
    settings: Settings,
    clock: SystemClock,
    further: tuple[grpc.ServerInterceptor, ...],
) -> tuple[ServerDeps, Certificates | None]:
    try:
        deps = server_deps(settings, clock.monotonic, further)
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
        )
    except StoreError as error:
        raise StartError(str(error)) from None
    stack.push_async_callback(store.aclose)
    if not store.keeps_journal:
        log.warning(
            "erasures are noted nowhere but in the store, so that a restored backup brings erased "
            "data back: set DECISION_ERASURE_JOURNAL to a file apart from it"
        )
    return store


async def _smile_url(settings: Settings, clock: SystemClock, stack: AsyncExitStack) -> str:
    if settings.smile_mode is not SmileMode.EMBEDDED:
        return settings.base_url
    from decision_service.simulator.server import build_app, serve  # only where it plays the vendor

    app = build_app(api_key=OFFLINE_KEY, api_secret=OFFLINE_SECRET, clock=clock.now)
    return await stack.enter_async_context(serve(app))


def _source(settings: Settings, base_url: str, clock: SystemClock) -> SmileSource:
    key, secret = OFFLINE_KEY, OFFLINE_SECRET
    if settings.smile_mode is not SmileMode.EMBEDDED:
        key = settings.smile_api_key.get_secret_value()
        secret = settings.smile_api_secret.get_secret_value()
    limits = SmileLimits(requests_per_second=settings.smile_requests_per_second)
    return SmileSource(base_url, key, secret, clock, limits=limits, fetch=settings.smile_fetch)


async def _last_record(store: Store) -> ClockGuard:
    newest = await store.list(Filter(), None, 1)
    return ClockGuard(newest[0].created if newest else None)


def _use_cases(
    ports: Deps,
    shelf: ActiveRules,
    deps: ServerDeps,
    observer: RolloutObserver,
    last: ClockGuard,
    archive: RulesetArchive,
) -> UseCases:
    reading = ReadDecisions(ports.log, archive)

    def count(entry: StoredEntry, arm: str) -> None:
        deps.metrics.decided(entry.product, entry.outcome.value, arm)

    return UseCases(
        decide=DecideApplication(
            ports, shelf.current, observer, last, bulkhead=deps.limits.work, on_recorded=count
        ),
        read=reading,
        replay=ReplayDecision(ports.log, reading, archive, shelf.current),
        clock=ports.clock,
    )
