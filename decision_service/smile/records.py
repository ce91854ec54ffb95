"""From the vendor's data points to records of the domain, field by field and list by list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from decision_service.domain.accounts import (
    AWAITING_MFA,
    CONNECTED,
    DISCONNECTED,
    EMPLOYER,
    ERROR,
    GIG,
    GOVERNMENT,
    LINK_TASK,
    PENDING,
    SYSTEM,
    UPDATE_TASK,
    Kind,
)
from decision_service.domain.errors import CrossTenant
from decision_service.domain.person import LONGEST_EMAIL, LONGEST_NAME, LONGEST_PHONE, FoundPerson
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    Liability,
    LinkCounts,
    Provider,
    Read,
    Source,
    Task,
    Transaction,
)
from decision_service.domain.values import Cause, DataReason, IllegalAmount, Month, to_minor
from decision_service.smile import answers
from decision_service.smile.errors import UpstreamFault, bad_data

Value = TypeVar("Value")

EARLIEST_YEAR = 1900

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
# Without a zone an instant could be half a day off, which decides what is fresh.
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(Z|[+-][0-9]{2}:[0-9]{2})")
_CURRENCY = re.compile(r"[A-Z]{3}")
_LONGEST_NUMBER = 64

_LINK_DAYS = (3, 7, 30, 90, 180, 365, 730)
LONGEST_PROVIDER_NAME = 100
"""Characters of a provider's name that are kept."""

MOST_CONTACTS = 20
"""How many phone numbers, and how many addresses, of one record are read."""

# Smile's words, and what the service calls the same. One that is new with Smile stays as it came:
# it is stored and shown, and counts as none of these.
_STATES = {
    "CONNECTED": CONNECTED,
    "DISCONNECTED": DISCONNECTED,
    "ERROR": ERROR,
    "PENDING": PENDING,
    "AWAITING_MFA": AWAITING_MFA,
}
_CLASSES = {"GOVERNMENT": GOVERNMENT, "SYSTEM": SYSTEM, "EMPLOYER": EMPLOYER, "GIG": GIG}
_TASKS = {"LINK_ACCOUNT": LINK_TASK, "UPDATE_ACCOUNT": UPDATE_TASK}

Thing = TypeVar("Thing", bound=answers.Item)
Record = TypeVar("Record")
ACCOUNTS = answers.PageDecoder(answers.AccountAnswer, "accounts")
TASKS = answers.PageDecoder(answers.TaskAnswer, "tasks")
PROVIDERS = answers.PageDecoder(answers.ProviderAnswer, "providers")
USER = answers.OneDecoder(answers.IdentifiedAnswer, "users")
ACCOUNT = "ACCOUNT"


def needed(value: Value | None, path: str) -> Value:
    """A required field; null, absent and empty text are a change of the vendor's schema."""
    if value is None or value == "":
        raise bad_data(DataReason.UPSTREAM_SCHEMA, path)
    return value


def day(text: str | None, path: str) -> date:
    """A required civil date `yyyy-MM-dd` from 1900 on."""
    return _day(needed(text, path), path)


def day_or_none(text: str | None, path: str) -> date | None:
    return _day(text, path) if text else None


def span(start: str | None, end: str | None, kind: str) -> tuple[date, date | None]:
    """`startDate`, which is required, and `endDate`, which is not before it."""
    first = day(start, f"{kind}.startDate")
    last = day_or_none(end, f"{kind}.endDate")
    if last is not None and last < first:
        raise bad_data(DataReason.BAD_DATE, f"{kind}.endDate")
    return first, last


def month_index(text: str | None, path: str) -> int:
    """A required month `yyyy-MM` from 1900 on, as `Month.index`."""
    text = needed(text, path)
    try:
        month = Month.parse(text) if _MONTH.fullmatch(text) else None
    except ValueError:
        month = None
    if month is None or month.year < EARLIEST_YEAR:
        raise bad_data(DataReason.BAD_DATE, path)
    return month.index


