"""Claims about two versions as queries: what the new version never does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from decision_service.author.proofs.people import FactorModel, person_condition
from decision_service.author.proofs.questions import (
    Question,
    better_term,
    inputs_of,
    more_term,
    other_price_term,
    other_term,
)
from decision_service.author.proofs.ruleset import EncodedVerdict
from decision_service.author.proofs.terms import Builder, Term
from decision_service.domain.errors import Unfit
from decision_service.rules.program import CompiledRuleset, InputSpec


class Claim(StrEnum):
    TIGHTENS = "tightens"
    LOOSENS = "loosens"
    EQUIVALENT = "equivalent"
    SAME_AMOUNTS = "same-amounts"
    SAME_PRICE = "same-price"
    APPROVES_NO_MORE = "approves-no-more"
    ONLY = "only"


class ClaimLaw(NamedTuple):
    """What a claim says of old and new verdicts, in words and of terms.

    `asked` is what `rules diff` asks of a change, empty where it does not; `words` are about OLD
    and NEW. Of `inputs`, new (1) and old (-1), none may take what the other side refuses.
    """

    asked: str
    words: str
    broken: Callable[[Builder, EncodedVerdict, EncodedVerdict], Term]
    inputs: tuple[int, ...] = ()


def _gains(b: Builder, old: EncodedVerdict, new: EncodedVerdict) -> Term:
    return b.or_(better_term(b, old, new), more_term(b, old, new))


def _loses(b: Builder, old: EncodedVerdict, new: EncodedVerdict) -> Term:
    return _gains(b, new, old)


def _approves_more(b: Builder, old: EncodedVerdict, new: EncodedVerdict) -> Term:
    return b.and_(new.approved, b.not_(old.approved))


def _other_amount(b: Builder, old: EncodedVerdict, new: EncodedVerdict) -> Term:
    return b.or_(more_term(b, old, new), more_term(b, new, old))


CLAIMS: Mapping[Claim, ClaimLaw] = {
    Claim.TIGHTENS: ClaimLaw(
        "no applicant gets a better outcome or a larger amount",
        "NEW gives no applicant a better outcome or a larger amount than OLD",
        _gains,
        inputs=(1,),
    ),
    Claim.APPROVES_NO_MORE: ClaimLaw(
        "no decline and no referral becomes an approval",
        "every approval of NEW is one of OLD too",
        _approves_more,
        inputs=(1,),
    ),
    Claim.LOOSENS: ClaimLaw(
        "no applicant gets a worse outcome or a smaller amount",
        "NEW gives no applicant a worse outcome or a smaller amount than OLD",
        _loses,
        inputs=(-1,),
    ),
    Claim.SAME_AMOUNTS: ClaimLaw(
        "no applicant is offered another amount",
        "NEW offers no applicant another amount than OLD",
        _other_amount,
    ),
    Claim.SAME_PRICE: ClaimLaw(
        "the price of a loan stays the same",
        "NEW offers a loan at the price of OLD",
        other_price_term,
    ),
    Claim.EQUIVALENT: ClaimLaw(
        "no applicant is decided differently",
        "NEW decides every applicant as OLD does",
        other_term,
        inputs=(1, -1),
    ),
    Claim.ONLY: ClaimLaw(
        "", "outside of WHERE, NEW decides every applicant as OLD does", other_term, inputs=(1, -1)
    ),
}


class Incomparable(Unfit):
    """Two versions that cannot be compared; the message says why."""


def compared(
    old: CompiledRuleset, new: CompiledRuleset, claim: Claim, world: FactorModel, where: str = ""
) -> Question:
    """The claim about two versions; raises Incomparable, and FormulaUnfit of `where`."""
    _check(old, new)
    _check_bounds(old, new, claim)
    return unchecked(old, new, claim, world=world, where=where)


def unchecked(
    old: CompiledRuleset, new: CompiledRuleset, claim: Claim, world: FactorModel, where: str = ""
) -> Question:
    """The claim about two versions that may read the same person differently."""
    condition = None
    sides = (f"v{old.version}", f"v{new.version}")
    if where:
        inputs = {symbol.name: symbol for symbol in inputs_of((old, new)).values()}
        condition = person_condition(
            where, world.catalogue, inputs, currency=new.currency, what="WHERE"
        )
    if sides[0] == sides[1]:
        sides = (f"{sides[0]} before", f"{sides[1]} after")
    return Question(
        claim, (old, new), sides, world=world, broken=CLAIMS[claim].broken, where=condition
    )


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
            f"{_differing(old, new)}, so that the same person has other factors: prove what else "
            "changed with the same in both"
        )
    for name, spec in old.inputs.items():
        other = new.inputs.get(name)
        if other is not None and other.type is not spec.type:
            raise Incomparable(
                f"inputs.{name} is {spec.type} in one version, {other.type} in the other"
            )
        if other is not None and other.max_age != spec.max_age:
            raise Incomparable(
                f"inputs.{name} is too old on another day in one version than in the other: prove "
                f"what else changed with the same `max_age` of inputs.{name} in both"
            )


def _differing(old: CompiledRuleset, new: CompiledRuleset) -> str:
    """What two versions read a person by, where it differs."""
    ages = old.needs.policy.max_age, new.needs.policy.max_age
    if ages[0] != ages[1]:
        hours = [age // timedelta(hours=1) for age in ages]
        return f"`max_age` is {hours[0]}h in one version, {hours[1]}h in the other"
    return "a file of `_data` is another one for one version than for the other"


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
