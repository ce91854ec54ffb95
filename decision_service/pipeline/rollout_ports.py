"""What a rollout keeps in the store."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from decision_service.domain.decision import Arm
from decision_service.rollout.gate import Pin


class ArmLog(Protocol):
    """Whom each arm decided; written by `DecisionLog.commit`, read before deciding.

    Every method raises StoreUnavailable when the store cannot serve.
    """

    async def pin(self, product: str, unit: str, since: datetime) -> Pin | None:
        """The last pin that a decision created at or after `since` set; None where there is none.

        A decision that kept its applicant's pin sets none, so this is when the pin began.
        """

    async def approved(self, product: str, arm: Arm, since: datetime) -> int:
        """What an arm has approved at or after `since` in all processes, in minor units."""
