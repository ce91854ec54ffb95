"""Evaluation of rules: those that hold, and the effects of those with a missing value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from decision_service.domain.missing import ABSENT
from decision_service.domain.verdict import Component, Outcome, ReferKind, RuleTrace
from decision_service.language.diagnostics import Place
from decision_service.language.evaluation.emitter import Truths, compile_conditions, grouped
from decision_service.language.evaluation.kleene import Gap, Unknown
from decision_service.language.expressions.tree import Node, reads
from decision_service.ruleset.constructs.rules.model import Rule
from decision_service.ruleset.program.findings import Conclusion, Finding, data_finding
from decision_service.ruleset.program.part import Effect, PartView
from decision_service.ruleset.program.state import State
from decision_service.ruleset.program.wording import truth_of


class Ready(msgspec.Struct, frozen=True):
    """A rule with what it concludes when it holds; None for one that only has tags."""

    rule: Rule
    when: Node
    slots: frozenset[int]
    holds: Finding | None

    @classmethod
    def of(cls, rule: Rule, component: Component) -> Ready:
        """A rule that was read without errors."""
        if rule.when is None:
            raise AssertionError(rule.id)
        slots = frozenset(symbol.slot for symbol in reads(rule.when))
        return cls(rule, rule.when, slots, _finding_of(rule, component))


def _finding_of(rule: Rule, component: Component) -> Finding | None:
    """What a rule argues for when it holds."""
    if rule.then is None:
        return None
    kind = None
    if rule.then is Outcome.REFER:
        kind = ReferKind.LEGAL if component is Component.LEGAL else ReferKind.POLICY
    return Finding(
        rule.then,
        rule.reason,
        component,
        kind,
        because=rule.when,
        about=rule.reason_factor,
        name=rule.id,
    )


class RulesRunner:
    """Evaluates all rules; concludes the worst of those that hold."""

    def __init__(self, component: Component, ready: Sequence[Ready]) -> None:
        self.component = component
        self.ready = tuple(ready)
        self.slots = frozenset().union(*(r.slots for r in self.ready))
        self.weigh = compile_conditions([r.when for r in self.ready])
        self.tagged = [(i, r) for i, r in enumerate(self.ready) if r.rule.tags]

    def run(self, state: State) -> Conclusion:
        """The worst outcome of the rules that hold; an UNKNOWN rule follows `on_missing`."""
        noted = self.weigh(state.values)
        truths = noted[0]
        if state.marks and not self.slots.isdisjoint(state.marks):
            effects, gaps = _bounded(self, truths, state)
        else:
            effects, gaps = _effects(self.ready, truths)
        tagged = self._tagged(truths, state) if self.tagged else _NONE
        return Conclusion(tuple(effects.values()), (noted, effects, tagged), gaps)

    def _tagged(self, truths: Truths, state: State) -> frozenset[str]:
        """Set the tags of rules that hold whatever total a bounded score has; their ids."""
        held = [(index, ready) for index, ready in self.tagged if truths[index] is True]
        doubted = [index for index, ready in held if state.behind(ready.slots)]
        for world in state.everywhere(self.weigh) if doubted else ():
            doubted = [i for i in doubted if world is not None and world[0][i] is True]
            held = [(i, r) for i, r in held if i in doubted or not state.behind(r.slots)]
        for _, ready in held:
            state.tags.update(ready.rule.tags)
        return frozenset([ready.rule.id for _, ready in held])

    def trees(self) -> Iterable[Node]:
        """Every expression that its result follows from, cells as conditions."""
        return [ready.when for ready in self.ready]

    def note(self, _record: tuple[Any, ...]) -> str:
        """Empty: the rows show the result."""
        return ""

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
        """Each rule with its comparisons and, where it had one, its effect."""
        (truths, weighed), effects, tagged = record
        parts = grouped([r.when for r in self.ready], weighed)
        found = [effects.get(ready.rule.id) for ready in self.ready]
        return tuple(
            RuleTrace(
                stage=view.stage,
                id=ready.rule.id,
                truth=truth_of(truth),
                effect=str(finding.outcome) if finding else "",
                reason=finding.code if finding else "",
                comparisons=view.wording.comparisons(ready.when, view.values, own),
                note=_note(ready, truth, tagged=ready.rule.id in tagged),
            )
            for ready, truth, own, finding in zip(self.ready, truths, parts, found, strict=True)
        )

    def effects(self, found: Conclusion, _view: PartView) -> Iterable[Effect]:
        """Each rule's outcome; empty where it had none."""
        for ready in self.ready:
            effect = found.record[1].get(ready.rule.id)
            outcome = str(effect.outcome) if effect else ""
            yield Effect(ready.rule.id, outcome, (ready.when,), decides=True)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        """Each rule as true, false or unknown."""
        for ready, truth in zip(self.ready, record[0][0], strict=True):
            yield ready.rule.what, truth_of(truth).lower()

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        """Every rule true, false and, where it needs something, unknown."""
        for ready in self.ready:
            for truth in ("true", "false", "unknown") if ready.slots else ("true", "false"):
                yield ready.rule.what, truth, ready.rule.place


