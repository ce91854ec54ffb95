"""A made-up snapshot in the making: the words it is made of, its ids, accounts, syncs and files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import ClassRule, SchemeCeiling, TransactionClass
from decision_service.domain.snapshot import Account, KnownCount, Provider, Read, Source, Task
from decision_service.domain.values import AsOf, Cause, Missing, Month
from tests.oracles.factors.shares import FREQUENCIES as KNOWN_FREQUENCIES

if TYPE_CHECKING:
    from random import Random

CURRENCY = "PHP"

PROVIDERS = (
    Provider(
        "sss_ph",
        "GOVERNMENT",
        ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES", "LIABILITIES"),
    ),
    Provider(
        "philhealth_ph", "GOVERNMENT", ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES")
    ),
    Provider(
        "pagibig_ph", "GOVERNMENT", ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "LIABILITIES")
    ),
    Provider("grab_ph", "GIG", ("IDENTITIES", "TRANSACTIONS", "EINCOMES")),
    Provider("lalamove_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")),
    Provider("foodpanda_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")),
    Provider("upwork", "GIG", ("IDENTITIES", "TRANSACTIONS", "EMPLOYMENTS", "INCOMES", "EINCOMES")),
    Provider("sprout_ph", "SYSTEM", ("IDENTITIES", "EMPLOYMENTS", "INCOMES")),
    Provider("salarium_ph", "SYSTEM", ("IDENTITIES", "EMPLOYMENTS", "INCOMES")),
    Provider("files_ph", "SYSTEM", ("EMPLOYMENTS", "INCOMES", "EINCOMES")),
    Provider("gcash_ph", "SYSTEM", ("IDENTITIES", "TRANSACTIONS")),
)

BY_ID = {provider.id: provider for provider in PROVIDERS}

NOBODY_KNOWS = Provider("newpay_xx", "", ("EINCOMES", "INCOMES", "TRANSACTIONS", "EMPLOYMENTS"))
"""What an account of a provider in no list holds."""

HOLDS = {**BY_ID, NOBODY_KNOWS.id: NOBODY_KNOWS}

CONNECTED = {
    "sss_ph": 26,
    "sprout_ph": 20,
    "salarium_ph": 7,
    "grab_ph": 14,
    "lalamove_ph": 6,
    "foodpanda_ph": 2,
    "philhealth_ph": 8,
    "pagibig_ph": 5,
    "upwork": 3,
    "files_ph": 3,
    "gcash_ph": 2,
    "newpay_xx": 4,
}
"""How often each provider is connected."""

ZONES = tuple(ZoneInfo(name) for name in ("Asia/Manila", "Asia/Kolkata", "America/Los_Angeles"))

EMPLOYERS = (
    ("Acme Corp", "ACME  CORP", " acme", "Acme, Inc.", "A.C.M.E. Co"),
    ("Bayan Calls, Inc.", "BAYANCALLS", "Bayan-Calls Ltd"),
    ("Straße GmbH", "STRASSE GMBH"),
    ("Company", "company inc"),
)
"""Four employers, each in its spellings."""

NO_EMPLOYERS = ("Voluntary", "SELF EMPLOYED", "Self-Employed", "ofw", None, "")

NOT_EMPLOYERS = ("voluntary", "selfemployed", "ofw")

LEGAL_FORMS = ("inc", "corp", "corporation", "co", "company", "ltd", "limited", "pt", "tbk", "pte")

CEILINGS = (
    SchemeCeiling("sss_*", "PHP", date(2025, 1, 1), 3_500_000),
    SchemeCeiling("sss_*", "PHP", date(2020, 1, 1), 3_000_000),
    SchemeCeiling("sss_*", "USD", date(2026, 1, 1), 100),
)

FREQUENCIES = (*KNOWN_FREQUENCIES, "Fortnightly")

FAULTS = (Cause.SOURCE_FAILED, Cause.NOT_FETCHED, Cause.BAD_DATA, Cause.CHANGED_WHILE_READING)

CLASSES = (
    ClassRule("*", ("loan", "advance"), 0, TransactionClass.LOAN),
    ClassRule("grab_*", ("top up", "top-up"), 1, TransactionClass.TOP_UP),
    ClassRule("*", ("cash out", "withdraw"), -1, TransactionClass.WITHDRAWAL),
    ClassRule("*", ("reversal", "chargeback"), 0, TransactionClass.REVERSAL),
    ClassRule("*", ("commission", "fee"), 0, TransactionClass.FEE),
    ClassRule("lalamove_*", ("order", "tip"), 1, TransactionClass.EARNING),
    ClassRule("*", ("trip", "delivery", "bonus"), 1, TransactionClass.EARNING),
    ClassRule("foodpanda_*", (), 1, TransactionClass.EARNING),
    ClassRule("*", ("adjust",), 0, TransactionClass.OTHER),
)

EARNINGS = ("Trip fare", "Delivery #1", "WEEKLY BONUS", "Trip fare")

WORDS = (
    ("Platform commission", -1), ("Service FEE", -1), ("Platform commission", -1),
    ("Cash out to bank", -1), ("Reversal of trip", -1), ("Reversal of fees", 1), ("Top up", 1),
    ("Loan advance", 1), ("Loan repayment", -1), ("Adjustment", 1), ("Order 77", 1),
)  # fmt: skip

LOANS = ("Salary Loan", "Salary Loan", "Calamity Loan", "Housing Loan", "MORTGAGE", "Loan")


@dataclass
class Draft:
    """A snapshot in the making."""

    rng: Random
    as_of: AsOf
    records: dict[Kind, list[Any]]
    foreign: float = 0.0
    made: int = 0

    def chance(self, probability: float) -> bool:
        """A weighted coin."""
        return self.rng.random() < probability

    def next_id(self, prefix: str) -> str:
        """Ids are unique within an applicant."""
        self.made += 1
        return f"{prefix}-{self.made}"

    def currency(self) -> str:
        """Nearly always ours."""
        return "USD" if self.chance(self.foreign) else CURRENCY

    def employer(self, named: float = 0.85) -> str | None:
        """An employer in one of its spellings, or a word that names none."""
        if not self.chance(named):
            return self.rng.choice(NO_EMPLOYERS)
        return self.rng.choice(self.rng.choice(EMPLOYERS))


def months(draft: Draft, lasts: tuple[int, ...]) -> list[Month]:
    """A stretch of months, newest first, with gaps now and then; `lasts` count from as_of on."""
    rng = draft.rng
    last = Month.of(draft.as_of.date).plus(rng.choice(lasts))
    length = rng.choice((1, 2, 3, 4, 6, 6, 8, 12, 12, 15, 18, 24, 24, 27, 30))
    gaps = rng.choice((0.0, 0.0, 0.0, 0.1, 0.4))
    return [last.plus(-back) for back in range(length) if not draft.chance(gaps)]


def amount(draft: Draft, scale: int) -> int:
    """Minor units; now and then equal, zero, negative or odd."""
    rng = draft.rng
    if draft.chance(0.5):
        return scale
    if draft.chance(0.05):
        return rng.choice((0, 0, -scale // 3))
    return rng.randrange(scale // 2, scale * 2)


HOURS = timedelta(hours=1)


def synced(draft: Draft, max_age: timedelta) -> datetime:
    """When an account was last synced: mostly today, at times just at an edge."""
    rng, instant = draft.rng, draft.as_of.instant
    if draft.chance(0.6):
        return instant - rng.randrange(48) * HOURS
    ages = (
        timedelta(days=rng.randrange(35)),
        timedelta(days=rng.randrange(35)),
        timedelta(days=rng.randrange(35)),
        max_age,
        max_age + timedelta(seconds=1) if draft.chance(0.2) else max_age - timedelta(seconds=1),
        timedelta(days=rng.randrange(36, 120)) if draft.chance(0.2) else timedelta(0),
        timedelta(days=-rng.randrange(40)),
        until_local_midnight(draft.as_of, 1),
        until_local_midnight(draft.as_of, 11),
    )
    return instant - rng.choice(ages)


def until_local_midnight(as_of: AsOf, day: int) -> timedelta:
    """How long ago the first instant of a day of the running month was, today at the latest."""
    first = as_of.date.replace(day=min(day, as_of.date.day))
    midnight = datetime(first.year, first.month, first.day, tzinfo=as_of.zone)
    return as_of.instant - midnight.astimezone(as_of.instant.tzinfo)


def account(draft: Draft, max_age: timedelta) -> Account:
    """An account in some state."""
    rng = draft.rng
    status = rng.choices(
        ("CONNECTED", "ERROR", "PENDING", "AWAITING_MFA", "DISCONNECTED", "SUSPENDED"),
        (90, 3, 2, 1, 3, 1),
    )[0]
    newest = synced(draft, max_age)
    earlier = newest - timedelta(hours=rng.randrange(1000))
    pair = rng.choice(((newest, earlier), (earlier, newest), (newest, None), (None, newest)))
    if draft.chance(0.01):
        pair = (None, None)
    if status == "DISCONNECTED":
        pair = (draft.as_of.instant - timedelta(days=rng.choice((1, 20, 60, 90, 91, 300))), None)
    return Account(
        id=draft.next_id("a"),
        provider_id=rng.choices(tuple(CONNECTED), tuple(CONNECTED.values()))[0],
        connection_status=status,
        created_at=None if draft.chance(0.01) else draft.as_of.instant - age(draft),
        error_code="INVALID_CREDENTIALS" if status == "ERROR" else None,
        connection_updated_at=pair[0],
        monitor_updated_at=pair[1],
    )


def age(draft: Draft) -> timedelta:
    """How old an account is."""
    rng = draft.rng
    young = (timedelta(minutes=5), timedelta(minutes=10), timedelta(hours=20), timedelta(days=1))
    if draft.chance(0.04):
        return rng.choice(young)
    return rng.choice((timedelta(60), timedelta(60, 1), timedelta(rng.randrange(2, 900))))


def source(draft: Draft, max_age: timedelta) -> Source:
    """An archive, an upload, or a scheme's own file."""
    kind = draft.rng.choice(("ARCHIVE", "UPLOAD", "UPLOAD", "SOCIAL_SECURITY"))
    providers = ("sss_ph", "philhealth_ph") if kind == "SOCIAL_SECURITY" else FILES
    newest = None if draft.chance(0.02) else synced(draft, max_age)
    return Source(draft.next_id("s"), kind, draft.rng.choice(providers), newest)


