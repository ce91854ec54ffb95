"""`conditions:`: what an applicant must still do before disbursement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from decision_service.domain.decision import Component, Condition, RuleTrace
from decision_service.rules.construct import (
    Conclusion,
    Conclusive,
    Effect,
    PartView,
    State,
    Written,
    data_finding,
)
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.keys import DEMAND
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.evaluation import compile_conditions, grouped
from decision_service.rules.language.fields import as_list, read_texts
from decision_service.rules.language.types import Node, Symbol, reads
from decision_service.rules.language.values import Unknown
from decision_service.rules.language.yaml import YamlNode
from decision_service.rules.wording import truth_of


@dataclass(frozen=True, slots=True)
class ConditionSpec:
    id: str
    when: Node | None
    texts: Mapping[str, str]
    place: Place = field(compare=False)


class ConditionsPart(msgspec.Struct, frozen=True):
    demands: tuple[ConditionSpec, ...]
    component: Component = Component.POLICY

    def written(self) -> Iterable[Written]:
        return [
            Written(d.when, d.place, f"condition `{d.id}`", condition=True)
            for d in self.demands
            if d.when is not None
        ]

    def conclusive(self) -> Iterable[Conclusive]:
        return ()

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        return ()

    def outputs(self) -> Sequence[Symbol]:
        return ()

    def runner(self) -> ConditionsRunner:
        return ConditionsRunner([(d, d.when) for d in self.demands if d.when is not None])


def read_conditions(node: YamlNode, _component: Component, draft: RulesetDraft) -> ConditionsPart:
    items = as_list(node, "`conditions`", draft.report)
    demands = [_demand(item, draft) for item in items]
    return ConditionsPart(tuple(d for d in demands if d is not None))


def _demand(node: YamlNode, draft: RulesetDraft) -> ConditionSpec | None:
    read = DEMAND.read(node, draft.report, draft)
    if read is None:
        return None
    id_, place, text = read["id"], read.place("id"), read["text"]
    if id_ is not None:
        draft.claim(id_, place, "condition")
    texts = read_texts(text, f"the text of `{id_ or '?'}`", draft.report) if text else None
    return ConditionSpec(id_ or "?", read["when"], texts or {}, place)


class ConditionsRunner:
    """Collects the conditions that hold; one that is UNKNOWN makes an APPROVE a REFER."""

    def __init__(self, demands: Sequence[tuple[ConditionSpec, Node]]) -> None:
        self.demands = [demand for demand, _ in demands]
        self.whens = [when for _, when in demands]
        self.slots = [frozenset(s.slot for s in reads(when)) for when in self.whens]
        self.weigh = compile_conditions(self.whens)

    def run(self, state: State) -> Conclusion:
        noted = self.weigh(state.values)
        possible = self._possible(state) if state.marks else ()
        for index, (demand, truth) in enumerate(zip(self.demands, noted[0], strict=True)):
            if truth is True or index in possible:
                state.conditions.append(Condition(demand.id, demand.texts))
        gone = [truth for truth in noted[0] if truth.__class__ is Unknown]
        gaps = tuple([gap for truth in gone for gap in truth.gaps])
        findings = tuple([data_finding(truth.shown) for truth in gone])
        return Conclusion(findings, noted, gaps)

    def _possible(self, state: State) -> Collection[int]:
        """The conditions that hold for any total that a missing value leaves possible."""
        worlds = state.everywhere(self.weigh)
        return {
            index
            for index, slots in enumerate(self.slots)
            if state.behind(slots)
            and any(world is None or world[0][index] is not False for world in worlds)
        }

    def trees(self) -> Iterable[Node]:
        return self.whens

    def note(self, _record: tuple[Any, ...]) -> str:
        return ""

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
        truths, weighed = record
        parts = grouped(self.whens, weighed)
        rows = zip(self.demands, self.whens, truths, parts, strict=True)
        return tuple(
            RuleTrace(
                stage=view.stage,
                id=demand.id,
                truth=truth_of(truth),
                effect="required" if truth is True else "",
                comparisons=view.wording.comparisons(when, view.values, own),
            )
            for demand, when, truth, own in rows
        )

    def effects(self, found: Conclusion, _view: PartView) -> Iterable[Effect]:
        for demand, when, truth in zip(self.demands, self.whens, found.record[0], strict=True):
            effect = "missing" if truth.__class__ is Unknown else ""
            yield Effect(demand.id, effect, (when,), decides=True)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        for demand, truth in zip(self.demands, record[0], strict=True):
            yield f"condition `{demand.id}`", truth_of(truth).lower()

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        for demand in self.demands:
            yield f"condition `{demand.id}`", "true", demand.place
            yield f"condition `{demand.id}`", "false", demand.place
