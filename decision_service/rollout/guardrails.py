"""A plan's guardrails: a metric, its limit, and the action beyond the limit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec


class Metric(StrEnum):
    """The measured figure; all but the latency are fractions.

    The outcome rates and `data_missing_rate` (referrals of kind DATA) count decisions, an applicant
    only once, by the first in the window; `override_rate` those of whom a person decided otherwise
    in a review. `internal_error_rate` counts INTERNAL errors and RULE_ERROR referrals,
    `upstream_error_rate` the vendor's and outage errors, over attempts.
    """

    APPROVAL_RATE = "approval_rate"
    REFER_RATE = "refer_rate"
    DECLINE_RATE = "decline_rate"
    DATA_MISSING_RATE = "data_missing_rate"
    OVERRIDE_RATE = "override_rate"
    INTERNAL_ERROR_RATE = "internal_error_rate"
    UPSTREAM_ERROR_RATE = "upstream_error_rate"
    LATENCY_P99_MS = "latency_p99_ms"

    @property
    def is_rate(self) -> bool:
        """Whether it is a fraction, 0 to 1."""
        return self is not Metric.LATENCY_P99_MS


class GuardrailScope(StrEnum):
    """Whether each arm is measured for itself or the product as a whole."""

    ARM = "arm"
    PRODUCT = "product"


class GuardrailAction(StrEnum):
    """What a tripped guardrail does: stop advancing, move the challenger down a stage, or kill."""

    PAUSE = "pause"
    ROLL_BACK = "roll_back"
    KILL = "kill"


class Ceiling(msgspec.Struct, frozen=True):
    """Tripped when the figure of the last `window` is above `maximum` (a fraction, or ms).

    Without a window it looks at all since the challenger entered its stage.
    """

    maximum: Decimal
    window: timedelta | None


class VersusChampion(msgspec.Struct, frozen=True):
    """Tripped when the arms differ otherwise than meant, with at most `alpha` false alarms."""

    alpha: Decimal


class Guardrail(msgspec.Struct, frozen=True):
    """One guardrail; it waits until `min_units` applicants (or attempts) were counted."""

    name: str
    metric: Metric
    scope: GuardrailScope
    test: Ceiling | VersusChampion
    min_units: int
    action: GuardrailAction
