"""The laws between factors as Markdown, for the catalogue's documentation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from decision_service.factors.laws import DEFINITIONS, LAWS, TOGETHER, Law

_INTRODUCTION = """\
## Laws between factors

A law holds of every applicant of whom all its factors are known. Proofs look only at people of whom
all laws hold, and [recourse](recourse.md) suggests nothing that breaks one. Counts, months and
amounts can end at different months (see above), so that some laws that seem plain do not hold: a
month without a record of its own counts where a longer pay period covers it, the best-covered
scheme is not the one that paid last, and a loan without a balance can be overdue.
"""


def laws_section() -> str:
    """All laws by family, what is computed from others, and what is missing together."""
    families = groupby(LAWS, key=lambda law: law.name.partition(":")[0])
    return "\n".join(
        [
            _INTRODUCTION,
            *(_family(name, list(laws)) for name, laws in families),
            "### Computed from others\n",
            *(f"* `{one.factor} = {one.expression}`" for one in DEFINITIONS),
            "\n### Missing together\n",
            "Of each line all factors are known, all are absent, or a failure hides all.\n",
            *(f"* {_names(group)}" for group in TOGETHER),
            "",
        ]
    )


def _family(name: str, laws: list[Law]) -> str:
    return "\n".join([f"### Laws of {name}\n", *_lines(laws), ""])


def _lines(laws: list[Law]) -> Iterator[str]:
    for law in laws:
        yield f"* `{law.expression}`"


def _names(group: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in group)
