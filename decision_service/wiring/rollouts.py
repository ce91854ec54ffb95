"""Rollouts at work: counters, shadows, guardrails, and what all processes decide by."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack

import msgspec

from decision_service.pipeline.operations.replica_check import ReplicaCheck
from decision_service.pipeline.operations.retention import Retention
from decision_service.pipeline.outcomes.read import ReportWatch
from decision_service.pipeline.rollout.counters import Counters
from decision_service.pipeline.rollout.event_counters import EventCounters
from decision_service.pipeline.rollout.guardrails.watch import GuardrailWatch, WatchDeps
from decision_service.pipeline.rollout.journal import Rollouts
from decision_service.pipeline.rollout.observer import RolloutObserver
from decision_service.pipeline.rollout.pairs.shadow import Shadows
from decision_service.supervision import Supervisor
from decision_service.wiring.core import Core


class RolloutWiring(msgspec.Struct, frozen=True):
    """What watches decisions and moves rollouts."""

    rollouts: Rollouts
    guardrails: GuardrailWatch
    replica_check: ReplicaCheck
    counters: Counters
    shadows: Shadows
    retention: Retention
    reports: ReportWatch
    events: EventCounters

    @property
    def observer(self) -> RolloutObserver:
        """What is told of each decision."""
        return RolloutObserver(
            self.counters,
            self.shadows,
            lambda product: self.rollouts.latest(product).position,
            self.events,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Run each part on a task of its own."""
        supervisor.supervise("rollouts", self.rollouts.keep_up)
        supervisor.supervise("guardrails", self.guardrails.run)
        supervisor.supervise("counters", self.counters.run)
        supervisor.supervise("shadows", self.shadows.run)
        supervisor.supervise("agreement", self.replica_check.run)
        supervisor.supervise("retention", self.retention.run)
        supervisor.supervise("reports", self.reports.run)


def wire_rollouts(core: Core, stack: AsyncExitStack) -> RolloutWiring:
    """The parts; what they have not written when the service stops is written by the stack."""
    store, clock, active, rollouts = core.store, core.clock, core.active, core.rollouts
    process, events = uuid.uuid4().hex, EventCounters(core.metrics.registry)
    counters = Counters(store, clock, process)
    shadows = Shadows(store, clock, events, counters.idle)
    stack.push_async_callback(counters.flush)
    stack.push_async_callback(shadows.aclose)
    return RolloutWiring(
        rollouts,
        GuardrailWatch(WatchDeps(active, rollouts, store, clock, events)),
        ReplicaCheck(store, active.current, clock, process),
        counters,
        shadows,
        Retention(
            store,
            clock,
            core.settings.retention,
            core.source.last_drift,
        ),
        ReportWatch(store, clock, core.settings.report_within),
        events,
    )
