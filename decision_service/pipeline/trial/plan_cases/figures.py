"""The figures of a plan's bounds moved a little, one at a time, to find what no case notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from decision_service.language.yaml.nodes import ListNode, MapNode, Scalar, YamlNode
from decision_service.pipeline.trial.plan_cases.bounds import BoundEffect, PlanBound, bounds_in
from decision_service.pipeline.trial.plan_cases.case_text import plan_case_text, written
from decision_service.pipeline.trial.plan_cases.expectation import settled_parts
from decision_service.pipeline.trial.plan_cases.made_up import edge_cases
from decision_service.pipeline.trial.plan_cases.model import PlanCase, PlanUnderTest
from decision_service.pipeline.trial.plan_cases.run import PlanCaseResult, settle_case
from decision_service.rollout.model import Plan
from decision_service.ruleset.figures.model import Fate, FigureChange, Tried, Witness
from decision_service.ruleset.figures.neighbours import FigureToken, next_to
from decision_service.ruleset.figures.spots import as_label
from decision_service.ruleset.figures.spots import change as changed
from decision_service.ruleset.figures.trees import edited

ReadPlan = Callable[[YamlNode], Plan | None]
"""A plan's tree as a plan; None where the check refuses it."""


class PlanFigures(msgspec.Struct, frozen=True):
    """A plan's text as a tree, and its cases that pass."""

    root: MapNode
    tested: PlanUnderTest
    results: Sequence[PlanCaseResult]
    plan_of: ReadPlan

    def tried(self) -> Iterator[Tried]:
        """Every change with its fate, in the order of the file; none is marked yet."""
        bounds = [*bounds_in(self.root)]
        for change in _changes(self.root, bounds, self.tested):
            yield self._try(change, bounds)

    def _try(self, change: FigureChange, bounds: Sequence[PlanBound]) -> Tried:
        plan = self.plan_of(edited(self.root, change.edits))
        if plan is None:
            return Tried(change, Fate.REFUSED)
        if any(self._noticed(plan, result.case) for result in self.results):
            return Tried(change, Fate.NOTICED)
        return Tried(change, Fate.UNNOTICED, self._witness(change, plan, bounds))

    def _noticed(self, plan: Plan, case: PlanCase) -> bool:
        settled = settle_case(plan, case, self.tested.currency)
        return bool(case.expectation.differences(settled, self.tested.currency))

    def _witness(
        self, change: FigureChange, plan: Plan, bounds: Sequence[PlanBound]
    ) -> Witness | None:
        """The first made-up case at the edge of the changed bound that comes out otherwise."""
        about = [b for b in bounds if change.at in (b.at, f"caps.{b.cap}.tier")]
        for bound in about:
            for effect in (BoundEffect.HOLDS, BoundEffect.PASSES):
                for case in edge_cases(bound, effect, self.tested):
                    found = self._difference(case, plan)
                    if found is not None:
                        return self._told(change, case, *found)
        return None

    def _difference(self, case: PlanCase, plan: Plan) -> tuple[str, str] | None:
        currency = self.tested.currency
        before, after = (
            settled_parts(settle_case(each, case, currency), currency)
            for each in (self.tested.plan, plan)
        )
        for key, value in before.items():
            if value != after[key]:
                return f"{key} {written(value)}", f"{key} {written(after[key])}"
        return None

    def _told(self, change: FigureChange, case: PlanCase, before: str, after: str) -> Witness:
        keys = self.results[0].case.defaults if self.results else frozenset()
        name = f"{change.at} is {change.before} and not {change.after}"
        text = plan_case_text(name, replace(case, defaults=keys), self.tested)
        return Witness(text, before, after)


def _changes(
    root: MapNode, bounds: Sequence[PlanBound], tested: PlanUnderTest
) -> Iterator[FigureChange]:
    for bound in bounds:
        for after in _beside(bound):
            token = FigureToken(0, len(bound.scalar.text), bound.scalar.text)
            yield changed(bound.at, [(bound.scalar, token)], after)
    caps = root.get("caps")
    for cap in caps.items if isinstance(caps, ListNode) else ():
        name, tier = _texts(cap, "name", "tier")
        if name is not None and tier is not None:
            yield from as_label(tier, f"caps.{name.text}.tier", sorted(tested.tiers or ()))


def _texts(node: YamlNode, *keys: str) -> Iterator[Scalar | None]:
    for key in keys:
        value = node.get(key) if isinstance(node, MapNode) else None
        yield value if isinstance(value, Scalar) else None


def _beside(bound: PlanBound) -> tuple[str, ...]:
    """The values beside a bound; a share moves by a tenth of itself, in thousandths."""
    if bound.field != "percent":
        return next_to(bound.scalar.text)
    share = Decimal(bound.scalar.text)
    step = max((share / 10).quantize(Decimal("0.001")), Decimal("0.001"))
    return tuple(f"{each.normalize():f}" for each in (share + step, share - step))
