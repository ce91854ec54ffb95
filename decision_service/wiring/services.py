"""The use cases behind each gRPC service."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from decision_service.clock_ids import Ids
from decision_service.config import OnRevoke
from decision_service.config.onboarding import names_of
from decision_service.domain.verdict import Verdict
from decision_service.edge.rpc.mapping.connect_links import ConnectLinks
from decision_service.edge.rpc.mapping.decisions.decision import ProtoReplyEncoder
from decision_service.edge.rpc.mapping.subject_access import disclosed_reply
from decision_service.edge.rpc.server import Services
from decision_service.edge.rpc.services.applicants import ApplicantUseCases
from decision_service.edge.rpc.services.clock import ClockUseCases
from decision_service.edge.rpc.services.decisions import UseCases
from decision_service.edge.rpc.services.notices import NoticeUseCases
from decision_service.edge.rpc.services.outcomes import OutcomeUseCases
from decision_service.edge.rpc.services.rollouts import RolloutUseCases
from decision_service.edge.rpc.services.rulesets import RulesetUseCases
from decision_service.pipeline.applicants.onboarding import OnboardApplicants
from decision_service.pipeline.applicants.status import ReadApplicantStatus
from decision_service.pipeline.decide.decide import DecideApplication
from decision_service.pipeline.decide.run import Deps
from decision_service.pipeline.history.read import ReadHistory
from decision_service.pipeline.notices.make import NoticeDeps, Notices
from decision_service.pipeline.operations.clock_guard import ClockGuard
from decision_service.pipeline.operations.operate_clock import OperateClock
from decision_service.pipeline.outcomes.read import ListOutcomes
from decision_service.pipeline.outcomes.record import RecordOutcome
from decision_service.pipeline.ports import StoredEntry
from decision_service.pipeline.records.read import ReadDecisions
from decision_service.pipeline.records.recourse import FindRecourse
from decision_service.pipeline.records.replay import ReplayDecision
from decision_service.pipeline.reviews.chain import ReadReviewChain
from decision_service.pipeline.rollout.figures import ShowFigures
from decision_service.pipeline.rollout.operate import OperateRollouts
from decision_service.pipeline.rollout.pairs.compare import CompareVersions
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.compilation import CompilationThread
from decision_service.pipeline.subject_access.about import AccessTerms
from decision_service.pipeline.subject_access.export import ExportPerson
from decision_service.pipeline.trial.dry_run import TryRules, ValidateRules
from decision_service.wiring.core import Core
from decision_service.wiring.reviews import ReviewWiring, wire_reviews
from decision_service.wiring.rollouts import RolloutWiring
from decision_service.wiring.snapshots import SnapshotWiring


async def wire_services(
    core: Core,
    rollouts: RolloutWiring,
    snapshots: SnapshotWiring | None,
) -> tuple[Services, ReviewWiring]:
    """The use cases of all services, and reviews; an erased user leaves the caches of deciding."""
    thread = CompilationThread()
    archive = RulesetArchive(core.store, core.active.current, thread)
    guard = await ClockGuard.open(core.store)
    history = ReadHistory(core.store, core.store.identity_keys)
    decide = _deciding(core, rollouts, snapshots, guard, history)
    decisions = _decisions(core, decide, archive)
    core.store.on_erase(decisions.decide.forget)
    validate = ValidateRules(core.read_folder, core.settings.blocked, core.clock, thread)
    reviews = wire_reviews(core, decisions.read, decide)
    services = Services(
        decisions=decisions,
        rulesets=_rulesets(core, rollouts, validate, history),
        rollouts=_rollouts(core, rollouts, archive),
        applicants=_applicants(core),
        outcomes=OutcomeUseCases(
            RecordOutcome(decisions.read, core.store, archive, core.clock),
            ListOutcomes(decisions.read, core.store),
        ),
        notices=NoticeUseCases(
            _notices(core, decisions),
            core.clock,
        ),
        clock=ClockUseCases(OperateClock(guard, core.store, core.source, core.clock), core.clock),
        reviews=reviews.use_cases,
    )
    return services, reviews


def _notices(core: Core, decisions: UseCases) -> Notices:
    store, current, recourse = core.store, core.active.current, decisions.recourse
    reviews_of = store.reviews.of_decision
    deps = NoticeDeps(decisions.read, store.notices, current, core.clock, recourse, reviews_of)
    return Notices(deps)


def _deciding(
    core: Core,
    rollouts: RolloutWiring,
    snapshots: SnapshotWiring | None,
    guard: ClockGuard,
    history: ReadHistory,
) -> DecideApplication:
    store, metrics = core.store, core.metrics

    def count(entry: StoredEntry, arm: str, verdict: Verdict) -> None:
        metrics.decided(entry.product, entry.outcome.value, arm)
        metrics.tagged(entry.product, [tag.name for tag in verdict.tags])
        metrics.reasoned(entry.product, [reason.code for reason in verdict.reasons])
        metrics.lacked(entry.product, {one.missing.cause for one in verdict.data_requests})

    deps = Deps(
        core.source,
        store,
        store,
        ProtoReplyEncoder(),
        core.clock,
        Ids(),
        store.leases,
        history,
        None if snapshots is None else snapshots.cache,
        core.tracer,
    )
    return DecideApplication(
        deps,
        core.active.current,
        rollouts.observer,
        guard,
        bulkhead=core.deps.limits.work,
        on_recorded=count,
    )


def _decisions(core: Core, decide: DecideApplication, archive: RulesetArchive) -> UseCases:
    read = ReadDecisions(core.store, archive)
    replay = ReplayDecision(core.store, read, archive, core.active.current)
    chain = ReadReviewChain(core.store.reviews, core.store, core.clock)
    recourse = FindRecourse(archive)
    return UseCases(
        decide=decide, read=read, replay=replay, recourse=recourse, clock=core.clock, chain=chain
    )


def _rulesets(
    core: Core, rollouts: RolloutWiring, validate: ValidateRules, history: ReadHistory
) -> RulesetUseCases:
    store, clock, active = core.store, core.clock, core.active
    return RulesetUseCases(
        active,
        TryRules(core.source, store, clock, active.current, history),
        validate,
        store,
        clock,
        rollouts.replica_check,
    )


def _rollouts(core: Core, rollouts: RolloutWiring, archive: RulesetArchive) -> RolloutUseCases:
    store, clock, active = core.store, core.clock, core.active
    return RolloutUseCases(
        OperateRollouts(core.rollouts, active, store, store, clock),
        ShowFigures(rollouts.guardrails, store, store),
        CompareVersions(store, store, archive, active.current),
        lambda: active.status,
        clock,
    )


def _applicants(core: Core) -> ApplicantUseCases:
    enrolment, clock = core.source.enrolment, core.clock
    onboard = OnboardApplicants(enrolment, core.store, clock)
    links = ConnectLinks(
        core.settings.connect_base, core.settings.return_origins, partial(_offered, core)
    )
    status = ReadApplicantStatus(
        enrolment, core.store, clock, core.active.current, core.source.providers
    )
    return ApplicantUseCases(onboard, status, clock, links, _export(core))


def _offered(core: Core, types: Collection[str]) -> Sequence[str]:
    """The providers of some types that the widget may show; none where none are known."""
    allowed = names_of(core.settings.connect_providers)
    listed = [one.id for one in core.source.providers() if one.type in types]
    return [one for one in listed if not allowed or one in allowed]


def _export(core: Core) -> ExportPerson:
    settings, store = core.settings, core.store
    erases_decisions = settings.on_revoke is OnRevoke.ERASE_DECISIONS
    terms = AccessTerms(settings.retention, erases_decisions)
    return ExportPerson(store.subject_access, store, disclosed_reply, terms, core.clock)