FILES = ("sss_ph", "sprout_ph", "user-provided", "user-provided", "grab_ph")


def is_young(draft: Draft, one: Account) -> bool:
    """Whether a first collection may still run, so that tasks are asked for."""
    since = None if one.created_at is None else draft.as_of.instant - one.created_at
    if one.connection_status == "CONNECTED":
        return since is None or since < 24 * HOURS
    return one.connection_status == "PENDING" and (since is None or since < HOURS / 6)


def tasks(draft: Draft, accounts: tuple[Account, ...]) -> Read[Task] | None:
    """The tasks, asked for where an account is young, and now and then beside."""
    young = [one for one in accounts if is_young(draft, one)]
    if not young and not draft.chance(0.04):
        return None
    told = [task for one in accounts for task in tasks_of(draft, one)]
    faults: tuple[Missing, ...] = ()
    if draft.chance(0.05):
        named = draft.rng.choice(accounts).id if accounts and draft.chance(0.5) else None
        faults = (Missing(draft.rng.choice(FAULTS), source=named),)
    return Read(tuple(told), faults)


def tasks_of(draft: Draft, one: Account) -> list[Task]:
    """What has been collected of an account, and what still is."""
    if one.connection_status != "CONNECTED" and not is_young(draft, one):
        return []
    began = draft.as_of.instant - draft.rng.choice((HOURS / 20, 30 * HOURS, 24 * HOURS))
    found = []
    if draft.chance(0.4 if is_young(draft, one) else 0.03):
        found.append(running(draft, one, began))
    if draft.chance(0.5):
        kind = draft.rng.choice(("LINK_ACCOUNT", "UPDATE_ACCOUNT", "ANALYZE_ARCHIVE"))
        status = "Finished" if draft.chance(0.8) else "Failed"
        ended = draft.as_of.instant - draft.rng.randrange(900) * HOURS
        saved = status == "Finished" and draft.chance(0.9)
        found.append(Task(draft.next_id("task"), one.id, kind, status, ended, ended, saved))
    return found


def running(draft: Draft, one: Account, began: datetime) -> Task:
    """A collection that has not finished; one that is no first one tells nothing."""
    kind = "LINK_ACCOUNT" if draft.chance(0.8) else "UPDATE_ACCOUNT"
    started = None if draft.chance(0.05) else began
    return Task(draft.next_id("task"), one.id, kind, "Started", started, None)


def known(draft: Draft, accounts: tuple[Account, ...]) -> tuple[KnownCount, ...]:
    """What earlier snapshots held of some accounts and kinds."""
    found = []
    for one in accounts:
        often = 0.7 if one.connection_status == "DISCONNECTED" else 0.15
        for kind in draft.records:
            if kind.value.upper() in HOLDS[one.provider_id].supported and draft.chance(often):
                month = Month.of(draft.as_of.date).plus(-draft.rng.randrange(9)).index
                newest = month if kind in INCOME and draft.chance(0.8) else None
                count = draft.rng.choice((0, 1, 24))
                found.append(KnownCount(one.id, kind, count, newest if count else None))
    return tuple(found)


INCOME = (Kind.EINCOMES, Kind.INCOMES, Kind.TRANSACTIONS)
