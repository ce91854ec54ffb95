"""What goes on beside deciding: counting, and silent versions. No decision waits for either."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec
import structlog

from decision_service.pipeline.admission import Admission
from decision_service.pipeline.application import Application
from decision_service.pipeline.conclude import Concluded
from decision_service.pipeline.counters import Attempt, Counters
from decision_service.pipeline.ports import Entry, Gathering
from decision_service.pipeline.rulebook import Product
from decision_service.pipeline.second_opinion import Case
from decision_service.pipeline.shadow import Shadows
from decision_service.rollout.gate import shadows

log = structlog.get_logger("decision_service.rules")


class Beside(msgspec.Struct, frozen=True):
    """`position` gives the entry of its journal at which a product's rollout stands."""

    counters: Counters
    shadows: Shadows
    position: Callable[[str], int]

    def attempt(self, application: Application) -> AbstractContextManager[Attempt]:
        """Count what becomes of an application."""
        return self.counters.attempt(application.product, timed=not application.wait_timeout)

    def recorded(
        self,
        attempt: Attempt,
        product: Product,
        admission: Admission,
        gathering: Gathering | None,
        concluded: Concluded,
    ) -> None:
        """A decision is durable: count it, and have the silent versions asked of it later."""
        attempt.decided(concluded.entry)
        tell_of_rule_errors(concluded.entry)
        decision = concluded.decision
        if admission.ruleset is None or gathering is None or decision.factors is None:
            return
        case = Case(
            decision,
            admission.ruleset,
            gathering.snapshot,
            decision.factors,
            admission.application.inputs,
            product.input_names,
        )
        versions = shadows(product.plan, admission.assignment, admission.unit)
        loaded = tuple(product.versions[v] for v in versions if v in product.versions)
        self.shadows.offer(case, loaded)


def tell_of_rule_errors(entry: Entry) -> None:
    """A rule that could not be evaluated refers its applicant, and somebody must mend it."""
    if entry.arm is not None and entry.arm.rule_error:
        names = {"product": entry.product, "version": entry.arm.version}
        log.error("a rule failed", alarm="RULE_ERROR", decision_id=entry.decision_id, **names)
