"""The records of an export, values as a person reads them, and what is left out and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Protocol, Self

import msgspec

from decision_service.casework.letters import StoredNotice
from decision_service.casework.review_log import RecordedReview
from decision_service.domain.person import OwnFacts
from decision_service.domain.ports import PagePosition, StoredEntry
from decision_service.domain.snapshot import KnownCount
from decision_service.domain.values import Money, Month

_OF_OTHERS = "reuse."
_OWN_RECORDS = "history."
_SENT = "inputs."

_AMOUNTS = frozenset(
    {
        "amount", "base", "gross", "net", "loan_amount", "amortization", "outstanding", "overdue",
        "next_payment", "exposure", "instalments", "approved", "disbursed", "instalment", "repaid",
        "due", "granted", "live_amount",
    }
)  # fmt: skip
"""Fields that hold whole minor units of the `currency` in the same row."""

_MONTHS = frozenset({"month", "newest"})
"""Fields that hold a `Month.index`."""


class Disclosure(msgspec.Struct, frozen=True):
    """`shared`: the decision's own records count decisions of another user of an account."""

    factors: frozenset[str]
    shared: bool

    @classmethod
    def of(cls, factors: Iterable[str], own: OwnFacts) -> Self:
        return cls(
            frozenset(factors), own.reuse is not None and (own.reuse.users_of_account or 1) > 1
        )

    def includes(self, name: str) -> bool:
        # They speak of other persons, whoever asks (0181).
        if name.startswith(_OF_OTHERS):
            return False
        if not self.shared or name.startswith(_SENT):
            return True
        # A derived value may rest on records that count another person's loans (0181).
        return name in self.factors and not name.startswith(_OWN_RECORDS)


Row = Mapping[str, object]
"""The disclosed columns of a stored row by name, as stored; instants are aware."""


class UserRows(msgspec.Struct, frozen=True):
    """Rows by table; `ended` is left of disconnected accounts; the numbers count what follows."""

    tables: Mapping[str, Sequence[Row]]
    ended: Sequence[KnownCount]
    decisions: int
    readings: int


class StoredDecision(msgspec.Struct, frozen=True):
    entry: StoredEntry
    tables: Mapping[str, Sequence[Row]]
    notices: Sequence[StoredNotice]
    reviews: Sequence[RecordedReview] = ()


class StoredReading(msgspec.Struct, frozen=True):
    """A stored snapshot: its place and its body; None where its key was destroyed."""

    place: PagePosition
    body: bytes | None


class SubjectAccessLog(Protocol):
    """Reads what is stored of one person; every method raises StoreUnavailable.

    Each answer is of one transaction.
    """

    async def user_rows(self, user_id: str) -> UserRows | None:
        """What is stored of a user; None where nothing is."""

    async def decisions(
        self, user_id: str, after: PagePosition | None, limit: int
    ) -> Sequence[StoredDecision]:
        """At most `limit` decisions, newest first, strictly after the position."""

    async def reading(
        self, user_id: str, after: PagePosition | None, *, itself: bool
    ) -> StoredReading | None:
        """The newest stored snapshot after the position, with `itself` that one at first.

        None where there is none.
        """


class Section(StrEnum):
    DECISIONS = "decisions"
    READINGS = "readings"


class ExportPlace(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: after a decision or a reading, or within a reading before a `part`."""

    section: Section
    created: datetime | None = None
    id: str = ""
    part: int = 0

    @property
    def after(self) -> PagePosition | None:
        """The position after which the section goes on; None at its beginning."""
        return None if self.created is None else PagePosition(self.created, self.id)


class PersonRecord(msgspec.Struct, frozen=True):
    """`content` holds texts, flags, whole numbers, None, and lists and mappings of these."""

    kind: str
    id: str
    content: Mapping[str, object]


class ExportPage(msgspec.Struct, frozen=True):
    records: tuple[PersonRecord, ...]
    next: ExportPlace | None


DiscloseReply = Callable[[bytes, Disclosure], Mapping[str, object]]
"""What a person may know of a recorded reply: of its reasons those by names that are disclosed."""

Plain = str | bool | int | None | list[Any] | dict[str, Any]


def plain(value: object) -> Plain:
    """A value without the types of the code; amounts as `PHP 1200.00`, instants in UTC."""
    match value:
        # Before texts, since most enums here are texts as well.
        case Enum():
            return str(value.value)
        case None | bool() | int() | str():
            return value
        case msgspec.Struct() if not isinstance(value, Money):
            return fields(msgspec.structs.asdict(value))
        case Mapping():
            return {str(plain(name)): plain(one) for name, one in value.items()}
        case Iterable():
            return [plain(one) for one in value]
    return _text(value)


def observed_plainly(value: Plain, day: str, consent: str) -> Plain:
    """An input that a source outside observed, with the consent's reference if there is one."""
    observed: dict[str, Plain] = {"value": value, "observed_on": day}
    return observed | ({"consent_reference": consent} if consent else {})


def _text(value: object) -> str:
    match value:
        case Money():
            return money(value)
        # Before days, since a datetime is a date as well.
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
    raise TypeError(f"a {type(value).__name__} has no plain form")


def fields(of: Mapping[str, Any], currency: str | None = None) -> dict[str, Any]:
    """Fields by name, without those that are None, with amounts of their currency."""
    unit = of.get("currency") or currency
    return {name: _field(name, one, unit) for name, one in of.items() if one is not None}


def money(amount: Money) -> str:
    return f"{amount.currency} {amount.major:f}"


def _field(name: str, value: Any, currency: str | None) -> Plain:
    # A bool is an int in Python, and no amount.
    if isinstance(value, int) and not isinstance(value, bool):
        if name in _AMOUNTS and currency:
            return money(Money(currency, value))
        if name in _MONTHS:
            return str(Month(value))
    return plain(value)
