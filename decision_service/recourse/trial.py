"""Evaluations of one application with other values of some factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from msgspec.structs import replace

from decision_service.domain.factor import FactorValue
from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome, Verdict
from decision_service.recourse.lawful import Laws
from decision_service.recourse.reach import in_full
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate, load, load_more

Changed = Mapping[str, FactorValue]


class Trial:
    """One application, and what the rules say of it where factors are changed.

    There are several `worlds` where a later day is looked at and nobody knows on which days
    birthdays fall; what is reached is reached in each. `whole_amount` asks for all that was
    requested.
    """

    def __init__(
        self, ruleset: CompiledRuleset, worlds: Sequence[Facts], laws: Laws, *, whole_amount: bool
    ) -> None:
        self.ruleset, self.worlds, self.laws = ruleset, worlds, laws
        self.whole_amount = whole_amount
        self._loaded = [load(ruleset, facts.factors, facts.as_of) for facts in worlds]

    @cached_property
    def _broken(self) -> list[frozenset[int]]:
        """The laws that do not hold of each world as it is, which hardly happens."""
        return [self.laws.broken(facts.factors) for facts in self.worlds]

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdict of each world as it is."""
        return self.verdicts_with({})

    @property
    def approves(self) -> bool:
        """Whether the goal is reached as it is, in a world that could be."""
        ways = zip(self.worlds, self._loaded, strict=True)
        verdicts = (evaluate(self.ruleset, replace(f, loaded=known)) for f, known in ways)
        reached = (self._reached(verdict) for verdict in verdicts)
        return all(reached)

    @property
    def values(self) -> Mapping[str, FactorValue]:
        """The factors as they are; of several worlds those of the first."""
        return self.worlds[0].factors

    def lawful(self, changed: Changed) -> bool:
        """Whether a change breaks no law that holds without it."""
        return all(
            self.laws.broken({**facts.factors, **every}, every) <= before
            for facts, before in zip(self.worlds, self._broken, strict=True)
            for every in [self.laws.completed(facts.factors, changed)]
        )

    def verdicts_with(self, changed: Changed) -> tuple[Verdict, ...]:
        """The verdict of each world with changed factors, and with what follows from them."""
        return tuple(
            evaluate(self.ruleset, replace(facts, loaded=load_more(self.ruleset, loaded, every)))
            for facts, loaded in zip(self.worlds, self._loaded, strict=True)
            for every in [self.laws.completed(facts.factors, changed)]
        )

    def reached(self, verdicts: Sequence[Verdict]) -> bool:
        """Whether every world is approved, with the requested amount where that is asked for."""
        return all(self._reached(verdict) for verdict in verdicts)

    def _reached(self, verdict: Verdict) -> bool:
        whole = in_full(verdict) or not self.whole_amount
        return verdict.outcome is Outcome.APPROVE and whole


def approved(verdicts: Sequence[Verdict]) -> Money | None:
    """The least of the approved amounts; None without an offer."""
    found = [v.offer.approved_amount for v in verdicts if v.offer is not None]
    return min(found, key=lambda money: money.minor) if len(found) == len(verdicts) else None
