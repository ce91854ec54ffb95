"""What argues against an approval, and the factors that each such argument rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from decision_service.domain.verdict import OfferKind, Outcome, Verdict
from decision_service.language.expressions.tree import Node, reads
from decision_service.ruleset.constructs.conditions import ConditionsRunner
from decision_service.ruleset.constructs.rules.run import RulesRunner
from decision_service.ruleset.program.findings import Conclusion, Finding, Trace
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.program.program import Stage

_WITHOUT_OUTPUTS = (RulesRunner, ConditionsRunner)
_ADVERSE = (Outcome.DECLINE, Outcome.REFER)


class Argument(msgspec.Struct, frozen=True):
    """One condition of a part that argues against, or all that a part says (`because` None).

    It is gone only where one of `factors` has another value. That less than the requested amount is
    offered is an argument without a part.
    """

    part: int | None
    because: Node | None
    factors: frozenset[str]

    def stands(self, verdict: Verdict) -> bool:
        """Whether it is among what the parts have concluded."""
        if self.part is None:  # of a decline nobody knows what would be offered
            return verdict.outcome is not Outcome.DECLINE and not in_full(verdict)
        conclusion = conclusions(verdict)[self.part]
        return conclusion is not None and any(
            finding.outcome in _ADVERSE
            and (self.because is None or finding.because is self.because)
            for finding in conclusion.findings
        )


class Reach:
    """Which factors the expressions of a ruleset rest on, through all that stands between.

    `made_of` names the factors that follow from others.
    """

    def __init__(self, ruleset: CompiledRuleset, made_of: Mapping[str, tuple[str, ...]]) -> None:
        self._ruleset, self._made_of = ruleset, made_of
        self._parts = (*ruleset.program.stages, *ruleset.program.closing)
        self._known: dict[str, frozenset[str]] = {}

    @cached_property
    def groups(self) -> Sequence[frozenset[str]]:
        """The factors of each condition of a rule, and of each other part."""
        trees = [(part, list(part.runner.trees())) for part in self._parts]
        conditions = [self.of([tree]) for part, each in trees if _has_rules(part) for tree in each]
        return [*conditions, *(self.of(each) for part, each in trees if not _has_rules(part))]

    def arguments(self, verdict: Verdict) -> Iterator[Argument]:
        """What argues against an approval of the requested amount in a verdict, each once."""
        if verdict.outcome is Outcome.APPROVE:
            yield from [] if in_full(verdict) else [Argument(None, None, self._of_outputs)]
        seen: set[tuple[int, int]] = set()
        for number, conclusion in enumerate(conclusions(verdict)):
            for finding in conclusion.findings if conclusion is not None else ():
                because = self._because(number, finding)
                if finding.outcome in _ADVERSE and (number, id(because)) not in seen:
                    seen.add((number, id(because)))
                    yield Argument(number, because, self._of_argument(number, because))

    def of(self, trees: Iterable[Node]) -> frozenset[str]:
        """The factors that expressions rest on."""
        names = {symbol.name for tree in trees for symbol in reads(tree)}
        return frozenset[str]().union(*(self._of_name(name) for name in names))

    def _because(self, number: int, finding: Finding) -> Node | None:
        """The condition of a rule; of other parts all that they say counts as one argument."""
        return finding.because if _has_rules(self._parts[number]) else None

    def _of_argument(self, number: int, because: Node | None) -> frozenset[str]:
        trees = list(self._parts[number].runner.trees())
        plain = because is not None and isinstance(self._parts[number].runner, RulesRunner)
        return self.of([because] if plain and because is not None else trees)

    def _of_name(self, name: str) -> frozenset[str]:
        if name not in self._known:
            self._known[name] = frozenset()  # while it is looked up: no name is made of itself
            self._known[name] = self._looked_up(name)
        return self._known[name]

    def _looked_up(self, name: str) -> frozenset[str]:
        family, _, rest = name.partition(".")
        if name in self._ruleset.needs.factors:
            return frozenset((name, *self._made_of.get(name, ())))
        if name in self._ruleset.derived:
            return self.of([self._ruleset.derived[name]])
        if family == "params":
            return self._of_name(self._ruleset.params[rest].by)
        return frozenset() if family in {"inputs", ""} else self._of_outputs

    @cached_property
    def _of_outputs(self) -> frozenset[str]:
        """All that scorecards, tables and the offer rest on."""
        parts = (part for part in self._parts if not _has_rules(part))
        return self.of(tree for part in parts for tree in part.runner.trees())


def in_full(verdict: Verdict) -> bool:
    """Whether the requested amount is offered."""
    return verdict.offer is not None and verdict.offer.kind is OfferKind.FULL


def conclusions(verdict: Verdict) -> tuple[Conclusion | None, ...]:
    """What each part of a ruleset has concluded, in order."""
    trace = verdict.raw_trace
    return (*trace.stages, *trace.closing) if isinstance(trace, Trace) else ()


def _has_rules(part: Stage) -> bool:
    return isinstance(part.runner, _WITHOUT_OUTPUTS)


def slot_values(verdict: Verdict) -> Sequence[Any]:
    """The values of all names by slot, as an evaluation left them."""
    trace = verdict.raw_trace
    return trace.values if isinstance(trace, Trace) else ()
