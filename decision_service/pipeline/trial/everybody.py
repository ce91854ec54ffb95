"""Who there can be, for proofs: the factors of the catalogue, and the laws between them."""

from __future__ import annotations

from decision_service.factors.laws import LAWS, TOGETHER
from decision_service.factors.registry import catalogue
from decision_service.proofs.conditions import person_condition
from decision_service.proofs.world import FactorModel
from decision_service.ruleset.program.model import CompiledRuleset


def everybody(*rulesets: CompiledRuleset) -> FactorModel:
    """Every person who keeps the laws between the factors that the rulesets read.

    The rulesets have one currency.
    """
    specs, currency = catalogue(), rulesets[0].currency
    read = frozenset().union(*(ruleset.needs.factors for ruleset in rulesets))
    kept = (law.expression for law in LAWS if read.issuperset(law.factors))
    laws = tuple(person_condition(law, specs, {}, currency, "a law") for law in kept)
    groups = (tuple(name for name in group if name in read) for group in TOGETHER)
    return FactorModel(specs, laws, tuple(group for group in groups if len(group) > 1))
