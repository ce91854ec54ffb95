"""How this process does, read when it is asked for: its metrics, and the StatusService."""

from __future__ import annotations

import math
import platform
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from decision_service.api.v1 import status_service_pb2 as status_pb
from decision_service.build import UNKNOWN, commit, engine_version
from decision_service.casework.review_log import QueueWatch
from decision_service.casework.review_steps import ReviewStep
from decision_service.decide.dry_run import ordered
from decision_service.decide.events import WaitingEvents
from decision_service.domain.errors import StoreError
from decision_service.domain.reviews import ReviewAction, ReviewState
from decision_service.domain.vendor import Circuit, VendorStatus
from decision_service.rollout.model import Plan, TrackName
from decision_service.rollout.state import RolloutState
from decision_service.rollout_running.guardrails import GuardrailWatch
from decision_service.rollout_running.journal import Rollouts
from decision_service.rulebook.replica_check import ReplicaCheck
from decision_service.rulebook.rulebook import ActiveRules
from decision_service.runtime.clock import ClockGuard
from decision_service.runtime.settings import Settings
from decision_service.runtime.telemetry import Samples, counter, one, read_counter, read_gauge
from decision_service.server.services.rulesets import RULESETS
from decision_service.server.transport.auth import Authenticator
from decision_service.server.transport.context import RpcContext
from decision_service.server.transport.health import Health
from decision_service.server.transport.interceptors import ConcurrencyLimits
from decision_service.server.transport.tls import Certificates
from decision_service.server.transport.wire import Fields

SERVICE = status_pb.DESCRIPTOR.services_by_name["StatusService"]
_MILLISECOND = timedelta(milliseconds=1)
_RESULT = ("product", "outcome", "reason", "reviewer")


def of_health(health: Health, version: str, commit: str) -> Iterator[Metric]:
    yield read_gauge("serving", "1 while health is SERVING", one(health.is_serving))
    build = ((version, commit, platform.python_version()), 1.0)
    words = "The program by version and commit, and the Python that runs it"
    yield read_gauge("build_info", words, (build,), labels=("version", "commit", "python"))


def of_certificate(certificates: Certificates | None) -> Iterator[Metric]:
    yield read_gauge(
        "certificate_expiry_timestamp_seconds",
        "When the first certificate of the chain that is served expires (Unix time)",
        () if certificates is None else one(certificates.expires.timestamp()),
    )


def of_tokens(authenticator: Authenticator) -> Iterator[Metric]:
    """When each caller's token was last used; a token is named by the first digits of its hash."""
    yield read_gauge(
        "token_last_use_timestamp_seconds",
        "When a token was last used since the start (Unix time), 0 where it was not",
        (
            (
                (token.caller.name, token.shown, f"{token.until or ''}"),
                used.timestamp() if used else 0.0,
            )
            for token, used in authenticator.last_uses()
        ),
        labels=("caller", "token", "until"),
    )


def of_vendor(read: Callable[[], VendorStatus], guard: ClockGuard) -> Iterator[Metric]:
    """Requests to the vendor, the circuit, and what the request limit made them wait."""
    now = read()
    yield read_counter("upstream_requests", "Requests sent to the vendor", one(now.requests))
    yield read_counter("upstream_retries", "Requests sent again", one(now.retries))
    yield read_counter("upstream_tls_failures", "Connections refused by us", one(now.tls_failures))
    yield read_counter("upstream_cross_tenant", "Answers about another user", one(now.cross_tenant))
    yield read_counter(
        "upstream_limiter_wait_seconds",
        "Time requests waited for the request limit",
        one(now.waited_seconds),
    )
    drift = guard.drift
    yield read_gauge(
        "upstream_clock_ahead_seconds",
        "How far this clock is ahead of the vendor's",
        () if drift is None else one(drift.total_seconds()),
    )
    yield read_gauge(
        "upstream_circuit_open",
        "1 while the circuit is open",
        one(now.circuit is not Circuit.CLOSED),
    )
    yield read_gauge(
        "upstream_paused_seconds",
        "How long requests still rest after a 429",
        one(now.paused_seconds),
    )


