"""What recourse answers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from decision_service.domain.factor import Value
from decision_service.domain.money import Money


class RecourseKind(StrEnum):
    """CHANGE of some factors; WAIT, which alone does it; NOTHING that is looked at does."""

    CHANGE = "CHANGE"
    WAIT = "WAIT"
    NOTHING = "NOTHING"


class Change(msgspec.Struct, frozen=True):
    """One factor's value `now` and what it would have to be, `steps` of the catalogue away.

    `told` says whether the product lets applicants be told of it.
    """

    factor: str
    now: Value
    needed: Value
    steps: Decimal
    told: bool = False


class Recourse(msgspec.Struct, frozen=True):
    """One answer: at most three changes, the day from which they do it, and what is granted then.

    `day` is None where the changes do it today; `approved` where the rules make no offer. `told`
    says whether the whole answer may be told to applicants.
    """

    answer: RecourseKind
    changes: tuple[Change, ...] = ()
    day: date | None = None
    approved: Money | None = None
    told: bool = False
