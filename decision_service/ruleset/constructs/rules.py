"""Rules: `when` a condition holds, `then` an outcome, with a `reason`.

Used as a stage's `rules:` and as `post_checks:`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from decision_service.domain.verdict import Component, Outcome, ReferKind, RuleTrace
from decision_service.language.diagnostics import Place
from decision_service.language.fields import Fields
from decision_service.language.generated import Page, may_raise
from decision_service.language.nodes import Node as YamlNode
from decision_service.language.readers import as_list
from decision_service.language.threevalued import Evaluate, Gap, Unknown, compile_tree
from decision_service.language.tree import Node, reads
from decision_service.language.types import FLAG
from decision_service.ruleset.draft import Draft
from decision_service.ruleset.findings import Conclusion, Finding, data_finding, worst
from decision_service.ruleset.part import Conclusive, View, Written
from decision_service.ruleset.state import LISTS, State
from decision_service.ruleset.wording import truth_of

REQUIRED = ("id", "when", "then")
OPTIONAL = ("reason", "on_missing", "because", "missing_reason")
ON_MISSING = ("REFER", "DECLINE", "SKIP")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `when` and `then` are None where they could not be read.

    `on_missing` None is SKIP. It applies to absent causes only; taint always refers.
    """

    id: str
    when: Node | None
    then: Outcome | None
    reason: str
    on_missing: Outcome | None
    because: str
    missing_reason: str
    place: Place = field(compare=False)

    @property
    def what(self) -> str:
        """The rule in messages."""
        return f"rule `{self.id}`"


@dataclass(frozen=True, slots=True)
class Rules:
    """A list of rules whose reasons come from one component."""

    component: Component
    rules: tuple[Rule, ...]

    def written(self) -> Iterable[Written]:
        """The conditions."""
        return [Written(r.when, r.place, r.what) for r in self.rules if r.when is not None]

    def conclusive(self) -> Iterable[Conclusive]:
        """Each rule's outcome."""
        return [
            Conclusive(r.then, r.place, r.what, has_reason=bool(r.reason))
            for r in self.rules
            if r.then is not None
        ]

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        """Rules that skip or decline on missing data without saying why."""
        for rule in self.rules:
            if rule.on_missing is not Outcome.REFER and not rule.because:
                word = rule.on_missing or "SKIP"
                yield rule.place, f"{rule.what} has `on_missing: {word}` without `because`"

    def runner(self) -> RulesRunner:
        """The conditions with what each concludes."""
        return RulesRunner(self.component, [_Ready.of(r, self.component) for r in self.rules])


def read_rules(node: YamlNode, component: Component, draft: Draft) -> Rules:
    """The rules of a stage."""
    return _read(node, component, draft, ("APPROVE", "REFER", "DECLINE"))


def read_post_checks(node: YamlNode, component: Component, draft: Draft) -> Rules:
    """The rules that see the finished offer; they can only worsen the outcome."""
    return _read(node, component, draft, ("REFER", "DECLINE"))


def _read(node: YamlNode, component: Component, draft: Draft, outcomes: Sequence[str]) -> Rules:
    items = as_list(node, "the rules", draft.report)
    rules = [_rule(item, draft, outcomes) for item in items]
    return Rules(component, tuple(rule for rule in rules if rule is not None))


def _rule(node: YamlNode, draft: Draft, outcomes: Sequence[str]) -> Rule | None:
    fields = Fields.of(node, "a rule", draft.report, required=REQUIRED, optional=OPTIONAL)
    if fields is None:
        return None
    id_ = fields.identifier("id")
    place = fields.place("id")
    if id_ is not None:
        draft.claim(id_, place, "rule")
    then = fields.choice("then", outcomes)
    on_missing = fields.choice("on_missing", ON_MISSING)
    return Rule(
        id=id_ or "?",
        when=draft.expression(fields.scalar("when"), FLAG),
        then=Outcome(then) if then else None,
        reason=draft.reason(fields, "reason") or "",
        on_missing=None if on_missing == "SKIP" else Outcome(on_missing or "REFER"),
        because=fields.text("because") or "",
        missing_reason=draft.reason(fields, "missing_reason") or "",
        place=place,
    )


@dataclass(frozen=True, slots=True)
class _Ready:
    """A rule with what it concludes when it holds."""

    rule: Rule
    when: Node
    then: Outcome
    evaluate: Evaluate
    slots: frozenset[int]
    holds: Finding

    @classmethod
    def of(cls, rule: Rule, component: Component) -> _Ready:
        if rule.when is None or rule.then is None:
            raise AssertionError(rule.id)
        kind = None
        if rule.then is Outcome.REFER:
            kind = ReferKind.LEGAL if component is Component.LEGAL else ReferKind.POLICY
        holds = Finding(rule.then, rule.reason, component, kind, because=rule.when, name=rule.id)
        slots = frozenset(symbol.slot for symbol in reads(rule.when))
        return cls(rule, rule.when, rule.then, compile_tree(rule.when), slots, holds)


