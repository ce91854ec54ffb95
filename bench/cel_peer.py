"""The reference set for CEL (C++): one list of all conditions, and expressions for the rest."""

from __future__ import annotations

from typing import Any

from cel_expr_python import cel

from bench.expressions import band, condition, flat, granted, points
from bench.reference import FACTORS, Answer, rules

_Prepared = dict[str, int]


class CelPeer:
    """CEL with the reference set compiled."""

    name, package = "cel-expr-python", "cel-expr-python"

    def __init__(self) -> None:
        given = {flat(name): cel.Type.INT for name in FACTORS}
        made = {"score": cel.Type.INT, "band": cel.Type.STRING}
        env = self._env = cel.NewEnv(variables={**given, **made})
        every = ", ".join(
            condition(r.left, r.bound, r.second, r.second_bound, "&&") for r in rules()
        )
        self._rules = env.compile(f"[{every}]")
        self._points, self._band = env.compile(points()), env.compile(band())
        self._granted = env.compile(granted("&&", "-1"))

    def prepare(self, values: dict[str, int]) -> _Prepared:
        """The values under names that the engine takes."""
        return {flat(name): value for name, value in values.items()}

    def evaluate(self, prepared: _Prepared) -> tuple[list[bool], int, str, int]:
        """Which rules held, the score, the band, and what the table gives (-1: no row)."""
        given = self._env.Activation(prepared)
        held: list[bool] = self._rules.eval(given).plain_value()
        score: int = self._points.eval(given).plain_value()
        found: str = self._band.eval(self._env.Activation({"score": score})).plain_value()
        asked = {"band": found, flat(FACTORS[28]): prepared[flat(FACTORS[28])]}
        months: Any = self._granted.eval(self._env.Activation(asked)).plain_value()
        return held, score, found, months

    def answer(self, prepared: _Prepared) -> Answer:
        """The result in the common form."""
        held, score, found, months = self.evaluate(prepared)
        ids = tuple(rule.id for rule, truth in zip(rules(), held, strict=True) if truth)
        return Answer(ids, score, found, None if months < 0 else months)
