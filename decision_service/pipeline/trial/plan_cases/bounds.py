"""The bounds of a plan, where each stands, and what each does with a case.

What a bound does is found by taking it away, and by closing it: the same function settles all.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.money import LARGEST_AMOUNT
from decision_service.language.yaml.nodes import ListNode, MapNode, Scalar, YamlNode
from decision_service.pipeline.trial.plan_cases.model import PlanCase
from decision_service.pipeline.trial.plan_cases.run import approves
from decision_service.rollout.model import WHOLE, Plan
from decision_service.ruleset.testing.cases import Goal

_CAP = {"approvals_per_day": "approvals", "amount_per_day": "amount"}
_EXPLORE = {"percent": "percent", "max_amount": "max_amount", "amount_per_day": "amount"}
_OPEN: dict[tuple[bool, str], Any] = {
    (False, "percent"): WHOLE,
    (False, "max_amount"): LARGEST_AMOUNT,
    (False, "amount"): LARGEST_AMOUNT,
}
"""What bounds nothing, by whether it is a cap's and by its field; a cap's is left out."""


class BoundEffect(StrEnum):
    """What one bound alone does with a case."""

    HOLDS = "holds"
    PASSES = "lets pass"
    NOTHING = "does not matter"


class PlanBound(msgspec.Struct, frozen=True):
    """One figure of `caps` or `explore`; `cap` is the cap's name, empty for the control share.

    `key` is as the file has it, and `scalar` is what stands there.
    """

    cap: str
    key: str
    scalar: Scalar

    @property
    def at(self) -> str:
        """The way through the file: `caps.all.approvals_per_day`."""
        return f"caps.{self.cap}.{self.key}" if self.cap else f"explore.{self.key}"

    @property
    def what(self) -> str:
        """The bound as goals of coverage name it."""
        return f"cap `{self.cap}` {self.key}" if self.cap else f"explore {self.key}"

    @property
    def field(self) -> str:
        """The field of the plan's model."""
        return (_CAP if self.cap else _EXPLORE)[self.key]

    def value(self, plan: Plan) -> Any:
        """The bound as the plan has it."""
        holder = next((c for c in plan.caps if c.name == self.cap), plan.explore)
        return getattr(holder, self.field)

    def opened(self, plan: Plan) -> Plan:
        """The plan as if the bound were not there."""
        return self._set(plan, _OPEN.get((bool(self.cap), self.field)))

    def closed(self, plan: Plan) -> Plan:
        """The plan as if nothing were within the bound."""
        return self._set(plan, Decimal(0) if "amount" in self.field else 0)

    def effect(self, plan: Plan, case: PlanCase, currency: str) -> BoundEffect:
        """What the bound does with a case, where the others stay as they are."""
        approved = approves(plan, case, currency)
        if not approved and approves(self.opened(plan), case, currency):
            return BoundEffect.HOLDS
        if approved and not approves(self.closed(plan), case, currency):
            return BoundEffect.PASSES
        return BoundEffect.NOTHING

    def goals(self, plan: Plan) -> Iterator[Goal]:
        """What cases are to reach; a control share of all units leaves nobody out."""
        everybody = self.field == "percent" and self.value(plan) == WHOLE
        yield Goal(self.what, BoundEffect.PASSES)
        if not everybody:
            yield Goal(self.what, BoundEffect.HOLDS)

    def _set(self, plan: Plan, value: Any) -> Plan:
        if not self.cap:
            assert plan.explore is not None  # noqa: S101  the bound is its own
            return replace(plan, explore=replace(plan.explore, **{self.field: value}))
        caps = (
            replace(cap, **{self.field: value}) if cap.name == self.cap else cap
            for cap in plan.caps
        )
        return replace(plan, caps=tuple(caps))


def bounds_in(root: YamlNode | None) -> Iterator[PlanBound]:
    """Every bound of a plan's text, in the order of the file."""
    for entry in root.entries if isinstance(root, MapNode) else ():
        if entry.key == "caps" and isinstance(entry.value, ListNode):
            for cap in entry.value.items:
                yield from _bounds(cap, _CAP)
        if entry.key == "explore":
            yield from _bounds(entry.value, _EXPLORE)


def _bounds(node: YamlNode, keys: dict[str, str]) -> Iterator[PlanBound]:
    name = node.get("name") if isinstance(node, MapNode) else None
    cap = name.text if isinstance(name, Scalar) else ""
    for entry in node.entries if isinstance(node, MapNode) else ():
        if entry.key in keys and isinstance(entry.value, Scalar):
            yield PlanBound(cap, entry.key, entry.value)
