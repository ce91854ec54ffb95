"""Rules: `when` a condition holds, `then` an outcome; and conditions before disbursement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Component, Condition, Outcome, ReferKind, RuleTrace
from decision_service.domain.values import ABSENT
from decision_service.rules.construct import (
    Conclusion,
    Conclusive,
    Effect,
    Finding,
    PartView,
    State,
    Written,
    data_finding,
)
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.keys import DEMAND, OF_OUTCOMES, RULE
from decision_service.rules.language.diagnostics import Place, did_you_mean
from decision_service.rules.language.evaluation import Truths, compile_conditions, grouped
from decision_service.rules.language.fields import as_list, as_scalar, read_texts
from decision_service.rules.language.keys import Read
from decision_service.rules.language.types import Node, Symbol, reads
from decision_service.rules.language.values import Gap, Unknown
from decision_service.rules.language.yaml import YamlNode
from decision_service.rules.wording import truth_of

Effects = tuple[dict[str, Finding], tuple[Gap, ...]]


# A dataclass, since its equality, and with it the digest, leaves out the place in the file.
@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `when` is None where it could not be read, `then` also where it only has `tags`.

    `when_missing` None is SKIP. It applies to absent causes only; taint always refers.
    `reason_factor` is the name whose comparison the reason shows; empty for the first that decided.
    """

    id: str
    when: Node | None
    then: Outcome | None
    reason: str
    reason_factor: str
    when_missing: Outcome | None
    because: str
    tags: tuple[str, ...]
    place: Place = field(compare=False)

    @property
    def what(self) -> str:
        return f"rule `{self.id}`"


class Ready(msgspec.Struct, frozen=True):
    """A rule with what it concludes when it holds; None for one that only has tags."""

    rule: Rule
    when: Node
    slots: frozenset[int]
    holds: Finding | None

    @classmethod
    def of(cls, rule: Rule, component: Component) -> Ready:
        if rule.when is None:
            raise AssertionError(rule.id)
        slots = _slots(rule.when)
        if rule.then is None:
            return cls(rule, rule.when, slots, None)
        kind = None
        if rule.then is Outcome.REFER:
            kind = ReferKind.LEGAL if component is Component.LEGAL else ReferKind.POLICY
        when = rule.when
        about = rule.reason_factor
        holds = Finding(
            rule.then, rule.reason, component, kind=kind, because=when, about=about, name=rule.id
        )
        return cls(rule, when, slots, holds)


def _slots(node: Node) -> frozenset[int]:
    return frozenset(symbol.slot for symbol in reads(node))


class RulesRunner:
    """Evaluates all rules; concludes the worst of those that hold."""

    def __init__(self, ready: Sequence[Ready]) -> None:
        self.ready = tuple(ready)
        self.slots = frozenset().union(*(r.slots for r in self.ready))
        self.weigh = compile_conditions([r.when for r in self.ready])
        self.tagged = [(i, r) for i, r in enumerate(self.ready) if r.rule.tags]

    def run(self, state: State) -> Conclusion:
        """The worst outcome of the rules that hold; an UNKNOWN rule follows `when_missing`."""
        noted = self.weigh(state.values)
        truths = noted[0]
        # Only what reads a bounded score is tried in every world; that is dear, and rarely needed.
        if state.marks and not self.slots.isdisjoint(state.marks):
            effects, gaps = _bounded(self, truths, state)
        else:
            effects, gaps = _effects(self.ready, truths)
        tagged = self._tagged(truths, state) if self.tagged else frozenset()
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
        return [ready.when for ready in self.ready]

    def note(self, _record: tuple[Any, ...]) -> str:
        return ""

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
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
        for ready in self.ready:
            effect = found.record[1].get(ready.rule.id)
            outcome = str(effect.outcome) if effect else ""
            yield Effect(ready.rule.id, outcome, (ready.when,), decides=True)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        for ready, truth in zip(self.ready, record[0][0], strict=True):
            yield ready.rule.what, truth_of(truth).lower()

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        for ready in self.ready:
            # Without a name there is nothing that could be missing.
            for truth in ("true", "false", "unknown") if ready.slots else ("true", "false"):
                yield ready.rule.what, truth, ready.rule.place