def of_rules(active_rules: ActiveRules) -> Iterator[Metric]:
    loaded = (
        ((name, str(version), rules.digest), 1.0)
        for name, product in sorted(active_rules.current().products.items())
        for version, rules in sorted(product.versions.items())
    )
    yield read_gauge(
        "rules_info", "The rules in force", loaded, labels=("product", "version", "digest")
    )
    yield read_gauge(
        "rules_refused",
        "Problems in the last reading of the rules folder",
        one(len(active_rules.status.refused)),
    )


def of_agreement(agreement: ReplicaCheck) -> Iterator[Metric]:
    yield read_gauge(
        "rules_differ_seconds",
        "For how long the processes on the store have decided by different rules",
        one(agreement.seconds),
    )
    yield read_gauge(
        "rules_in_force",
        "Processes on the store by the digest of all that they decide by",
        (((used.digest,), used.processes) for used in agreement.in_force),
        labels=("digest",),
    )


def of_rollouts(rollouts: Rollouts) -> Iterator[Metric]:
    """How many applicants each track takes, and the last step that this process follows."""
    yield read_gauge(
        "rollout_percent",
        "The share of applicants in the go-live, and of these of the challenger, in percent",
        (one for each in rollouts.products.values() for one in _percents(each.plan, each.state)),
        labels=("product", "track"),
    )
    yield read_gauge(
        "rollout_position",
        "The last step of the journal that this process follows",
        (((name,), rollouts.latest(name).position) for name in sorted(rollouts.products)),
        labels=("product",),
    )


def _percents(plan: Plan, state: RolloutState) -> Samples:
    go_live = state.go_live
    challenger = plan.versions.challenger
    share = 0 if go_live.killed else plan.go_live.stages.percent(go_live.stage)
    yield (plan.product, TrackName.GO_LIVE.value), share / 1000
    if challenger is not None and state.challenger is not None:
        track = state.challenger
        share = 0 if track.killed else challenger.stages.percent(track.stage)
        yield (plan.product, TrackName.CHALLENGER.value), share / 1000


def of_guardrails(watch: GuardrailWatch) -> Iterator[Metric]:
    samples = (
        ((name, one.guardrail.name, one.arm or "", one.judgement.standing.value), 1.0)
        for name, one in watch.states()
    )
    yield read_gauge(
        "rollout_guardrail_state",
        "1 for the state of each guardrail: waiting, ok or tripped",
        samples,
        labels=("product", "guardrail", "arm", "state"),
    )


def of_limits(limits: ConcurrencyLimits) -> Iterator[Metric]:
    """Work in progress, waiting and refused."""
    by_name = msgspec.structs.asdict(limits)
    working = {name: bulkhead.working for name, bulkhead in by_name.items()}
    yield read_gauge("in_progress", "Calls that have a place", _each(working), labels=("limit",))
    waiting = {name: bulkhead.waiting for name, bulkhead in by_name.items()}
    yield read_gauge("waiting", "Calls that wait for a place", _each(waiting), labels=("limit",))
    refused = {name: bulkhead.refused for name, bulkhead in by_name.items()}
    yield read_counter(
        "shed", "Calls refused for want of a place", _each(refused), labels=("limit",)
    )


def of_process(restarts: Mapping[str, int], dropped: int) -> Iterator[Metric]:
    yield read_counter(
        "task_restarts", "Background tasks started again", _each(restarts), labels=("task",)
    )
    yield read_counter(
        "log_lines_dropped", "Log lines dropped because no reader took them", one(dropped)
    )


def _each(figures: Mapping[str, float]) -> Samples:
    return (((name,), figure) for name, figure in figures.items())


_ENDING = frozenset(
    {
        ReviewAction.COMPLETED,
        ReviewAction.CONFIRMED,
        ReviewAction.MADE_FINAL,
        ReviewAction.DECIDED_AGAIN,
        ReviewAction.ERASED,
    }
)


