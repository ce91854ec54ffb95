"""A factor's contract, and the result of one computation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.schemes import EmployerKind
from decision_service.domain.values import Cause, Missing, Money


class ValueType(StrEnum):
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    TEXT = "text"
    FLAG = "flag"
    DATE = "date"


class Better(StrEnum):
    """Which way a factor's value helps an applicant; NONE where neither way does."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


class Mover(StrEnum):
    """Who moves a factor's value: what the applicant does, the calendar, or neither."""

    APPLICANT = "applicant"
    WAITING = "waiting"
    NOBODY = "nobody"


class Action(msgspec.Struct, frozen=True):
    """`step` is what moves it by at once; None is a tenth of the present value."""

    by: Mover = Mover.NOBODY
    step: Decimal | None = None


NO_ACTION = Action()

Value = int | Decimal | Money | str | bool | date
"""A present value: integer int, number Decimal, money Money, text str, flag bool, date date."""


class Observed(msgspec.Struct, frozen=True, gc=False):
    """An input that a source outside observed on a civil day.

    `consent` is the caller's own reference of the person's consent, as it was sent; empty without.
    """

    value: Value
    day: date
    consent: str = ""


Input = Value | Observed
"""An input as it was sent: a value alone, or one with the day of its observation."""


def value_sent(given: Input) -> Value:
    return given.value if isinstance(given, Observed) else given


class FactorSpec(msgspec.Struct, frozen=True):
    """A factor's contract: rule files are checked against it, docs and fetch plans follow from it.

    `lower` and `upper` are inclusive bounds in the factor's unit (major units for money), None is
    open; `labels` are the values a text factor can take. `sentence` states the meaning, `formula`
    the computation in words. `months` is how many settled months of data the factor looks at (None:
    the whole history or no months at all), `needs_months` how many of them must be observed for it
    to have a value (None: any number). `parity` marks factors that exist only for comparison
    with the vendor's own, `knock_out_only` those that no score, price or limit may use. `better`
    says which way helps an applicant, `action` who moves it, `derived_from` which other factors
    this one is computed from.
    """

    name: str
    type: ValueType
    unit: str
    sentence: str
    formula: str
    kinds: frozenset[Kind]
    causes: frozenset[Cause]
    lower: Decimal | None = None
    upper: Decimal | None = None
    labels: tuple[str, ...] = ()
    months: int | None = None
    parity: bool = False
    needs_months: int | None = None
    better: Better = Better.NONE
    derived_from: tuple[str, ...] = ()
    knock_out_only: bool = False
    action: Action = NO_ACTION

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """The records behind a value, which explain it to a case worker.

    `first`, `last` and `horizon` are months (`yyyy-MM`) or days (`yyyy-MM-dd`); `grade` is the
    strongest kind of proof; `top` holds at most five record ids that weigh most; `sources` the
    account and archive ids that fed it; `notes` short facts in words.
    """

    records: int = 0
    first: str | None = None
    last: str | None = None
    horizon: str | None = None
    grade: str | None = None
    top: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


NO_EVIDENCE = Evidence()


class FactorValue(msgspec.Struct, frozen=True, gc=False):
    """Either a `value`, or None with at least one cause in `missing`."""

    name: str
    value: Value | None
    missing: tuple[Missing, ...] = ()
    evidence: Evidence = NO_EVIDENCE

    @property
    def tainted(self) -> bool:
        """Whether any cause is a failure, so that nothing may look past it."""
        return any(m.cause.tainted for m in self.missing)


class KindStatus(StrEnum):
    """How completely one kind of data was read."""

    COMPLETE = "COMPLETE"
    PARTIAL = "PARTIAL"
    MISSING = "MISSING"


class SourceUse(msgspec.Struct, frozen=True):
    """How one account (or archive, upload, social security record) served a decision.

    `synced` is the newest of connection and monitor update (an archive: its newest item); `used`
    whether its records count; `error_code` the vendor's word for what is wrong with it;
    `provider_name` what people call the provider, empty where that is not known.
    """

    id: str
    provider_id: str
    status: str
    synced: datetime | None
    used: bool
    error_code: str | None = None
    provider_name: str = ""


class Factors(msgspec.Struct, frozen=True):
    """`oldest_used_sync` is the earliest sync of the used sources that feed a needed kind.

    `employer` is what the applicant works for; no value depends on it, and it is not stored.
    """

    values: Mapping[str, FactorValue]
    kinds: Mapping[Kind, KindStatus]
    sources: tuple[SourceUse, ...]
    oldest_used_sync: datetime | None
    employer: EmployerKind | None = None
