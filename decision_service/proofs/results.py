"""The results of a proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from decision_service.domain.verdict import Verdict
from decision_service.proofs.person import PersonValues


@dataclass(frozen=True, slots=True)
class Proved:
    """The claim holds of everybody, in so many periods of parameters."""

    periods: int


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A person who breaks the claim, as the evaluator decides, on a day.

    `changed` are the values in which the person differs the second time, where there is one.
    """

    person: PersonValues
    changed: Mapping[str, Any]
    day: date
    verdicts: Sequence[Verdict]


@dataclass(frozen=True, slots=True)
class Undecided:
    """Neither was found; `why` names the part, or the time."""

    why: str


Result = Proved | Counterexample | Undecided