def _effects(ready: Sequence[Ready], truths: Truths) -> Effects:
    effects: dict[str, Finding] = {}
    gaps: list[Gap] = []
    for each, truth in zip(ready, truths, strict=True):
        if truth is False:
            continue
        finding = _finding(each, truth)
        if finding is not None:
            effects[each.rule.id] = finding
            # A gap is asked for only where it came to something: what does not matter is no
            # request.
            if truth is not True:
                gaps += truth.gaps
    return effects, tuple(gaps)


def _finding(ready: Ready, truth: Any) -> Finding | None:
    if truth is True:
        return ready.holds
    return None if truth is False else _gone(ready, truth)


def _gone(ready: Ready, truth: Unknown) -> Finding | None:
    """The effect of a rule with a missing value: a failure refers, whatever `when_missing`."""
    gap = truth.shown
    rule = ready.rule
    # It only sets tags, and so concludes nothing that could be wrong for want of data.
    if ready.holds is None:
        return None
    # SKIP and DECLINE are about what is absent: a failure says nothing of the applicant.
    if gap.missing.cause not in ABSENT:
        return data_finding(gap)
    if rule.when_missing is None:
        return None
    # Shown as missing data, it keeps the place that the rule's own reason has.
    return replace(data_finding(gap, rule.when_missing, ready.when), ranks_as=rule.reason)


def _bounded(runner: RulesRunner, truths: Truths, state: State) -> Effects:
    """Rules on a score with bounds refer, and never decline or pass, unless all totals agree."""
    effects: dict[str, Finding] = {}
    gaps: list[Gap] = []
    worlds = state.everywhere(runner.weigh)
    for index, (each, truth) in enumerate(zip(runner.ready, truths, strict=True)):
        finding = _finding(each, truth)
        behind = state.behind(each.slots)
        if behind and each.holds is not None:
            others = [None if world is None else world[0][index] for world in worlds]
            finding = _marked(finding, truth, behind, truths=others)
        if finding is not None:
            effects[each.rule.id] = finding
            gaps += truth.gaps if truth.__class__ is Unknown else ()
    return effects, tuple(gaps)


def _marked(
    finding: Finding | None, truth: Any, gaps: tuple[Gap, ...], truths: Sequence[Any]
) -> Finding | None:
    refers = finding is not None and finding.outcome is Outcome.REFER
    if refers and truth.__class__ is Unknown:
        return finding
    declines = finding is not None and finding.outcome is Outcome.DECLINE
    agree = all(t is not None and truth_of(t) is truth_of(truth) for t in truths)
    # Even where all totals agree it declines nobody: a decline needs clean facts.
    return finding if agree and not declines else data_finding(gaps[0])


def _note(ready: Ready, truth: Any, *, tagged: bool) -> str:
    if not isinstance(truth, Unknown):
        return f"tagged {', '.join(ready.rule.tags)}" if tagged else ""
    shown = truth.shown
    note = f"{shown.name} is missing: {shown.missing.cause}"
    return f"{note}; {ready.rule.because}" if ready.rule.because and not truth.tainted else note


class RulesPart(msgspec.Struct, frozen=True):
    component: Component
    rules: tuple[Rule, ...]

    def written(self) -> Iterable[Written]:
        whens = [(r, r.when) for r in self.rules if r.when is not None]
        return [Written(when, r.place, r.what, condition=True) for r, when in whens]

    def conclusive(self) -> Iterable[Conclusive]:
        return [
            Conclusive(r.then, r.place, r.what, has_reason=bool(r.reason))
            for r in self.rules
            if r.then is not None
        ]

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        for rule in self.rules:
            if rule.when_missing is not Outcome.REFER and not rule.because:
                word = rule.when_missing or "SKIP"
                yield rule.place, f"{rule.what} has `when_missing: {word}` without `because`"

    def outputs(self) -> Sequence[Symbol]:
        return ()

    def runner(self) -> RulesRunner:
        return RulesRunner([Ready.of(r, self.component) for r in self.rules])


