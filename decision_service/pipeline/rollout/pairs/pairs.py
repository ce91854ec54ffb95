"""What a silent version concludes beside a decision, as it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from decision_service.domain.verdict import Outcome
from decision_service.impact.applicant import JudgedApplicant, LeftOut, NotCompared
from decision_service.impact.sums import ImpactSums


class DecisionPair(msgspec.Struct, frozen=True):
    """A decision paired with another version's conclusion on the same data.

    `live` is what its own rules concluded. It holds nothing of the applicant.
    """

    decision_id: str
    product: str
    created: datetime
    version: int
    digest: str
    live: Outcome
    told: JudgedApplicant | NotCompared

    @property
    def result(self) -> str:
        """`compared`, `failed` or `not_comparable`."""
        if isinstance(self.told, JudgedApplicant):
            return "compared"
        return "failed" if self.told.why is LeftOut.RULE_ERROR else "not_comparable"


class PairLog(Protocol):
    """Shadow results. Every method raises StoreUnavailable when the store cannot serve."""

    async def put_pairs(self, pairs: Sequence[DecisionPair]) -> None:
        """Keep results; a version's result on a decision that is there already stays.

        Nothing is kept of a decision that was deleted.
        """

    async def pair_sums(self, product: str, version: int, since: datetime) -> ImpactSums:
        """A version's results on decisions from `since` on, added up.

        Instalments and all reasons but the principal ones of a changed outcome are not kept.
        """