class RulesRunner:
    """Evaluates all rules; concludes the worst of those that hold."""

    outputs: tuple[int, ...] = ()

    def __init__(self, component: Component, ready: Sequence[_Ready]) -> None:
        self.component = component
        self.ready = tuple(ready)

    def run(self, state: State) -> Conclusion:
        """The worst of the rules that hold; what is UNKNOWN does as `on_missing` says."""
        truths = tuple([ready.evaluate(state.values) for ready in self.ready])
        found = [
            (ready, truth, _marked(ready, truth, state))
            for ready, truth in zip(self.ready, truths, strict=True)
        ]
        return _conclude(truths, found)

    def write(self, page: Page) -> None:
        """One condition after the other; only a rule that misses a value is asked with care."""
        for ready in self.ready:
            piece = Page(page.source)
            condition = piece.expression(ready.when)
            missing = f"gone and not {page.bind(frozenset(piece.hard))}.isdisjoint(gone)"
            careful = f"{page.bind(partial(_examine, ready))}(s)"
            holds = f"{LISTS[ready.then]}.append({page.bind(ready.holds)})"
            if may_raise(ready.when):
                page.attempt([f"x = {condition} if not ({missing}) else None"], ["x = None"])
                page.choose({"x": holds, "x is None": careful})
            else:
                page.choose({missing: careful, condition: holds})

    def note(self, _record: tuple[Any, ...]) -> str:
        """Nothing: the rows say it all."""
        return ""

    def describe(self, record: tuple[Any, ...], view: View) -> tuple[RuleTrace, ...]:
        """Each rule with its comparisons and, where it had one, its effect."""
        truths, effects = record
        found = [effects.get(ready.rule.id) for ready in self.ready]
        return tuple(
            RuleTrace(
                stage=view.stage,
                id=ready.rule.id,
                truth=truth_of(truth),
                effect=str(finding.outcome) if finding else "",
                reason=finding.code if finding else "",
                comparisons=view.wording.comparisons(ready.when, view.values),
                note=_note(ready, truth),
            )
            for ready, truth, finding in zip(self.ready, truths, found, strict=True)
        )

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        """Each rule as true, false or unknown."""
        for ready, truth in zip(self.ready, record[0], strict=True):
            yield ready.rule.what, truth_of(truth).lower()

    def goals(self) -> Iterable[tuple[str, str]]:
        """Every rule true, false and, where it needs something, unknown."""
        for ready in self.ready:
            yield ready.rule.what, "true"
            yield ready.rule.what, "false"
            if ready.slots:
                yield ready.rule.what, "unknown"


def _examine(ready: _Ready, state: State) -> None:
    """Add what one rule finds, a missing value among it."""
    truth = ready.evaluate(state.values)
    finding = _finding(ready, truth)
    if finding is not None:
        state.add(finding)
        state.gaps += _gaps(truth)


def _gaps(truth: Any) -> tuple[Gap, ...]:
    return truth.gaps if truth.__class__ is Unknown else ()


def _finding(ready: _Ready, truth: Any) -> Finding | None:
    if truth is True:
        return ready.holds
    if truth is False:
        return None
    gap, rule = truth.shown, ready.rule
    if truth.tainted:
        return data_finding(gap)
    if rule.on_missing is None:
        return None
    return data_finding(gap, rule.on_missing, rule.missing_reason)


def _marked(ready: _Ready, truth: Any, state: State) -> Finding | None:
    """What a rule comes to that may rest on a score of which only bounds are known.

    Such a rule declines nobody, not even on missing data, and passes over nothing that one of the
    totals would trip: it refers, unless all totals agree on its truth.
    """
    finding = _finding(ready, truth)
    gaps = state.behind(ready.slots)
    refers = finding is not None and finding.outcome is Outcome.REFER
    if not gaps or (refers and truth.__class__ is Unknown):
        return finding
    declines = finding is not None and finding.outcome is Outcome.DECLINE
    if not declines and _agree(state.everywhere(ready.evaluate), truth):
        return finding
    return data_finding(gaps[0])


def _agree(truths: Sequence[Any], truth: Any) -> bool:
    """Whether all worlds give one truth; a None stands for worlds that are not looked at."""
    return all(t is not None and truth_of(t) is truth_of(truth) for t in truths)


def _conclude(
    truths: tuple[Any, ...], found: Sequence[tuple[_Ready, Any, Finding | None]]
) -> Conclusion:
    effects = {ready.rule.id: finding for ready, _, finding in found if finding is not None}
    gaps = [gap for _, truth, finding in found if finding is not None for gap in _gaps(truth)]
    findings = tuple(effects.values())
    outcome = worst([finding.outcome for finding in findings])
    return Conclusion(outcome, findings, (truths, effects), tuple(gaps))


def _note(ready: _Ready, truth: Any) -> str:
    if not isinstance(truth, Unknown):
        return ""
    shown = truth.shown
    note = f"{shown.name} is missing: {shown.missing.cause}"
    return f"{note}; {ready.rule.because}" if ready.rule.because and not truth.tainted else note