class ReviewMetrics:
    """Counts the steps of reviews; the reviewers' names are those of configured callers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        words = "Reviews that a person completed"
        self._completed = counter(registry, "reviews_completed", words, labels=_RESULT)
        words = "Completed reviews that approve what was not approved, or the other way round"
        self._overrides = counter(registry, "review_overrides", words, labels=_RESULT)
        words = "Reviews that ended after they were due"
        self._late = counter(registry, "reviews_late", words, labels=("product", "queue"))

    def __call__(self, step: ReviewStep) -> None:
        review = step.review
        # A step of a review that had ended before is none of these.
        if review.ended is None or step.event.action not in _ENDING:
            return
        if review.ended > review.due:
            self._late.labels(review.product, review.queue).inc()
        if review.state is not ReviewState.COMPLETED or review.result is None:
            return
        result = review.result
        labels = (review.product, result.outcome.value, result.reason, review.completed_by)
        self._completed.labels(*labels).inc()
        if review.overrides:
            self._overrides.labels(*labels).inc()


def of_queues(watch: QueueWatch) -> Iterator[Metric]:
    """The unfinished reviews of each queue: how many, how many overdue, and the oldest's age."""
    names = [((one.product, one.queue), one) for one in watch.counts]
    labels = ("product", "queue")
    now = watch.clock.now()
    unfinished = ((name, float(one.open)) for name, one in names)
    yield read_gauge("reviews_open", "Unfinished reviews", unfinished, labels=labels)
    overdue = ((name, float(one.overdue)) for name, one in names)
    yield read_gauge("reviews_overdue", "Unfinished reviews that were due", overdue, labels=labels)
    ages = ((name, (now - one.oldest).total_seconds()) for name, one in names)
    yield read_gauge(
        "reviews_oldest_seconds", "Age of the oldest unfinished review", ages, labels=labels
    )


class StatusServicer(msgspec.Struct, frozen=True):
    """Shows what the metrics and `/healthz` show as well, from the same sources."""

    settings: Settings
    health: Health
    active_rules: ActiveRules
    replica_check: ReplicaCheck
    vendor: Callable[[], VendorStatus]
    guard: ClockGuard
    certificates: Certificates | None
    authenticator: Authenticator
    queues: QueueWatch
    waiting_events: Callable[[], Awaitable[WaitingEvents]]

    async def get_caller(
        self, _request: status_pb.GetCallerRequest, context: RpcContext
    ) -> status_pb.GetCallerResponse:
        roles = context.caller.roles if context.caller else ()
        return status_pb.GetCallerResponse(caller=context.info.caller, roles=sorted(roles))

    async def get_status(
        self, _request: status_pb.GetStatusRequest, _: RpcContext
    ) -> status_pb.GetStatusResponse:
        rules = self.active_rules.status
        built_from = commit()
        return RULESETS.message(
            status_pb.GetStatusResponse,
            engine_version=engine_version(),
            commit="" if built_from == UNKNOWN else built_from,
            serving=self.health.is_serving,
            reasons=self.health.reasons,
            remarks=rules.remarks,
            vendor=self._vendor(),
            certificate_expire_time=self.certificates and self.certificates.expires,
            backlog=[*self._reviews(), *await self._events()],
            refused=ordered(rules.refused),
            read_time=rules.read,
            in_force=self.replica_check.in_force,
            tokens=[
                RULESETS.fields(
                    status_pb.TokenStatus,
                    caller=token.caller.name,
                    token=token.shown,
                    until=token.until or "",
                    last_use_time=used,
                )
                for token, used in self.authenticator.last_uses()
            ],
        )

    def _vendor(self) -> Fields:
        seen = self.vendor()
        drift = self.guard.drift
        return RULESETS.fields(
            status_pb.VendorStatus,
            mode=self.settings.smile_mode,
            circuit=seen.circuit,
            requests_per_second=self.settings.smile_requests_per_second,
            requests=seen.requests,
            retries=seen.retries,
            paused_seconds=math.ceil(seen.paused_seconds),
            clock_ahead_ms=None if drift is None else round(drift / _MILLISECOND),
            keys_refused=seen.keys_refused,
        )

    def _reviews(self) -> Iterator[Fields]:
        for queue in self.queues.counts:
            yield RULESETS.fields(
                status_pb.Backlog,
                name=f"reviews of {queue.product} in {queue.queue}",
                count=queue.open,
                late=queue.overdue,
                oldest_time=queue.oldest,
            )

    async def _events(self) -> Sequence[Fields]:
        try:
            found = await self.waiting_events()
        except StoreError:  # which the reasons name
            return ()
        fields = RULESETS.fields(
            status_pb.Backlog, name="webhook events", count=found.count, oldest_time=found.oldest
        )
        return (fields,)
