"""The use cases behind each service, with rollouts, reviews, snapshots and the connect page."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

import msgspec
from starlette.routing import BaseRoute

from decision_service import __version__
from decision_service.app.core import Core, StartError
from decision_service.casework.applicant_status import ReadApplicantStatus
from decision_service.casework.letters import Notices
from decision_service.casework.onboarding import LinkToken, OnboardApplicants
from decision_service.casework.outcomes import ListOutcomes, RecordOutcome, ReportWatch
from decision_service.casework.recourse import FindRecourse
from decision_service.casework.review_log import QueueWatch
from decision_service.casework.review_results import ReadReviewChain
from decision_service.casework.reviews import DecideAgain, MakeFinal, OperateReviews
from decision_service.casework.subject_access import AccessTerms, ExportPerson
from decision_service.decide.decide import DecideApplication, Deps
from decision_service.decide.dry_run import TryRules, ValidateRules
from decision_service.decide.events import ReceiveEvents
from decision_service.decide.history import ReadHistory
from decision_service.decide.refresh import (
    SWEEP_PACE,
    SWEEP_SECONDS,
    EventWorker,
    RefreshApplicants,
    sweep,
)
from decision_service.decide.replay import ReadDecisions, ReplayDecision
from decision_service.decide.snapshots import Ages, SnapshotCache
from decision_service.outbox.sender import Sender
from decision_service.outbox.subscriptions import read_subscriptions
from decision_service.rollout_running.compare import Shadows
from decision_service.rollout_running.counters import Counters, EventCounters, RolloutObserver
from decision_service.rollout_running.figures import ShowFigures
from decision_service.rollout_running.guardrails import GuardrailWatch
from decision_service.rollout_running.operate import OperateRollouts
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.replica_check import ReplicaCheck
from decision_service.rules.language.diagnostics import Report, render
from decision_service.runtime.clock import Ids
from decision_service.runtime.settings import VENDOR_LIMIT, OnRevoke, env_name, names_of
from decision_service.runtime.tasks import Tasks
from decision_service.runtime.telemetry import counter
from decision_service.server.pages.connect import (
    ConnectPage,
    LinkTokenEndpoints,
    PageRefused,
    connect_routes,
    language_of,
)
from decision_service.server.services import (
    applicants,
    decisions,
    events,
    notices,
    outcomes,
    reviews,
    rollouts,
    rulesets,
    status,
)
from decision_service.server.services.releases import ReleaseCalls
from decision_service.server.services.status import ReviewMetrics
from decision_service.server.transport.grpc import Services
from decision_service.server.transport.webhooks import WebhookReceiver
from decision_service.store.erasure import Retention

RENEW_SECONDS = 5.0
"""How long the page waits for another link token."""


class ReviewParts(msgspec.Struct, frozen=True):
    servicer: reviews.ReviewServicer
    again: DecideAgain
    final: MakeFinal
    watch: QueueWatch

    @property
    def tasks(self) -> Tasks:
        return {
            "reviews": self.again.run,
            "review_results": self.final.run,
            "review_queues": self.watch.run,
        }


def wire_reviews(core: Core, read: ReadDecisions, decide: DecideApplication) -> ReviewParts:
    log = core.store.reviews
    clock = core.clock
    metrics = ReviewMetrics(core.metrics.registry)
    again = DecideAgain(log, read, decide, clock=clock, observer=metrics)
    current = core.active.current
    operate = OperateReviews(
        log, read, current, clock=clock, new_id=Ids(), wake=again.wake, observer=metrics
    )
    servicer = reviews.ReviewServicer(operate, clock, core.deps.authenticator.is_reviewer)
    final = MakeFinal(log, clock, metrics)
    return ReviewParts(servicer, again, final, watch=QueueWatch(log, clock))


class RolloutParts(msgspec.Struct, frozen=True):
    guardrails: GuardrailWatch
    replica_check: ReplicaCheck
    observer: RolloutObserver
    tasks: Tasks


def wire_rollouts(core: Core, stack: AsyncExitStack) -> RolloutParts:
    """The parts; what they have not written when the service stops is written by the stack."""
    store = core.store
    clock = core.clock
    active = core.active
    rollouts = core.rollouts
    process = uuid.uuid4().hex
    events = EventCounters(core.metrics.registry)
    counters = Counters(store, clock, process)
    shadows = Shadows(store, clock, events, idle=counters.idle)
    stack.push_async_callback(counters.flush)
    guardrails = GuardrailWatch(rollouts, store, clock, counters=events)
    check = ReplicaCheck(store.report, active.current, clock, name=process, program=__version__)
    retention = Retention(
        store.expire,
        store.forget_ended,
        clock,
        months=core.settings.retention,
        loan_months=core.settings.loan_retention,
        confirmed=lambda: core.guard.agrees,
    )
    observer = RolloutObserver(
        counters,
        shadows.offer,
        lambda product: rollouts.latest(product).position,
        events=events,
        count=core.metrics.decided,
    )
    tasks = {
        "guardrails": guardrails.run,
        "counters": counters.run,
        "shadows": shadows.run,
        "agreement": check.run,
        "retention": retention.run,
        "reports": ReportWatch(store, clock, core.settings.report_within).run,
    }
    return RolloutParts(guardrails, check, observer, tasks=tasks)


class SnapshotParts(msgspec.Struct, frozen=True):
    """`receiver` is what the HTTP edge serves."""

    cache: SnapshotCache
    receiver: WebhookReceiver
    worker: EventWorker
    tasks: Tasks


def wire_snapshots(core: Core) -> SnapshotParts | None:
    """None while no webhook secret is set: without events a change of data is not noticed."""
    settings = core.settings
    store = core.store
    registry = core.metrics.registry
    secrets = settings.secrets_of_webhooks
    if not secrets:
        return None
    refresh = RefreshApplicants(core.source, store, core.active.current, clock=core.clock)
    worker = EventWorker(store, refresh, core.clock, registry=registry)
    receive = ReceiveEvents(store, core.clock, worker.notify, nudge=core.source.nudge)
    # Of all processes that share the vendor's limit, so that together they ask for one a second.
    pace = SWEEP_PACE * max(1.0, VENDOR_LIMIT / settings.smile_requests_per_second)

    async def sweeps() -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await sweep(store, refresh, worker.listener, pace=pace)

    cache = SnapshotCache(store, Ages(*settings.ages))
    receiver = WebhookReceiver(receive, core.source.events, secrets, registry=registry)
    return SnapshotParts(cache, receiver, worker, tasks={"events": worker.run, "sweep": sweeps})


def wire_sender(core: Core) -> Sender:
    """Raises StartError where the file of subscriptions has mistakes."""
    path = core.settings.events_file
    report = Report()
    every = [] if path is None else read_subscriptions(path, report)
    if report.failed:
        wrong = f"{env_name('events_file')}: the subscriptions {path} have mistakes"
        raise StartError(wrong, tuple(map(render, report.diagnostics())))
    return Sender(core.store.outbox, every, core.clock, registry=core.metrics.registry)


class ServiceParts(msgspec.Struct, frozen=True):
    """What answers the methods of each service, and what else is built on the use cases."""

    services: Services
    reviews: ReviewParts
    events: Sender
    onboard: OnboardApplicants


async def wire_services(
    core: Core, rolling: RolloutParts, snapshots: SnapshotParts | None
) -> ServiceParts:
    """The use cases of all services; an erased user leaves the caches of deciding."""
    store = core.store
    clock = core.clock
    active = core.active
    current = core.active.current
    thread = CompilationThread()
    archive = RulesetArchive(store, current, thread)
    history = ReadHistory(store, store.identity_keys, core.settings.report_within)
    decide = _deciding(core, rolling, snapshots, history=history)
    store.on_erase(decide.forget)
    read = ReadDecisions(store, archive)
    recourse = FindRecourse(archive)
    parts = wire_reviews(core, read, decide)
    log = store.reviews
    follow = events.Follow(store.outbox, lambda: core.deps.health.stopping)
    letters = Notices(
        read,
        store.notices,
        current,
        clock=clock,
        recourse=recourse,
        reviews_of=log.of_decision,
        kept_months=max(core.settings.retention, core.settings.loan_retention),
        look_minutes=0 if snapshots is None else int(SWEEP_SECONDS // 60),
    )
    onboard = OnboardApplicants(core.source.enrolment, store, clock)
    drawn = counter(
        core.metrics.registry,
        "outcomes_overdrawn",
        "Reports that brought what was paid out on a decision above what was approved",
    )
    services: Services = {
        decisions.SERVICE: decisions.DecisionServicer(
            decide,
            read,
            ReplayDecision(store, read, archive, rulebook=current),
            recourse=recourse,
            clock=clock,
            chain=ReadReviewChain(log, store, clock),
            letters=store.notices.of_decision,
        ),
        rulesets.SERVICE: rulesets.RulesetServicer(
            active,
            TryRules(core.source, store, clock, rulebook=current, history=history),
            ValidateRules(core.read_folder, core.settings.blocked, clock, thread=thread),
            log=store,
            clock=clock,
            replica_check=rolling.replica_check,
            releases=ReleaseCalls(
                core.releases,
                clock,
                core.deps.authenticator.roles_of,
                persons_only=core.deps.authenticator.knows_persons,
                programs=lambda: rolling.replica_check.programs,
                means=core.settings.means_to_confirm,
            ),
        ),
        rollouts.SERVICE: rollouts.RolloutServicer(
            OperateRollouts(core.rollouts, store, clock),
            ShowFigures(rolling.guardrails),
            status=lambda: active.status,
        ),
        applicants.SERVICE: _applicants(core, onboard),
        outcomes.SERVICE: outcomes.OutcomeServicer(
            RecordOutcome(
                read,
                store,
                archive,
                clock=clock,
                reviews_of=log.of_decision,
                on_overdrawn=drawn.inc,
            ),
            ListOutcomes(read, store),
        ),
        notices.SERVICE: notices.NoticeServicer(letters, clock),
        reviews.SERVICE: parts.servicer,
        status.SERVICE: status.StatusServicer(
            core.settings,
            core.deps.health,
            active,
            replica_check=rolling.replica_check,
            vendor=lambda: core.source.status,
            guard=core.guard,
            certificates=core.certificates,
            authenticator=core.deps.authenticator,
            queues=parts.watch,
            waiting_events=store.waiting_events,
        ),
        events.SERVICE: events.EventServicer(store.outbox, follow, clock),
    }
    return ServiceParts(services, parts, wire_sender(core), onboard=onboard)


def _deciding(
    core: Core, rolling: RolloutParts, snapshots: SnapshotParts | None, history: ReadHistory
) -> DecideApplication:
    store = core.store
    deps = Deps(
        core.source,
        store,
        store,
        encoder=decisions.ProtoReplyEncoder(),
        clock=core.clock,
        new_id=Ids(),
        leases=store.leases,
        history=history,
        warm=None if snapshots is None else snapshots.cache,
        tracer=core.instrumentation.tracer,
    )
    return DecideApplication(
        deps,
        core.active.current,
        rolling.observer,
        clock_guard=core.guard,
        bulkhead=core.deps.limits.work,
    )


def _applicants(core: Core, onboard: OnboardApplicants) -> applicants.ApplicantServicer:
    enrolment = core.source.enrolment
    store = core.store
    clock = core.clock
    settings = core.settings
    terms = AccessTerms(
        settings.retention,
        settings.loan_retention,
        erases_decisions=settings.on_revoke is OnRevoke.ERASE_DECISIONS,
    )
    return applicants.ApplicantServicer(
        onboard,
        ReadApplicantStatus(
            enrolment, store, clock, rulebook=core.active.current, providers=core.source.providers
        ),
        clock,
        links=applicants.ConnectLinks(
            settings.connect_base,
            settings.return_origins,
            partial(_of_types, core),
            offered=partial(_offered, core),
            language_of=language_of,
        ),
        export=ExportPerson(
            store.subject_access, store, applicants.disclosed_reply, terms=terms, clock=clock
        ),
    )


def _of_types(core: Core, types: Collection[str]) -> Sequence[str]:
    """The providers of some types that the widget may show; none where none are known."""
    return _offered(core, [one.id for one in core.source.providers() if one.type in types])


def _offered(core: Core, ids: Collection[str]) -> Sequence[str]:
    """Those of some providers that the widget may show."""
    allowed = names_of(core.settings.connect_providers)
    return [one for one in ids if not allowed or one in allowed]


def _provider_names(core: Core) -> Mapping[str, str]:
    """What people call the providers that the rules' data names, by id."""
    names: dict[str, str] = {}
    for _, product in sorted(core.active.current().products.items()):
        known = product.champion.needs.policy.provider_types
        names |= {one.id: one.name for one in known.values() if one.name}
    return names


def connect_page(core: Core, onboard: OnboardApplicants) -> list[BaseRoute]:
    """The page's routes; raises StartError where one of the page's files cannot be used."""

    async def renew(token: str) -> LinkToken | None:
        return await onboard.renew(token, core.clock.monotonic() + RENEW_SECONDS)

    tokens = LinkTokenEndpoints(renew, onboard.opens, core.metrics.registry)
    try:
        page = ConnectPage(core.settings, *core.widget, partial(_provider_names, core))
    except PageRefused as error:
        raise StartError(str(error)) from None
    return connect_routes(page, tokens)
