"""One applicant's data at one instant, typed for pure computation."""

from __future__ import annotations

from datetime import date, datetime
from typing import Generic, TypeVar

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.person import FoundPerson
from decision_service.domain.values import Missing

Record = TypeVar("Record")


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """A connection to a provider."""

    id: str
    provider_id: str
    # The vendor's words stay strings, since a new one must break nothing.
    connection_status: str
    created_at: datetime | None = None
    error_code: str | None = None
    connection_updated_at: datetime | None = None
    monitor_status: str | None = None
    monitor_updated_at: datetime | None = None


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where records came from that are not an account's: ARCHIVE, UPLOAD or SOCIAL_SECURITY.

    `newest_created_at` (the newest `metadata.createdAt` of its records) is taken for its sync.
    """

    id: str
    type: str
    provider_id: str
    newest_created_at: datetime | None = None


class Provider(msgspec.Struct, frozen=True, omit_defaults=True):
    """`supported` holds upper-case kinds (`EINCOMES`); `name` is empty where it is not known."""

    id: str
    type: str
    supported: tuple[str, ...] = ()
    name: str = ""


class EstimatedIncome(msgspec.Struct, frozen=True, array_like=True):
    """Smile's monthly estimate; `month` is a Month.index."""

    id: str
    source: str
    month: int
    currency: str
    amount: int


class Contribution(msgspec.Struct, frozen=True, array_like=True):
    """A social security payment; `date` is the month's end where the vendor gave no day."""

    id: str
    source: str
    date: date
    currency: str
    amount: int


class Income(msgspec.Struct, frozen=True, array_like=True):
    """`frequency` is the vendor's word (Monthly, Variable ...), `paid` the pay date on record."""

    id: str
    source: str
    employer: str | None
    start: date
    end: date | None
    frequency: str | None
    currency: str
    base: int | None
    gross: int | None
    net: int | None
    # The vendor's payroll incomes carry none.
    paid: date | None = None


class Employment(msgspec.Struct, frozen=True, array_like=True):
    """A job as reported; `end` None is an open one."""

    id: str
    source: str
    employer: str | None
    status: str | None
    start: date
    end: date | None
    reported: date | None


class Liability(msgspec.Struct, frozen=True, array_like=True):
    """A loan known to a scheme; `amortization` is per `amortization_frequency`."""

    id: str
    source: str
    type: str
    start: date
    end: date | None
    currency: str
    loan_amount: int
    amortization: int | None
    amortization_frequency: str | None
    outstanding: int | None
    overdue: int | None
    next_payment: int | None


class Transaction(msgspec.Struct, frozen=True, array_like=True):
    """Credits are positive, debits (fees, deductions, withdrawals) negative."""

    id: str
    source: str
    date: date
    description: str | None
    currency: str
    amount: int


class Identity(msgspec.Struct, frozen=True, array_like=True):
    """The date of birth of a person; names and contacts are in `Read.people`."""

    id: str
    source: str
    birth_date: date | None


class LinkCounts(msgspec.Struct, frozen=True, array_like=True):
    """The vendor's `link_day*_count`: (days, count) pairs of one account.

    `first_days` and `last_days` are its days since the first and the last link, where known.
    """

    id: str
    source: str
    counts: tuple[tuple[int, int], ...]
    first_days: int | None = None
    last_days: int | None = None


class Task(msgspec.Struct, frozen=True, array_like=True):
    """One collection of data by the vendor: LINK_ACCOUNT, UPDATE_ACCOUNT and others as it says.

    It runs while `finished` is None and `status` is not Finished. `saved` says whether it saved any
    data when it finished; one that did not is no sync.
    """

    id: str
    source: str
    type: str
    status: str | None
    started: datetime | None
    finished: datetime | None
    saved: bool = False

    @property
    def runs(self) -> bool:
        """Whether the vendor is still collecting; a new word for the status has ended with it."""
        return self.finished is None and self.status != "Finished"


class Read(msgspec.Struct, Generic[Record], frozen=True, omit_defaults=True):
    """One kind as it was read: its records in no promised order, and what went wrong.

    `faults` empty means COMPLETE. A fault without `source` taints the kind for every account; one
    with a `source` only what that source feeds. `duplicates` counts equal items dropped.
    `first_day` (transactions only) is the earliest date that was asked for, `people` (identities
    only) what the records say of persons, None where no rule compares persons.
    """

    records: tuple[Record, ...] = ()
    faults: tuple[Missing, ...] = ()
    duplicates: int = 0
    first_day: date | None = None
    people: tuple[FoundPerson, ...] | None = None


class KnownCount(msgspec.Struct, frozen=True, array_like=True):
    """`count` is the most that a source gave; `newest` the Month.index of its newest income."""

    source: str
    kind: Kind
    count: int
    newest: int | None = None


class PayWatch(msgspec.Struct, frozen=True, array_like=True):
    """When an account's readings, each at most 16 days after the one before, showed its pay first.

    Pay periods that end after `since` are watched. `sights` pairs the ends of those with the sync
    of the first reading that had them, at most 24, the earliest end first. `latest` is the sync of
    the newest reading.
    """

    source: str
    since: date
    latest: datetime
    sights: tuple[tuple[date, datetime], ...] = ()


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One applicant's data; a kind that is None was not fetched, nor `tasks` asked for.

    `watches` are what this and earlier readings showed of payroll accounts, in order of account.
    """

    user_id: str
    accounts: tuple[Account, ...] = ()
    account_faults: tuple[Missing, ...] = ()
    sources: tuple[Source, ...] = ()
    providers: tuple[Provider, ...] = ()
    known: tuple[KnownCount, ...] = ()
    eincomes: Read[EstimatedIncome] | None = None
    incomes: Read[Income] | None = None
    contributions: Read[Contribution] | None = None
    employments: Read[Employment] | None = None
    liabilities: Read[Liability] | None = None
    transactions: Read[Transaction] | None = None
    identities: Read[Identity] | None = None
    links: Read[LinkCounts] | None = None
    tasks: Read[Task] | None = None
    watches: tuple[PayWatch, ...] = ()