def instant_or_none(text: str | None, path: str) -> datetime | None:
    """An optional instant with its zone, from 1900 on, in UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC) if _INSTANT.fullmatch(text) else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.year < EARLIEST_YEAR:
        raise bad_data(DataReason.BAD_DATE, path)
    return moment


def currency(text: str | None, path: str) -> str:
    """Three capital letters; no other text names a currency for certain.

    The factors check that the currency is the ruleset's. Null and lower-case words make the whole
    kind MIXED_CURRENCY.
    """
    # The minor unit follows from the currency: without it an amount would be a guess.
    if text is None or not _CURRENCY.fullmatch(text):
        raise UpstreamFault(Cause.MIXED_CURRENCY, DataReason.MIXED_CURRENCY, path)
    return text


def minor(raw: Raw, code: str, path: str, *, signed: bool = False) -> int:
    return needed(minor_or_none(raw, code, path, signed=signed), path)


def minor_or_none(raw: Raw, code: str, path: str, *, signed: bool = False) -> int | None:
    """An optional amount in minor units; below zero only where `signed`.

    Anything but a JSON number is UPSTREAM_SCHEMA; BAD_AMOUNT is a number that is too large, too
    fine, negative where it may not be, or a negative zero.
    """
    token = bytes(raw)
    if token == b"null":
        return None
    if token[:1] not in b"-0123456789":
        raise bad_data(DataReason.UPSTREAM_SCHEMA, path)
    amount = _number(token, path)
    if token[:1] == b"-" and not (signed and amount):
        raise bad_data(DataReason.BAD_AMOUNT, path)
    try:
        return to_minor(amount, code)
    except IllegalAmount:
        raise bad_data(DataReason.BAD_AMOUNT, path) from None


def _number(token: bytes, path: str) -> Decimal:
    # Decimal() of a long number is quick but what follows is not, and no amount needs it.
    if len(token) > _LONGEST_NUMBER:
        raise bad_data(DataReason.BAD_AMOUNT, path)
    try:
        return Decimal(token.decode())
    except InvalidOperation:
        raise bad_data(DataReason.BAD_AMOUNT, path) from None


def _day(text: str, path: str) -> date:
    try:
        value = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None or value.year < EARLIEST_YEAR:
        raise bad_data(DataReason.BAD_DATE, path)
    return value


def account(item: answers.AccountAnswer) -> Account:
    connection = item.connection or answers.ConnectionAnswer()
    monitor = item.monitor or answers.MonitorAnswer()
    state = needed(item.connection_status, "accounts.connectionStatus")
    return Account(
        id=needed(item.id, "accounts.id"),
        provider_id=needed(item.provider_id, "accounts.providerId"),
        connection_status=_STATES.get(state, state),
        created_at=instant_or_none(item.created_at, "accounts.createdAt"),
        error_code=connection.error_code,
        connection_updated_at=instant_or_none(
            connection.updated_at, "accounts.connection.updatedAt"
        ),
        monitor_status=item.monitor_status,
        monitor_updated_at=instant_or_none(monitor.updated_at, "accounts.monitor.updatedAt"),
    )


def provider(item: answers.ProviderAnswer) -> Provider | None:
    """A provider; None when the vendor does not say what it is."""
    # None, so that the fallback of the rules' data may say it.
    if not item.id or not item.type:
        return None
    name = " ".join((item.name or "").split())[:LONGEST_PROVIDER_NAME]
    of_class = _CLASSES.get(item.type, item.type)
    return Provider(item.id, of_class, tuple(item.supported or ()), name=name)


def task(item: answers.TaskAnswer, source: str) -> Task:
    name = needed(item.type, "tasks.type")
    return Task(
        needed(item.id, "tasks.id"),
        source,
        _TASKS.get(name, name),
        status=item.status,
        started=instant_or_none(item.started_at, "tasks.startedAt"),
        finished=instant_or_none(item.finished_at, "tasks.finishedAt"),
        saved=bool(item.datapoints),
    )


def eincome(item: answers.EincomeAnswer, source: str) -> EstimatedIncome:
    """A monthly estimate: `amount`, else the older `baseAmount`."""
    code = currency(item.currency, "eincomes.currency")
    amount = minor_or_none(item.amount, code, "eincomes.amount", signed=True)
    if amount is None:
        amount = minor(item.base_amount, code, "eincomes.amount", signed=True)
    return EstimatedIncome(
        needed(item.id, "eincomes.id"),
        source,
        month_index(item.month, "eincomes.month"),
        currency=code,
        amount=amount,
    )


def contribution(item: answers.ContributionAnswer, source: str) -> Contribution:
    code = currency(item.currency, "contributions.currency")
    return Contribution(
        needed(item.id, "contributions.id"),
        source,
        day(item.date, "contributions.date"),
        currency=code,
        amount=minor(item.amount, code, "contributions.amount", signed=True),
    )


def income(item: answers.IncomeAnswer, source: str) -> Income:
    """A payroll record; the factors choose which of the amounts counts."""
    code = currency(item.currency, "incomes.currency")
    start, end = span(item.start_date, item.end_date, "incomes")
    return Income(
        needed(item.id, "incomes.id"),
        source,
        item.employer,
        start=start,
        end=end,
        frequency=item.frequency,
        currency=code,
        base=minor_or_none(item.base_amount, code, "incomes.baseAmount", signed=True),
        gross=minor_or_none(item.gross_amount, code, "incomes.grossAmount", signed=True),
        net=minor_or_none(item.net_amount, code, "incomes.netAmount", signed=True),
    )


def employment(item: answers.EmploymentAnswer, source: str) -> Employment:
    start, end = span(item.start_date, item.end_date, "employments")
    return Employment(
        needed(item.id, "employments.id"),
        source,
        item.employer,
        status=item.status,
        start=start,
        end=end,
        reported=day_or_none(item.reported_date, "employments.reportedDate"),
    )


def liability(item: answers.LiabilityAnswer, source: str) -> Liability:
    code = currency(item.currency, "liabilities.currency")
    start, end = span(item.start_date, item.end_date, "liabilities")
    return Liability(
        needed(item.id, "liabilities.id"),
        source,
        needed(item.type, "liabilities.type"),
        start=start,
        end=end,
        currency=code,
        loan_amount=minor(item.loan_amount, code, "liabilities.loanAmount"),
        amortization=minor_or_none(
            item.amortization_amount, code, "liabilities.amortizationAmount"
        ),
        amortization_frequency=item.amortization_frequency,
        outstanding=minor_or_none(item.outstanding_balance, code, "liabilities.outstandingBalance"),
        overdue=minor_or_none(
            item.overdue_payment_amount, code, "liabilities.overduePaymentAmount"
        ),
        next_payment=minor_or_none(item.next_payment_amount, code, "liabilities.nextPaymentAmount"),
    )


def transaction(item: answers.TransactionAnswer, source: str) -> Transaction:
    code = currency(item.currency, "transactions.currency")
    return Transaction(
        needed(item.id, "transactions.id"),
        source,
        day(item.date, "transactions.date"),
        description=item.description,
        currency=code,
        amount=minor(item.amount, code, "transactions.amount", signed=True),
    )


def identity(item: answers.IdentityAnswer, source: str) -> Identity:
    return Identity(
        needed(item.id, "identities.id"), source, day_or_none(item.dob, "identities.dob")
    )


def links(item: answers.InsightAnswer, source: str) -> LinkCounts:
    """The counts of lenders that an account was linked to; a count below zero means none."""
    features = needed(item.features, "links.features")
    found = ((days, getattr(features, f"link_day{days}_count")) for days in _LINK_DAYS)
    counts = tuple((days, count) for days, count in found if count is not None and count >= 0)
    return LinkCounts(
        needed(item.id, "links.id"),
        source,
        counts,
        first_days=_days_or_none(features.link_days_since_first),
        last_days=_days_or_none(features.link_days_since_last),
    )


def _days_or_none(days: int | None) -> int | None:
    return None if days is None or days < 0 else days


def newest_insights(items: tuple[answers.InsightAnswer, ...]) -> tuple[answers.InsightAnswer, ...]:
    """One insight per source, the newest."""
    newest: dict[str | None, answers.InsightAnswer] = {}
    # The vendor makes one with each sync. Oldest first, so that the newest is the one that is kept.
    for item in sorted(items, key=_cutoff):
        about = item.metadata or answers.Metadata()
        newest[about.source_id or about.account_id] = item
    return tuple(newest.values())


def _cutoff(item: answers.InsightAnswer) -> str:
    moment = instant_or_none(item.cutoff_time, "links.cutoffTime")
    if moment is None:
        raise bad_data(DataReason.UPSTREAM_SCHEMA, "links.cutoffTime")
    return moment.isoformat()


class PersonIdentity(Identity, frozen=True, array_like=True):
    person: FoundPerson = FoundPerson()


def person(item: answers.PersonAnswer, source: str) -> PersonIdentity:
    """An identity with what it says of its person; a text that is too long is left out."""
    plain = identity(item, source)
    found = FoundPerson(
        _short(_name(item), LONGEST_NAME),
        plain.birth_date,
        _contacts((one.number for one in item.phones or ()), LONGEST_PHONE),
        emails=_contacts((one.address for one in item.emails or ()), LONGEST_EMAIL),
        source=source,
    )
    return PersonIdentity(plain.id, plain.source, plain.birth_date, person=found)


def with_people(read: Read[Identity]) -> Read[Identity]:
    """The identities with their dates of birth alone, and the persons with them."""
    plain = tuple(Identity(one.id, one.source, one.birth_date) for one in read.records)
    found = tuple(one.person for one in read.records if isinstance(one, PersonIdentity))
    return replace(read, records=plain, people=found)


def _name(item: answers.PersonAnswer) -> str:
    """Surname, given names and suffix where the vendor sends them apart, else the full name."""
    if not (item.first_name and item.last_name):
        return item.full_name or ""
    given = (item.first_name, item.middle_name, item.suffix)
    return f"{item.last_name}, {' '.join(part for part in given if part)}"


def _contacts(texts: Iterable[str | None], longest: int) -> tuple[str, ...]:
    short = (_short(text or "", longest) for text in texts)
    return tuple(dict.fromkeys(text for text in short if text))[:MOST_CONTACTS]


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else ""


class KindListing(msgspec.Struct, Generic[Thing, Record], frozen=True):
    """How a kind is read; `choose` leaves out items that newer ones replace."""

    path: str
    decode: Callable[[bytes], answers.PageAnswer[Thing]]
    record: Callable[[Thing, str], Record]
    choose: Callable[[tuple[Thing, ...]], tuple[Thing, ...]] = lambda items: items
    optional: bool = False


_READ: Mapping[Kind, tuple[type[Any], Callable[[Any, str], Any]]] = {
    Kind.EINCOMES: (answers.EincomeAnswer, eincome),
    Kind.INCOMES: (answers.IncomeAnswer, income),
    Kind.CONTRIBUTIONS: (answers.ContributionAnswer, contribution),
    Kind.EMPLOYMENTS: (answers.EmploymentAnswer, employment),
    Kind.LIABILITIES: (answers.LiabilityAnswer, liability),
    Kind.TRANSACTIONS: (answers.TransactionAnswer, transaction),
    Kind.IDENTITIES: (answers.IdentityAnswer, identity),
}
LISTINGS: Mapping[Kind, KindListing[Any, Any]] = {
    **{
        k: KindListing(f"/{k}", answers.PageDecoder(item, k), record)
        for k, (item, record) in _READ.items()
    },
    # The counts of linked lenders are among the vendor's ready-made factors.
    Kind.LINKS: KindListing(
        "/insights",
        answers.PageDecoder(answers.InsightAnswer, "links"),
        links,
        choose=newest_insights,
        optional=True,
    ),
}

WITH_PEOPLE: Mapping[Kind, KindListing[Any, Any]] = {
    **LISTINGS,
    Kind.IDENTITIES: KindListing(
        "/identities", answers.PageDecoder(answers.PersonAnswer, "identities"), person
    ),
}
"""Only here are names, phone numbers and addresses read."""


def check_owner(owner: str | None, user_id: str, path: str) -> None:
    """Raise CrossTenant for another user's data; without an owner the schema has changed."""
    if needed(owner, f"{path}.userId") != user_id:
        raise CrossTenant("Smile answered with data of another user; nothing of it was used")


