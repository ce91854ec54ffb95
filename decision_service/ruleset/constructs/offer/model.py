"""An offer's content: its lines from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from decision_service.language.diagnostics import Place
from decision_service.language.expressions.tree import Node
from decision_service.language.types import Symbol
from decision_service.ruleset.constructs.offer.choice import TermChoice

MAXIMUM, AMOUNT, MINIMUM = "max_amount", "approved_amount", "minimum_amount"
BELOW, TERM, RATE, TIER = "below_minimum", "term_months", "monthly_rate", "tier"


@dataclass(frozen=True, slots=True)
class OfferLine:
    """One line of the offer."""

    symbol: Symbol
    tree: Node
    place: Place = field(compare=False)


class Terms(msgspec.Struct, frozen=True):
    """An offer's lines in order; `below` is the reason of an amount under the minimum.

    `choice` is how the term is chosen, where it is.
    """

    lines: Mapping[str, OfferLine]
    below: str
    requested: Symbol | None
    currency: str
    choice: TermChoice | None = None
