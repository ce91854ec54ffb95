"""Who there can be, for proofs: the factors of the catalogue, and the laws between them."""

from __future__ import annotations

from collections.abc import Iterable

from decision_service.factors.registry import catalogue
from decision_service.proofs.conditions import person_condition
from decision_service.proofs.questions import World


def everybody(currency: str, laws: Iterable[str] = ()) -> World:
    """Every person, who keeps laws written in the rule language; raises ConditionUnfit."""
    specs = catalogue()
    read = (person_condition(law, specs, {}, currency, "a law") for law in laws)
    return World(specs, tuple(read))