_NONE: frozenset[str] = frozenset()
Effects = tuple[dict[str, Finding], tuple[Gap, ...]]


def _effects(ready: Sequence[Ready], truths: Truths) -> Effects:
    """The effects of rules that hold or miss a value, and the gaps of those rules."""
    effects: dict[str, Finding] = {}
    gaps: list[Gap] = []
    for each, truth in zip(ready, truths, strict=True):
        if truth is False:
            continue
        finding = _finding(each, truth)
        if finding is not None:
            effects[each.rule.id] = finding
            if truth is not True:
                gaps += truth.gaps
    return effects, tuple(gaps)


def _finding(ready: Ready, truth: Any) -> Finding | None:
    if truth is True:
        return ready.holds
    return None if truth is False else _gone(ready, truth)


def _gone(ready: Ready, truth: Unknown) -> Finding | None:
    """The effect of a rule with a missing value: a failure refers, whatever `on_missing`."""
    gap, rule = truth.shown, ready.rule
    if ready.holds is None:
        return None
    if gap.missing.cause not in ABSENT:
        return data_finding(gap)
    if rule.on_missing is None:
        return None
    return data_finding(gap, rule.on_missing, rule.missing_reason, ready.when)


def _bounded(runner: RulesRunner, truths: Truths, state: State) -> Effects:
    """The effects of rules that may depend on a score with only bounds.

    Such a rule declines nobody, not even on missing data, and passes over nothing that one of the
    totals would trip: it refers, unless all totals agree on its truth.
    """
    effects: dict[str, Finding] = {}
    gaps: list[Gap] = []
    worlds = state.everywhere(runner.weigh)
    for index, (each, truth) in enumerate(zip(runner.ready, truths, strict=True)):
        finding, behind = _finding(each, truth), state.behind(each.slots)
        if behind and each.holds is not None:
            others = [None if world is None else world[0][index] for world in worlds]
            finding = _marked(finding, truth, behind, others)
        if finding is not None:
            effects[each.rule.id] = finding
            gaps += truth.gaps if truth.__class__ is Unknown else ()
    return effects, tuple(gaps)


def _marked(
    finding: Finding | None, truth: Any, gaps: tuple[Gap, ...], truths: Sequence[Any]
) -> Finding | None:
    """A rule's effect, given its gaps and its truths in all worlds."""
    refers = finding is not None and finding.outcome is Outcome.REFER
    if refers and truth.__class__ is Unknown:
        return finding
    declines = finding is not None and finding.outcome is Outcome.DECLINE
    if not declines and _agree(truths, truth):
        return finding
    return data_finding(gaps[0])


def _agree(truths: Sequence[Any], truth: Any) -> bool:
    """Whether all worlds give one truth; None stands for worlds not evaluated."""
    return all(t is not None and truth_of(t) is truth_of(truth) for t in truths)


def _note(ready: Ready, truth: Any, *, tagged: bool) -> str:
    if not isinstance(truth, Unknown):
        return f"tagged {', '.join(ready.rule.tags)}" if tagged else ""
    shown = truth.shown
    note = f"{shown.name} is missing: {shown.missing.cause}"
    return f"{note}; {ready.rule.because}" if ready.rule.because and not truth.tainted else note