def read_rules(node: YamlNode, component: Component, draft: RulesetDraft) -> RulesPart:
    """The rules of a stage, or legal ones: these see the finished offer, and can only worsen."""
    items = as_list(node, "the rules", draft.report)
    rules = [_rule(item, component, draft) for item in items]
    return RulesPart(component, tuple(rule for rule in rules if rule is not None))


def _rule(node: YamlNode, component: Component, draft: RulesetDraft) -> Rule | None:
    read = RULE.read(node, draft.report, draft)
    if read is None:
        return None
    place = read.place("id")
    if read["id"] is not None:
        draft.claim(read["id"], place, "rule")
    then = read["then"]
    if then == Outcome.APPROVE and component is Component.LEGAL:
        read.error("R123", "then", "`then` is `APPROVE`; it must be one of `REFER`, `DECLINE`")
    _check_then(read)
    return Rule(
        # A faulty rule is read to its end, so that all its mistakes come in one run.
        id=read["id"] or "?",
        when=read["when"],
        then=Outcome(then) if then else None,
        reason=read["reason"],
        reason_factor=_reason_factor(read),
        when_missing=None if read["when_missing"] == "SKIP" else Outcome(read["when_missing"]),
        because=read["because"],
        tags=_tags(read, draft),
        place=place,
    )


def _check_then(read: Read) -> None:
    """Without `then` a rule sets tags and concludes nothing, so that nothing needs a reason."""
    if read.has("then"):
        return
    if not read.has("tags"):
        hint = "add `then:` with an outcome, or `tags:` for a rule that concludes nothing"
        read.report.error("R121", read.node.place, "a rule has no `then`", hint)
        return
    for key in OF_OUTCOMES:
        if read.has(key):
            message = f"the rule has `{key}` but no `then`, so that it concludes nothing"
            read.error("R121", key, message, f"add `then:`, or remove `{key}`")


def _tags(read: Read, draft: RulesetDraft) -> tuple[str, ...]:
    draft.not_empty(read, "tags")
    found: list[str] = []
    for item in read["tags"]:
        scalar = as_scalar(item, "a tag", draft.report)
        if scalar is None or not draft.use_tag(scalar):
            continue
        if scalar.text in found:
            draft.report.error("R124", scalar.place, f"the tag `{scalar.text}` is repeated")
        found.append(scalar.text)
    return tuple(dict.fromkeys(found))


def _reason_factor(read: Read) -> str:
    scalar = read["reason_factor"]
    when = read["when"]
    if scalar is None or when is None:
        return ""
    if not read.has("reason"):
        message = "the rule has `reason_factor` but no `reason` that would show it"
        read.error("R121", "reason_factor", message, "add `reason:`, or remove it")
    names = [symbol.name for symbol in reads(when)]
    if scalar.text not in names:
        message = f"`reason_factor` is `{scalar.text}`, which `when` does not name"
        read.error("R211", "reason_factor", message, did_you_mean(scalar.text, names))
    return str(scalar.text)


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
    id_ = read["id"]
    place = read.place("id")
    text = read["text"]
    if id_ is not None:
        draft.claim(id_, place, "condition")
    texts = read_texts(text, f"the text of `{id_ or '?'}`", draft.report) if text else None
    return ConditionSpec(id_ or "?", read["when"], texts or {}, place=place)


class ConditionsRunner:
    """Collects the conditions that hold; one that is UNKNOWN makes an APPROVE a REFER."""

    def __init__(self, demands: Sequence[tuple[ConditionSpec, Node]]) -> None:
        self.demands = [demand for demand, _ in demands]
        self.whens = [when for _, when in demands]
        self.slots = [_slots(when) for when in self.whens]
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
        found: set[int] = set()
        for index, slots in enumerate(self.slots):
            if not state.behind(slots):
                continue
            if any(world is None or world[0][index] is not False for world in worlds):
                found.add(index)
        return found

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
