"""`min`, `max` and `unit` of a parameter: what each of its values must be."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.language.expressions.tree import Literal
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import Scalar, YamlNode
from decision_service.ruleset.reading.bounds import BOUNDED, bounds_text, major, read_bounds
from decision_service.ruleset.reading.draft import RulesetDraft

SHARE = "share"
"""The unit whose values lie between 0 and 1 where no bounds are written."""

_LONGEST_UNIT = 40


class ParamLimits(msgspec.Struct, frozen=True):
    """The bounds (inclusive, money in major units) and the unit of one parameter."""

    name: str
    type: ValueType
    lower: Decimal | None
    upper: Decimal | None
    unit: str

    def has(self, value: Literal, currency: str) -> bool:
        """Whether a value lies within the bounds; a text, flag or date always does."""
        if self.type not in BOUNDED or not isinstance(value, int | Decimal):
            return True
        amount = major(value, self.type, currency)
        low, high = self.lower, self.upper
        return (low is None or low <= amount) and (high is None or amount <= high)

    def refusal(self, node: YamlNode) -> str:
        """`is 30; `max_debt_to_income` is 0 to 1 (share)`."""
        written = node.text if isinstance(node, Scalar) else ""
        unit = f" ({self.unit})" if self.unit else ""
        return f"is {written}; `{self.name}` is {bounds_text(self.lower, self.upper)}{unit}"

    @property
    def hint(self) -> str:
        """What is most often meant."""
        return "30 % is written 0.30" if self.upper == 1 else "change it, or the bounds"


def read_limits(fields: Fields, name: str, type_: ValueType, draft: RulesetDraft) -> ParamLimits:
    """The limits as written, a share's own where no bounds are."""
    lower, upper = read_bounds(fields, type_, draft.names.currency, draft.report)
    unit = _unit(fields, type_, draft)
    if unit == SHARE:
        lower = Decimal(0) if lower is None else lower
        upper = Decimal(1) if upper is None else upper
    return ParamLimits(name, type_, lower, upper, unit)


def _unit(fields: Fields, type_: ValueType, draft: RulesetDraft) -> str:
    unit = fields.text("unit") or ""
    if unit and type_ not in BOUNDED:
        message = f"`unit` does not fit the type {type_}"
        draft.report.error("R312", fields.node.key_place("unit"), message, "remove it")
    elif len(unit) > _LONGEST_UNIT:
        message = f"`unit` has {len(unit)} characters; {_LONGEST_UNIT} are allowed"
        draft.report.error("R123", fields.place("unit"), message)
    return unit
