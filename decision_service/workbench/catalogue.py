"""The catalogue of factors as a page; its words are in `templates/factors.md.j2`."""

from __future__ import annotations

from itertools import groupby

from decision_service.build import templates
from decision_service.domain.factor import Better, FactorSpec, Mover
from decision_service.factors.laws import DEFINITIONS, LAWS, TOGETHER
from decision_service.factors.registry import catalogue

_DIRECTIONS = {Better.UP: "higher is better", Better.DOWN: "lower is better"}
_MOVERS = {Mover.APPLICANT: "moved by the applicant", Mover.WAITING: "moved by waiting"}


def markdown() -> str:
    return (
        templates(__package__)
        .get_template("factors.md.j2")
        .render(
            families=groupby(catalogue().values(), key=lambda spec: spec.family),
            facts=_facts,
            laws=groupby(LAWS, key=lambda law: law.name.partition(":")[0]),
            definitions=DEFINITIONS,
            together=TOGETHER,
        )
    )


def _facts(spec: FactorSpec) -> list[str]:
    facts = [spec.type.value, spec.unit, range_of(spec)]
    facts += [f"{spec.months} months"] if spec.months else []
    facts += [f"needs {spec.needs_months} observed"] if spec.needs_months else []
    facts += [_DIRECTIONS[spec.better]] if spec.better in _DIRECTIONS else []
    facts += [_MOVERS[spec.action.by]] if spec.action.by in _MOVERS else []
    facts += ["for comparison with the vendor only"] if spec.parity else []
    facts += ["for knock-outs only"] if spec.knock_out_only else []
    return [fact for fact in facts if fact]


def range_of(spec: FactorSpec) -> str:
    """The factor's bounds or labels in words: `0 to 12`, `at least 0`, `EMPLOYED, GIG`."""
    if spec.labels:
        return ", ".join(spec.labels)
    if spec.lower is not None and spec.upper is not None:
        return f"{spec.lower} to {spec.upper}"
    if spec.lower is not None:
        return f"at least {spec.lower}"
    return f"at most {spec.upper}" if spec.upper is not None else "any"
