"""Counters of guardrail actions, overrides and shadow results in this process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from decision_service.instruments import counter


class EventCounters:
    """Counters of a rollout's automatic steps, overrides and shadows."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.guardrail_actions = counter(
            registry,
            "rollout_guardrail_actions",
            "Steps that guardrails took",
            *("product", "guardrail", "action"),
        )
        self.advances = counter(
            registry,
            "rollout_automatic_advances",
            "Stages that go-live advanced by itself",
            "product",
        )
        self.overrides = counter(
            registry,
            "decision_overrides",
            "Decisions that are not what the rules concluded",
            *("product", "kind", "cap"),
        )
        self.shadow_evaluations = counter(
            registry,
            "shadow_evaluations",
            "Silent versions asked, by result",
            *("product", "version", "result"),
        )
        self.shadow_dropped = counter(
            registry, "shadow_dropped", "Silent versions not asked, by why", "product", "why"
        )
        self.shadow_slow = counter(
            registry,
            "shadow_slow",
            "Silent versions that took longer than they may",
            *("product", "version"),
        )
