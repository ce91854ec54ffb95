"""The smallest change of some factors that reaches the goal, with the evaluator as judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import combinations, product

import msgspec
from msgspec.structs import replace

from decision_service.casework.recourse_changes import Candidate, Laws, Pools, Uses, movable
from decision_service.domain.decision import OfferKind, Outcome, Verdict
from decision_service.domain.factor import FactorValue
from decision_service.domain.values import Money
from decision_service.rules.construct import Conclusion, Finding, Trace
from decision_service.rules.evaluate import Facts, evaluate, load, load_more
from decision_service.rules.knockouts import ConditionsRunner, RulesRunner
from decision_service.rules.language.types import Node, reads
from decision_service.rules.program import CompiledRuleset, Stage

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
        if self.part is None:  # what a decline would offer is not known
            return verdict.outcome is not Outcome.DECLINE and not in_full(verdict)
        conclusion = conclusions(verdict)[self.part]
        return conclusion is not None and any(
            finding.outcome in _ADVERSE
            and (self.because is None or finding.because is self.because)
            for finding in conclusion.findings
        )


class Reach:
    """Which factors the expressions of a ruleset rest on, directly and by way of `made_of`."""

    def __init__(self, ruleset: CompiledRuleset, made_of: Mapping[str, tuple[str, ...]]) -> None:
        self._ruleset = ruleset
        self._made_of = made_of
        self._parts = (*ruleset.program.stages, *ruleset.program.closing)
        self._known: dict[str, frozenset[str]] = {}

    @cached_property
    def groups(self) -> Sequence[frozenset[str]]:
        trees = [(part, list(part.runner.trees())) for part in self._parts]
        conditions = [self.of([tree]) for part, each in trees if _has_rules(part) for tree in each]
        return [*conditions, *(self.of(each) for part, each in trees if not _has_rules(part))]

    def arguments(self, verdict: Verdict) -> Iterator[Argument]:
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
    return verdict.offer is not None and verdict.offer.kind is OfferKind.FULL


def conclusions(verdict: Verdict) -> tuple[Conclusion | None, ...]:
    trace = verdict.raw_trace
    return (*trace.stages, *trace.closing) if isinstance(trace, Trace) else ()


def _has_rules(part: Stage) -> bool:
    return isinstance(part.runner, _WITHOUT_OUTPUTS)


Changed = Mapping[str, FactorValue]


class Trial:
    """One application, and what the rules say of it where factors are changed.

    There are several `worlds` where a later day is looked at, since it is not known on which days
    birthdays fall; what is reached is reached in each. `whole_amount` asks for all that was
    requested.
    """

    def __init__(
        self, ruleset: CompiledRuleset, worlds: Sequence[Facts], laws: Laws, *, whole_amount: bool
    ) -> None:
        self.ruleset = ruleset
        self.worlds = worlds
        self.laws = laws
        self.whole_amount = whole_amount
        self._loaded = [load(ruleset, facts.factors, facts.as_of) for facts in worlds]

    @cached_property
    def _broken(self) -> list[frozenset[int]]:
        return [self.laws.broken(facts.factors) for facts in self.worlds]

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        return self.verdicts_with({})

    @property
    def values(self) -> Mapping[str, FactorValue]:
        """The factors as they are; of several worlds those of the first."""
        return self.worlds[0].factors

    def lawful(self, changed: Changed) -> bool:
        return all(
            self.laws.broken({**facts.factors, **every}, every) <= before
            for facts, before in zip(self.worlds, self._broken, strict=True)
            for every in [self.laws.completed(facts.factors, changed)]
        )

    def verdicts_with(self, changed: Changed) -> tuple[Verdict, ...]:
        return tuple(
            evaluate(self.ruleset, replace(facts, loaded=load_more(self.ruleset, loaded, every)))
            for facts, loaded in zip(self.worlds, self._loaded, strict=True)
            for every in [self.laws.completed(facts.factors, changed)]
        )

    def reaches(self, changed: Changed) -> bool:
        """Whether the goal is reached with lawful changes, in each world."""
        return self.lawful(changed) and all(
            verdict.outcome is Outcome.APPROVE and (in_full(verdict) or not self.whole_amount)
            for verdict in self.verdicts_with(changed)
        )


def approved(verdicts: Sequence[Verdict]) -> Money | None:
    """The least of the approved amounts; None without an offer."""
    found = [v.offer.approved_amount for v in verdicts if v.offer is not None]
    return min(found, key=lambda money: money.minor) if len(found) == len(verdicts) else None


Changes = tuple[Candidate, ...]


class Search:
    def __init__(self, trial: Trial, uses: Uses, reach: Reach) -> None:
        self.trial = trial
        self.arguments = [
            (world, argument)
            for world, verdict in enumerate(trial.verdicts)
            for argument in reach.arguments(verdict)
        ]
        made_of = trial.laws.made_of
        self.movable = [name for name in movable(trial.values, trial.values) if name not in made_of]
        self._uses = uses
        self._reach = reach
        self._silenced: dict[tuple[int, Changes], bool] = {}

    @property
    def is_blocked(self) -> bool:
        return any(one.factors.isdisjoint(self.movable) for _, one in self.arguments)

    def smallest(self, size: int) -> Changes | None:
        """The change of so many factors with the least sum of steps, of equal ones the first."""
        if size == 0 or self.is_blocked:
            return None
        for _, changes in sorted(self._of_size(size), key=lambda pair: pair[0]):
            if self._reaches(changes):
                return changes
        return None

    @cached_property
    def pools(self) -> Mapping[str, list[Candidate]]:
        trace = self.trial.verdicts[0].raw_trace
        seen = trace.values if isinstance(trace, Trace) else ()
        return Pools(self._uses, self.trial.values, seen, laws=self.trial.laws).of(self._useful())

    def _useful(self) -> list[str]:
        """Any other can be left out: what it silences was there neither before nor after."""
        found = self._rested_on().intersection(self.movable)
        every = (*self._reach.groups, *self.trial.laws.groups)
        groups = [group.intersection(self.movable) for group in every]
        while more := {n for g in groups if not g.isdisjoint(found) for n in g} - found:
            found |= more
        return [name for name in self.movable if name in found]

    def _rested_on(self) -> frozenset[str]:
        if not self.arguments:
            return frozenset(self.movable)
        return frozenset[str]().union(*(argument.factors for _, argument in self.arguments))

    def _of_size(self, size: int) -> Iterator[tuple[tuple[Decimal, tuple[str, ...]], Changes]]:
        for names in combinations(self.pools, size):
            if all(not a.factors.isdisjoint(names) for _, a in self.arguments):
                for changes in product(*(self._silencing(name, names) for name in names)):
                    yield (sum_of_steps(changes), names), changes

    def _silencing(self, name: str, names: Sequence[str]) -> list[Candidate]:
        """The values of a factor that silence what rests on it alone of all that is changed."""
        alone = [
            number
            for number, (_, argument) in enumerate(self.arguments)
            if argument.factors.intersection(names) == {name}
        ]

        def silences(candidate: Candidate) -> bool:
            return all(self._is_silent(number, (candidate,)) for number in alone)

        return [*filter(silences, self.pools[name])]

    def _reaches(self, changes: Changes) -> bool:
        for number, (_, argument) in enumerate(self.arguments):
            part = tuple(c for c in changes if c.factor in argument.factors)
            if len(part) < len(changes) and not self._is_silent(number, part):
                return False
        return self.trial.reaches(as_values(changes))

    def _is_silent(self, number: int, changes: Changes) -> bool:
        key = (number, changes)
        if key not in self._silenced:
            verdicts = self.trial.verdicts_with(as_values(changes))
            for other, (world, argument) in enumerate(self.arguments):
                if all(c.factor in argument.factors for c in changes):
                    self._silenced[other, changes] = not argument.stands(verdicts[world])
        return self._silenced[key]


def as_values(changes: Changes) -> Mapping[str, FactorValue]:
    return {each.factor: each.value for each in changes}


def sum_of_steps(changes: Changes) -> Decimal:
    return sum((each.steps for each in changes), Decimal(0))
