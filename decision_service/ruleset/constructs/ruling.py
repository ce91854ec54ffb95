"""Runs rules: which hold, and what those that miss a value come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from decision_service.domain.verdict import Component, Outcome, ReferKind, RuleTrace
from decision_service.language.generated import Page, may_raise
from decision_service.language.threevalued import Evaluate, Gap, Unknown, compile_tree
from decision_service.language.tree import Node, reads
from decision_service.ruleset.constructs.rule import Rule
from decision_service.ruleset.findings import Conclusion, Finding, data_finding, worst
from decision_service.ruleset.part import View
from decision_service.ruleset.state import LISTS, State
from decision_service.ruleset.weighing import Weigh, displayed, weigher, write_weighed
from decision_service.ruleset.wording import truth_of


class Ready(msgspec.Struct, frozen=True):
    """A rule with what it concludes when it holds."""

    rule: Rule
    when: Node
    then: Outcome
    evaluate: Evaluate
    weigh: Weigh
    slots: frozenset[int]
    holds: Finding

    @classmethod
    def of(cls, rule: Rule, component: Component) -> Ready:
        """A rule that was read without errors."""
        if rule.when is None or rule.then is None:
            raise AssertionError(rule.id)
        kind = None
        if rule.then is Outcome.REFER:
            kind = ReferKind.LEGAL if component is Component.LEGAL else ReferKind.POLICY
        holds = Finding(
            rule.then,
            rule.reason,
            component,
            kind,
            because=rule.when,
            about=rule.reason_factor,
            name=rule.id,
        )
        slots = frozenset(symbol.slot for symbol in reads(rule.when))
        evaluate, weigh = compile_tree(rule.when), weigher(rule.when)
        return cls(rule, rule.when, rule.then, evaluate, weigh, slots, holds)


class RulesRunner:
    """Evaluates all rules; concludes the worst of those that hold."""

    outputs: tuple[int, ...] = ()

    def __init__(self, component: Component, ready: Sequence[Ready]) -> None:
        self.component = component
        self.ready = tuple(ready)

    def run(self, state: State) -> Conclusion:
        """The worst of the rules that hold; what is UNKNOWN does as `on_missing` says."""
        noted = [(r.evaluate(state.values), r.weigh(state.values)) for r in self.ready]
        pairs = zip(self.ready, noted, strict=True)
        return _conclude(noted, [(r, truth, _marked(r, truth, state)) for r, (truth, _) in pairs])

    def write(self, page: Page) -> str:
        """One condition after the other; only a rule that misses a value is asked with care."""
        if page.source.traced:
            return displayed([_write_weighed(ready, page) for ready in self.ready])
        for ready in self.ready:
            _write(ready, page)
        return "()"

    def reviewed(self, noted: tuple[Any, ...], _values: Sequence[Any]) -> Conclusion:
        """From each rule's truth and those of its comparisons."""
        pairs = zip(self.ready, noted, strict=True)
        return _conclude(noted, [(r, truth, _finding(r, truth)) for r, (truth, _) in pairs])

    def note(self, _record: tuple[Any, ...]) -> str:
        """Nothing: the rows say it all."""
        return ""

    def describe(self, record: tuple[Any, ...], view: View) -> tuple[RuleTrace, ...]:
        """Each rule with its comparisons and, where it had one, its effect."""
        noted, effects = record
        found = [effects.get(ready.rule.id) for ready in self.ready]
        return tuple(
            RuleTrace(
                stage=view.stage,
                id=ready.rule.id,
                truth=truth_of(truth),
                effect=str(finding.outcome) if finding else "",
                reason=finding.code if finding else "",
                comparisons=view.wording.comparisons(ready.when, view.values, weighed),
                note=_note(ready, truth),
            )
            for ready, (truth, weighed), finding in zip(self.ready, noted, found, strict=True)
        )

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        """Each rule as true, false or unknown."""
        for ready, (truth, _) in zip(self.ready, record[0], strict=True):
            yield ready.rule.what, truth_of(truth).lower()

    def goals(self) -> Iterable[tuple[str, str]]:
        """Every rule true, false and, where it needs something, unknown."""
        for ready in self.ready:
            yield ready.rule.what, "true"
            yield ready.rule.what, "false"
            if ready.slots:
                yield ready.rule.what, "unknown"


def _write(ready: Ready, page: Page) -> None:
    """A rule's condition as one expression."""
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


def _write_weighed(ready: Ready, page: Page) -> str:
    """A rule's comparisons one by one; the name of its truth and theirs."""
    noted = page.source.temporary()
    piece = Page(page.source)
    truth, weighed = write_weighed(ready.when, piece)
    piece.line(f"{noted} = ({truth}, {weighed})")
    piece.line(f"if {truth}:")
    piece.line(f"{LISTS[ready.then]}.append({page.bind(ready.holds)})", 1)
    missing = f"if gone and not {page.bind(frozenset(piece.hard))}.isdisjoint(gone):"
    careful = f"{noted} = {page.bind(partial(_weigh, ready))}(s)"
    page.attempt([missing, "    raise NeedsCare", *piece.lines], [careful])
    return noted


def _weigh(ready: Ready, state: State) -> tuple[Any, tuple[Any, ...]]:
    """Add what one rule finds; its truth and those of its comparisons."""
    return _examine(ready, state), ready.weigh(state.values)


def _examine(ready: Ready, state: State) -> Any:
    """Add what one rule finds, a missing value among it; the rule's truth."""
    truth = ready.evaluate(state.values)
    finding = _finding(ready, truth)
    if finding is not None:
        state.add(finding)
        state.gaps += _gaps(truth)
    return truth


def _gaps(truth: Any) -> tuple[Gap, ...]:
    return truth.gaps if truth.__class__ is Unknown else ()


def _finding(ready: Ready, truth: Any) -> Finding | None:
    if truth is True:
        return ready.holds
    if truth is False:
        return None
    rule = ready.rule
    if truth.tainted:
        return data_finding(truth.shown)
    if rule.on_missing is None:
        return None
    return data_finding(truth.shown, rule.on_missing, rule.missing_reason, ready.when)


def _marked(ready: Ready, truth: Any, state: State) -> Finding | None:
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
    noted: Sequence[tuple[Any, tuple[Any, ...]]],
    found: Sequence[tuple[Ready, Any, Finding | None]],
) -> Conclusion:
    """The worst that was found; the record keeps each rule's truth, its comparisons' and effect."""
    effects = {ready.rule.id: finding for ready, _, finding in found if finding is not None}
    gaps = [gap for _, truth, finding in found if finding is not None for gap in _gaps(truth)]
    findings = tuple(effects.values())
    outcome = worst([finding.outcome for finding in findings])
    return Conclusion(outcome, findings, (tuple(noted), effects), tuple(gaps))


def _note(ready: Ready, truth: Any) -> str:
    if not isinstance(truth, Unknown):
        return ""
    shown = truth.shown
    note = f"{shown.name} is missing: {shown.missing.cause}"
    return f"{note}; {ready.rule.because}" if ready.rule.because and not truth.tainted else note
