"""The reference set for rule-engine (Python): one rule a condition, and expressions for the rest."""

from __future__ import annotations

from typing import Any

import rule_engine

from bench.expressions import band, condition, flat, granted, points
from bench.reference import FACTORS, Answer, rules

_Prepared = dict[str, Any]


class RuleEnginePeer:
    """rule-engine with the reference set parsed."""

    name, package = "rule-engine", "rule-engine"

    def __init__(self) -> None:
        self._rules = [
            rule_engine.Rule(condition(r.left, r.bound, r.second, r.second_bound, "and"))
            for r in rules()
        ]
        self._points, self._band = rule_engine.Rule(points()), rule_engine.Rule(band())
        self._granted = rule_engine.Rule(granted("and", "-1"))

    def prepare(self, values: dict[str, int]) -> _Prepared:
        """The values under names that the engine takes."""
        return {flat(name): value for name, value in values.items()}

    def evaluate(self, prepared: _Prepared) -> tuple[list[bool], Any, Any, Any]:
        """Which rules held, the score, the band, and what the table gives (-1: no row)."""
        held = [rule.matches(prepared) for rule in self._rules]
        score = self._points.evaluate(prepared)
        found = self._band.evaluate({"score": score})
        asked = {"band": found, flat(FACTORS[28]): prepared[flat(FACTORS[28])]}
        return held, score, found, self._granted.evaluate(asked)

    def answer(self, prepared: _Prepared) -> Answer:
        """The result in the common form."""
        held, score, found, months = self.evaluate(prepared)
        ids = tuple(rule.id for rule, truth in zip(rules(), held, strict=True) if truth)
        return Answer(ids, int(score), str(found), None if months < 0 else int(months))
