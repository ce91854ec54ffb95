"""Causes of missing values: rules may handle absent ones, and may not skip tainted ones."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from decision_service.domain.accounts import Kind


class Cause(StrEnum):
    """Causes in the vocabulary of rule files (`missing SOURCE_FAILED`)."""

    NO_DATA = "NO_DATA"
    SHORT_HISTORY = "SHORT_HISTORY"
    NOT_CONNECTED = "NOT_CONNECTED"
    NO_EVIDENCE = "NO_EVIDENCE"
    DIVISION_BY_ZERO = "DIVISION_BY_ZERO"
    UNDEFINED = "UNDEFINED"
    NOT_SENT = "NOT_SENT"
    UNKNOWN_PROVIDER = "UNKNOWN_PROVIDER"
    SOURCE_FAILED = "SOURCE_FAILED"
    PARTIAL = "PARTIAL"
    STALE = "STALE"
    BAD_DATA = "BAD_DATA"
    MIXED_CURRENCY = "MIXED_CURRENCY"
    UNCLASSIFIED = "UNCLASSIFIED"
    EXPIRED = "EXPIRED"
    NOT_FETCHED = "NOT_FETCHED"
    NOT_YET_POSTED = "NOT_YET_POSTED"
    CHANGED_WHILE_READING = "CHANGED_WHILE_READING"
    NOT_APPLIED = "NOT_APPLIED"

    __hash__ = str.__hash__

    @property
    def tainted(self) -> bool:
        """Whether no rule may skip this cause (failed, stale, partial, of no applied stage)."""
        return self not in ABSENT


ABSENT = frozenset(
    {
        Cause.NO_DATA,
        Cause.SHORT_HISTORY,
        Cause.NOT_CONNECTED,
        Cause.NO_EVIDENCE,
        Cause.DIVISION_BY_ZERO,
        Cause.UNDEFINED,
        Cause.NOT_SENT,
        Cause.UNKNOWN_PROVIDER,
    }
)


OF_FACTORS = tuple(c for c in Cause if c not in {Cause.NOT_APPLIED, Cause.UNDEFINED})
"""The causes for which a factor can be missing."""


class DataReason(StrEnum):
    """Built-in reason codes of kind DATA, plus the policy codes that no ruleset declares."""

    DATA_MISSING = "DATA_MISSING"
    NOT_YET_POSTED = "NOT_YET_POSTED"
    DATA_ARRIVING = "DATA_ARRIVING"
    STALE_DATA = "STALE_DATA"
    PARTIAL_DATA = "PARTIAL_DATA"
    SOURCE_FAILED = "SOURCE_FAILED"
    UPSTREAM_UNAVAILABLE = "UPSTREAM_UNAVAILABLE"
    UPSTREAM_TIMEOUT = "UPSTREAM_TIMEOUT"
    UPSTREAM_RATE_LIMITED = "UPSTREAM_RATE_LIMITED"
    UPSTREAM_BAD_BODY = "UPSTREAM_BAD_BODY"
    UPSTREAM_SCHEMA = "UPSTREAM_SCHEMA"
    PAGINATION_LOOP = "PAGINATION_LOOP"
    DATA_TOO_LARGE = "DATA_TOO_LARGE"
    DATA_CHANGED_DURING_READ = "DATA_CHANGED_DURING_READ"
    UPSTREAM_TRUNCATED = "UPSTREAM_TRUNCATED"
    UNKNOWN_ENUM = "UNKNOWN_ENUM"
    DATA_GONE = "DATA_GONE"
    DATA_SHRANK = "DATA_SHRANK"
    BAD_AMOUNT = "BAD_AMOUNT"
    BAD_DATE = "BAD_DATE"
    PAYSLIPS_OVERLAP = "PAYSLIPS_OVERLAP"
    IDENTITY_CONFLICT = "IDENTITY_CONFLICT"
    MIXED_CURRENCY = "MIXED_CURRENCY"
    UNCLASSIFIED_TRANSACTIONS = "UNCLASSIFIED_TRANSACTIONS"
    DATA_EXPIRED = "DATA_EXPIRED"
    CONSENT_REVOKED = "CONSENT_REVOKED"
    RULE_ERROR = "RULE_ERROR"
    NO_RULE_APPROVED = "NO_RULE_APPROVED"
    DAY_CAP_REACHED = "DAY_CAP_REACHED"
    CLOCK_DOUBTFUL = "CLOCK_DOUBTFUL"

    __hash__ = str.__hash__


REASONS = {
    **dict.fromkeys(ABSENT, DataReason.DATA_MISSING),
    Cause.SOURCE_FAILED: DataReason.SOURCE_FAILED,
    Cause.PARTIAL: DataReason.PARTIAL_DATA,
    Cause.STALE: DataReason.STALE_DATA,
    Cause.BAD_DATA: DataReason.SOURCE_FAILED,
    Cause.MIXED_CURRENCY: DataReason.MIXED_CURRENCY,
    Cause.UNCLASSIFIED: DataReason.UNCLASSIFIED_TRANSACTIONS,
    Cause.EXPIRED: DataReason.DATA_EXPIRED,
    Cause.NOT_FETCHED: DataReason.SOURCE_FAILED,
    Cause.NOT_YET_POSTED: DataReason.NOT_YET_POSTED,
    Cause.CHANGED_WHILE_READING: DataReason.DATA_CHANGED_DURING_READ,
    Cause.NOT_APPLIED: DataReason.RULE_ERROR,
}


NO_PAY = "no pay"
"""The `detail` of a month of which a payroll shows nothing, or far less than usual."""


class Missing(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One cause of a missing value, with what a person needs to mend it.

    `code` is the failure's own reason code where the cause alone does not say it; `kind` the data
    concerned, `source` the account or archive id, `account_error` Smile's error code of it, and
    `detail` a field path or count, never a person's data. NOT_YET_POSTED names the `month`
    (Month.index) that is open and the civil date on which `source` is `due` to have posted it.
    NOT_APPLIED is said of the outputs of a stage that does not apply, or that may not
    apply; `detail` is the stage.
    """

    cause: Cause
    code: DataReason | None = None
    kind: Kind | None = None
    source: str | None = None
    account_error: str | None = None
    detail: str | None = None
    month: int | None = None
    due: date | None = None

    @property
    def reason(self) -> DataReason:
        """The reason code a decision shows for it."""
        return self.code or REASONS[self.cause]


def shown_first(causes: tuple[Missing, ...]) -> Missing:
    """The cause that is shown of several: a tainted one before absent ones, then in text order.

    Taint comes first because an absent cause shown in its place would name the wrong remedy.
    """
    return min(causes, key=lambda m: (not m.cause.tainted, m.cause.value, m.source or ""))
