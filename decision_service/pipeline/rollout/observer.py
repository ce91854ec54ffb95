"""Counts each decision for its rollout, and queues its shadows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec
import structlog

from decision_service.alarms import Alarm, raised
from decision_service.domain.decision import Decision
from decision_service.pipeline.decide.admission import Admission
from decision_service.pipeline.decide.application import Application
from decision_service.pipeline.decide.concluding.conclude import ConcludedDecision
from decision_service.pipeline.decide.observer import Attempt
from decision_service.pipeline.ports import DecisionEntry, FetchResult
from decision_service.pipeline.rollout.counters import Counters
from decision_service.pipeline.rollout.event_counters import EventCounters
from decision_service.pipeline.rollout.pairs.case import DecidedCase
from decision_service.pipeline.rollout.pairs.shadow import Shadows
from decision_service.pipeline.rules.rulebook import Product
from decision_service.rollout.gate import shadows

log = structlog.get_logger("decision_service.rules")
overriding = structlog.get_logger("decision_service.overrides")


class RolloutObserver(msgspec.Struct, frozen=True):
    """The `DecisionObserver` of rollouts: counters of the arms, overrides, and shadows."""

    counters: Counters
    shadows: Shadows
    position_of: Callable[[str], int]
    events: EventCounters

    def position(self, product: str) -> int:
        """The entry of its journal at which a product's rollout stands."""
        return self.position_of(product)

    def attempt(self, application: Application) -> AbstractContextManager[Attempt]:
        """Count the attempt and its result."""
        return self.counters.attempt(application.product, timed=not application.wait_timeout)

    def recorded(
        self,
        attempt: Attempt,
        product: Product,
        admission: Admission,
        fetch_result: FetchResult | None,
        concluded: ConcludedDecision,
    ) -> None:
        """Count a decision that became durable, and queue its shadows."""
        attempt.entry = concluded.entry
        log_rule_error(concluded.entry)
        decision = concluded.decision
        self._count_override(decision)
        if admission.ruleset is None or fetch_result is None or decision.factors is None:
            return
        case = DecidedCase(
            decision,
            admission.ruleset,
            fetch_result.snapshot,
            decision.factors,
            admission.application.inputs,
            product.input_names,
        )
        versions = shadows(product.plan, admission.assignment, admission.unit)
        loaded = tuple(product.versions[v] for v in versions if v in product.versions)
        self.shadows.offer(case, loaded)

    def _count_override(self, decision: Decision) -> None:
        """Count and log a decision that its rules did not make."""
        override = decision.override
        if override is None:
            return
        self.events.overrides.labels(decision.product, override.kind, override.cap).inc()
        names = {"product": decision.product, "version": decision.assignment.version}
        names |= {"kind": override.kind.value, "rules": override.verdict.outcome.value}
        overriding.info(
            "decision overridden", decision_id=decision.decision_id, cap=override.cap, **names
        )


def log_rule_error(entry: DecisionEntry) -> None:
    """Log a rule that failed to evaluate: its applicant is referred, and the rule needs a fix."""
    if entry.arm is not None and entry.arm.rule_error:
        names = {"product": entry.product, "version": entry.arm.version}
        log.error(
            "a rule failed", alarm=raised(Alarm.RULE_ERROR), decision_id=entry.decision_id, **names
        )
