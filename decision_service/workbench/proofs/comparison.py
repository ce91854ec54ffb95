"""Claims about two versions as queries: what the new version never does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from decision_service.domain.decision import Outcome, Verdict
from decision_service.rules.language.types import Symbol
from decision_service.rules.program import CompiledRuleset, InputSpec
from decision_service.workbench.proofs.encoding import holds
from decision_service.workbench.proofs.people import (
    FactorModel,
    PersonCondition,
    PersonValues,
    person_condition,
)
from decision_service.workbench.proofs.questions import (
    Period,
    Posed,
    better_term,
    inputs_of,
    is_better,
    is_more,
    is_other,
    is_other_price,
    lawful,
    more_term,
    other_price_term,
    other_term,
    people_of,
    verdict_on,
)
from decision_service.workbench.proofs.ruleset import EncodedVerdict, encode_ruleset
from decision_service.workbench.proofs.terms import Builder, Term


class Claim(StrEnum):
    TIGHTENS = "tightens"
    LOOSENS = "loosens"
    EQUIVALENT = "equivalent"
    SAME_AMOUNTS = "same-amounts"
    SAME_PRICE = "same-price"
    APPROVES_NO_MORE = "approves-no-more"
    ONLY = "only"


class ClaimLaw(NamedTuple):
    """What a claim says of old and new verdicts, in words, of terms and of two verdicts.

    `asked` is what `rules diff` asks of a change, empty where it does not; `words` are about OLD
    and NEW. Of `inputs`, new (1) and old (-1), none may take what the other side refuses.
    """

    asked: str
    words: str
    broken: Callable[[Builder, EncodedVerdict, EncodedVerdict], Term]
    breaks: Callable[[Verdict, Verdict], bool]
    inputs: tuple[int, ...] = ()


def _gains(b: Builder, old: EncodedVerdict, new: EncodedVerdict) -> Term:
    return b.or_(better_term(b, old, new), more_term(b, old, new))


def _gained(old: Verdict, new: Verdict) -> bool:
    return is_better(old, new) or is_more(old, new)


CLAIMS: Mapping[Claim, ClaimLaw] = {
    Claim.TIGHTENS: ClaimLaw(
        "nobody gets a better outcome or a larger amount",
        "NEW approves nobody more, and no larger amount, than OLD",
        _gains,
        _gained,
        (1,),
    ),
    Claim.APPROVES_NO_MORE: ClaimLaw(
        "no decline and no referral becomes an approval",
        "every approval of NEW is one of OLD too",
        lambda b, old, new: b.and_(new.approved, b.not_(old.approved)),
        lambda old, new: new.outcome is Outcome.APPROVE is not old.outcome,
        (1,),
    ),
    Claim.LOOSENS: ClaimLaw(
        "nobody gets a worse outcome or a smaller amount",
        "NEW approves nobody less, and no smaller amount, than OLD",
        lambda b, old, new: _gains(b, new, old),
        lambda old, new: _gained(new, old),
        (-1,),
    ),
    Claim.SAME_AMOUNTS: ClaimLaw(
        "nobody is offered another amount",
        "NEW offers nobody another amount than OLD",
        lambda b, old, new: b.or_(more_term(b, old, new), more_term(b, new, old)),
        lambda old, new: is_more(old, new) or is_more(new, old),
    ),
    Claim.SAME_PRICE: ClaimLaw(
        "the price of a loan stays the same",
        "NEW offers a loan at the price of OLD",
        other_price_term,
        is_other_price,
    ),
    Claim.EQUIVALENT: ClaimLaw(
        "nobody is decided otherwise",
        "NEW decides everybody as OLD does",
        other_term,
        is_other,
        (1, -1),
    ),
    Claim.ONLY: ClaimLaw(
        "",
        "NEW decides nobody otherwise than OLD outside of WHERE",
        other_term,
        is_other,
        (1, -1),
    ),
}


class Incomparable(ValueError):
    """Two versions of which nobody can be asked the same question; the message says why."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim about an old and a new version; ONLY has the condition outside which none differs."""

    old: CompiledRuleset
    new: CompiledRuleset
    claim: Claim
    world: FactorModel
    where: PersonCondition | None = None

    @property
    def sides(self) -> Sequence[str]:
        old, new = (f"v{r.version}" for r in self.rulesets)
        return (f"{old} before", f"{new} after") if old == new else (old, new)

    @property
    def rulesets(self) -> Sequence[CompiledRuleset]:
        return (self.old, self.new)

    @property
    def moved(self) -> Sequence[tuple[Symbol, int]]:
        return ()

    def pose(self, period: Period, fixed: Mapping[str, Any]) -> Posed:
        people = people_of(self, fixed)
        b = people.builder
        old, new = (encode_ruleset(r, people, period.start) for r in self.rulesets)
        outside = b.true if self.where is None else b.not_(holds(b, self.where.encoded(people)))
        broken = b.and_(outside, self._broken(b, old, new))
        return Posed(people, broken, lawful(self, people, period), {})

    def _broken(self, b: Builder, old: EncodedVerdict, new: EncodedVerdict) -> Term:
        law = CLAIMS[self.claim]
        if (
            self.claim in (Claim.EQUIVALENT, Claim.ONLY)
            and self.old.valid_for != self.new.valid_for
        ):
            return b.true
        return law.broken(b, old, new)

    def judged(
        self,
        person: PersonValues,
        _changed: Mapping[str, Any],
        day: date,
        /,
        first: Verdict | None = None,
    ) -> Sequence[Verdict] | None:
        if self.where is not None and self.where.truth(person) is True:
            return None
        old = first or verdict_on(person, self.old, day)
        new = verdict_on(person, self.new, day)
        return (old, new) if CLAIMS[self.claim].breaks(old, new) else None


