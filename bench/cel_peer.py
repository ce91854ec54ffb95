"""The reference set for CEL (C++): one list of all conditions, and expressions for the rest."""

from __future__ import annotations

from typing import Any

from cel_expr_python import cel

from bench.reference import BANDS, BASE, BINS, FACTORS, Answer, characteristics, rules, table_rows

_Prepared = dict[str, int]


def flat(name: str) -> str:
    """A factor's name without its point."""
    return name.replace(".", "_")


def condition(left: str, bound: int, second: str | None, second_bound: int, and_: str) -> str:
    """A rule's condition in the words of C."""
    more = f" {and_} {flat(second)} < {second_bound}" if second else ""
    return f"{flat(left)} < {bound}{more}"


def points() -> str:
    """The score as nested choices of C, one a characteristic."""
    parts = [str(BASE)]
    for name in characteristics():
        chosen = str(BINS[-1][2])
        for _, high, given in reversed(BINS[:-1]):
            chosen = f"({flat(name)} < {high} ? {given} : {chosen})"
        parts.append(chosen)
    return " + ".join(parts)


def band() -> str:
    """The band of a `score` as nested choices of C."""
    chosen = f'"{BANDS[-1][0]}"'
    for name, least in reversed(BANDS[:-1]):
        chosen = f'(score >= {least} ? "{name}" : {chosen})'
    return chosen


def granted(and_: str, nothing: str) -> str:
    """The first of the table's rows that a `band` matches as nested choices of C."""
    chosen = nothing
    for name, lower, months in reversed(table_rows()):
        chosen = f'(band == "{name}" {and_} {flat(FACTORS[28])} >= {lower} ? {months} : {chosen})'
    return chosen


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