def check_owners(items: Iterable[answers.Item], user_id: str, name: str) -> None:
    for item in items:
        about = needed(item.metadata, f"{name}.metadata")
        check_owner(about.user_id, user_id, f"{name}.metadata")


def origin(about: answers.Metadata | None, kind: Kind) -> Source:
    """The source of a list's item; raises an UpstreamFault where the item does not name it.

    An archive, upload or social security record is dated by its items, so that their `createdAt`
    must be a date; the `createdAt` of an account (`type` ACCOUNT) is not read.
    """
    about = needed(about, f"{kind}.metadata")
    source = needed(about.source_id or about.account_id, f"{kind}.metadata.sourceId")
    if (about.source_type or ACCOUNT) == ACCOUNT:
        return Source(source, ACCOUNT, about.provider_id or "")
    created_at = instant_or_none(about.created_at, f"{kind}.metadata.createdAt")
    return Source(
        source, about.source_type or "", about.provider_id or "", newest_created_at=created_at
    )


def merged(origins: Iterable[Source]) -> tuple[Source, ...]:
    """The sources that are not accounts, each once, with the newest `createdAt` of its items."""
    found: dict[str, Source] = {}
    for one in origins:
        if one.type != ACCOUNT:
            known = found.setdefault(one.id, one)
            made = one.newest_created_at
            if made and (not known.newest_created_at or made > known.newest_created_at):
                found[one.id] = one
    return tuple(found[key] for key in sorted(found))
