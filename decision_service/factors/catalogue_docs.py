"""The catalogue as Markdown and as plain rows, so that documentation never drifts from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from decision_service.domain.factor import Better, FactorSpec, Mover
from decision_service.factors.catalogue_texts import (
    INTRODUCTION,
    MONTHLY_INCOME,
    MONTHS,
    TRUST,
)
from decision_service.factors.law_docs import laws_section
from decision_service.factors.registry import catalogue
from decision_service.factors.vendor_names import GUIDE, UNVERIFIED, vendor_factors

_DIRECTIONS = {Better.UP: "higher is better", Better.DOWN: "lower is better"}
_MOVERS = {Mover.APPLICANT: "moved by the applicant", Mover.WAITING: "moved by waiting"}


def markdown() -> str:
    """The whole catalogue as one Markdown document, with the vendor's names for ours."""
    families = groupby(catalogue().values(), key=lambda spec: spec.family)
    parts = [
        INTRODUCTION,
        MONTHS,
        TRUST,
        *(_family(name, specs) for name, specs in families),
        laws_section(),
        _comparison(),
    ]
    return "\n".join(parts)


def range_of(spec: FactorSpec) -> str:
    """The factor's bounds or labels in words: `0 to 12`, `at least 0`, `EMPLOYED, GIG`."""
    if spec.labels:
        return ", ".join(spec.labels)
    if spec.lower is not None and spec.upper is not None:
        return f"{spec.lower} to {spec.upper}"
    if spec.lower is not None:
        return f"at least {spec.lower}"
    return f"at most {spec.upper}" if spec.upper is not None else "any"


def _family(name: str, specs: Iterable[FactorSpec]) -> str:
    notes = [MONTHLY_INCOME] if name == "income" else []
    return "\n".join([f"## {name}\n", *notes, *(_entry(spec) for spec in specs)])


def _entry(spec: FactorSpec) -> str:
    facts = [spec.type.value, spec.unit, range_of(spec)]
    facts += [f"{spec.months} months"] if spec.months else []
    facts += [f"needs {spec.needs_months} observed"] if spec.needs_months else []
    facts += [_DIRECTIONS[spec.better]] if spec.better in _DIRECTIONS else []
    facts += [_MOVERS[spec.action.by]] if spec.action.by in _MOVERS else []
    facts += ["for comparison with the vendor only"] if spec.parity else []
    facts += ["for knock-outs only"] if spec.knock_out_only else []
    causes = ", ".join(sorted(cause.value for cause in spec.causes))
    kinds = ", ".join(sorted(kind.value for kind in spec.kinds))
    return (
        f"### `{spec.name}`\n\n{spec.sentence}\n\n*{' · '.join(f for f in facts if f)}*\n\n"
        f"{spec.formula}\n\nRests on {kinds or 'own records'}. Missing: {causes}.\n"
    )


def _comparison() -> str:
    return "\n".join(
        [
            "## Names in the guide and in the vendor's Insights\n",
            f"{UNVERIFIED}\n",
            "| the guide's factor | ours |",
            "|---|---|",
            *(f"| {words} | `{ours}` |" for words, ours in GUIDE),
            "",
            "| Insights feature | ours | difference |",
            "|---|---|---|",
            *_insights(),
            "",
        ]
    )


def _insights() -> Iterator[str]:
    for theirs, ours, difference in vendor_factors():
        yield f"| `{theirs}` | `{ours}` | {difference} |"