def compared(
    old: CompiledRuleset, new: CompiledRuleset, claim: Claim, world: FactorModel, where: str = ""
) -> Comparison:
    """The claim about two versions; raises Incomparable, and FormulaUnfit of `where`."""
    _check(old, new)
    _check_bounds(old, new, claim)
    if not where:
        return Comparison(old, new, claim, world)
    inputs = {symbol.name: symbol for symbol in inputs_of((old, new)).values()}
    condition = person_condition(where, world.catalogue, inputs, new.currency, "WHERE")
    return Comparison(old, new, claim, world, condition)


def _check(old: CompiledRuleset, new: CompiledRuleset) -> None:
    if old.currency != new.currency:
        raise Incomparable(f"one version is in {old.currency}, the other in {new.currency}")
    if old.zone.key != new.zone.key:
        raise Incomparable(
            f"`time_zone` is {old.zone.key} in one version, {new.zone.key} in the other, so that "
            "the same moment is on another day: prove what else changed with one zone in both"
        )
    for name in sorted(old.lists.keys() & new.lists.keys()):
        if old.lists[name].keys != new.lists[name].keys:
            raise Incomparable(
                f"lists.{name} has other keys in one version than in the other: prove what else "
                "changed with the same list in both"
            )
    if not old.needs.computes_as(new.needs):
        raise Incomparable(
            "`data:` differs, so that the same person has other factors: prove what else changed "
            "with the same `data:` in both"
        )
    for name, spec in old.inputs.items():
        other = new.inputs.get(name)
        if other is not None and other.type is not spec.type:
            raise Incomparable(
                f"inputs.{name} is {spec.type} in one version, {other.type} in the other"
            )


def _check_bounds(old: CompiledRuleset, new: CompiledRuleset, claim: Claim) -> None:
    for side in CLAIMS[claim].inputs:
        refusing, taking = (old, new) if side > 0 else (new, old)
        wider = [n for n, s in refusing.inputs.items() if _takes_more(taking.inputs.get(n), s)]
        if wider:
            raise Incomparable(
                f"inputs.{wider[0]} may have a value in one version that the other refuses: prove "
                f"what else changed with the same inputs.{wider[0]} in both"
            )


def _takes_more(taken: InputSpec | None, refused: InputSpec) -> bool:
    if taken is None:  # it is dropped unseen, so that every value is taken
        bounded = refused.lower is not None or refused.upper is not None
        return bool(refused.required or refused.labels or bounded)
    lower = refused.lower is not None and (taken.lower is None or taken.lower < refused.lower)
    upper = refused.upper is not None and (taken.upper is None or taken.upper > refused.upper)
    labels = refused.labels and not (taken.labels and {*taken.labels} <= {*refused.labels})
    return bool(lower or upper or labels or (refused.required and not taken.required))
