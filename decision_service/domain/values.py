"""The plain values of facts: exact money, instants and months, and causes of what is missing."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum

import msgspec

from decision_service.domain.accounts import Kind

LARGEST_AMOUNT = Decimal(10) ** 12
# More digits than a legal amount has, so that nothing is rounded before the last step.
EXACT = Context(prec=34, rounding=ROUND_HALF_EVEN)

# ISO 4217's currencies by exponent (list one of 2026, without funds).
_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
    2: """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD
HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT
MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR
SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU
UZS VED VES WST XCD XCG YER ZAR ZMW ZWG""",
}
EXPONENTS = {code: number for number, codes in _BY_EXPONENT.items() for code in codes.split()}

_SIGNS = {
    "PHP": "₱", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "IDR": "Rp", "INR": "₹",
    "THB": "฿", "VND": "₫", "KRW": "₩", "NGN": "₦",
}  # fmt: skip


class IllegalAmount(ValueError):
    """The amount is not finite, is larger than 10**12, or has more than four decimals."""


class Money(msgspec.Struct, frozen=True, order=True):
    """An amount: `currency` is an ISO 4217 code, `minor` whole minor units (centavos for PHP)."""

    currency: str
    minor: int

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact."""
        return to_major(self.minor, self.currency)


def currency_sign(currency: str) -> str:
    """How a currency is written before an amount: `₱` for PHP, else its code."""
    return _SIGNS.get(currency, currency)


def exponent(currency: str) -> int:
    """Digits after the point of a currency's minor unit: 2 for PHP, 0 for JPY (ISO 4217)."""
    return EXPONENTS.get(currency, 2)


def to_major(minor: int, currency: str) -> Decimal:
    """Whole minor units as an exact Decimal in major units."""
    return Decimal(minor).scaleb(-exponent(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """A legal amount in major units as whole minor units, rounded half-even.

    Legal: finite, |amount| at most 10**12, at most four decimals (trailing zeros do not count).
    Raises IllegalAmount otherwise, before any expensive arithmetic.
    """
    check_amount(amount)
    scaled = amount.scaleb(exponent(currency), EXACT)
    # Half-even, so that many roundings do not lean to one side.
    return int(scaled.quantize(Decimal(1), ROUND_HALF_EVEN, EXACT))


def check_amount(amount: Decimal) -> None:
    """Raise IllegalAmount unless finite, within 10**12 and of four decimals at most."""
    if not amount.is_finite():
        raise IllegalAmount("the amount is not a finite number")
    # By the exponent first: to write 1e999999 out in digits would take the machine's memory.
    if (amount and not -20 <= amount.adjusted() <= 12) or abs(amount) > LARGEST_AMOUNT:
        raise IllegalAmount("the amount is outside -10^12 to 10^12 or finer than four decimals")
    if len(amount.as_tuple().digits) > 60 or amount != amount.quantize(
        Decimal("0.0001"), context=EXACT
    ):
        raise IllegalAmount("the amount has more than four decimals")


class AsOf(msgspec.Struct, frozen=True):
    """`instant` is aware; `date` is its civil date in `zone`, never a provider's.

    `doubtful` says that the clock could not be believed, so that a person has to decide.
    """

    instant: datetime
    date: date
    zone: tzinfo
    doubtful: bool = False

    @classmethod
    def at(cls, instant: datetime, zone: tzinfo, *, doubtful: bool = False) -> AsOf:
        """The instant seen in a zone; raises ValueError when the instant has no zone of its own."""
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return cls(instant, instant.astimezone(zone).date(), zone, doubtful)


def noon(day: date, zone: tzinfo) -> AsOf:
    """Noon of a civil day in a zone, for a day without a time."""
    return AsOf.at(datetime.combine(day, time(12), zone), zone)


class Month(msgspec.Struct, frozen=True, order=True):
    """A calendar month; `index` is year * 12 + (month - 1)."""

    # Counted through, so that months subtract.
    index: int

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year * 12 + day.month - 1)

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read `yyyy-MM`; raises ValueError when the text is anything else."""
        if len(text) != 7 or text[4] != "-" or not (text[:4] + text[5:]).isascii():
            raise ValueError("not a month of the form yyyy-MM")
        year = int(text[:4])
        month = int(text[5:])
        if not (1 <= year <= 9999 and 1 <= month <= 12):
            raise ValueError("not a month of the form yyyy-MM")
        return cls(year * 12 + month - 1)

    @property
    def year(self) -> int:
        return self.index // 12

    @property
    def number(self) -> int:
        """The month of the year, 1 to 12."""
        return self.index % 12 + 1

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, self.number, monthrange(self.year, self.number)[1])

    def plus(self, months: int) -> Month:
        return Month(self.index + months)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


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


ABSENT = frozenset({
    Cause.NO_DATA, Cause.SHORT_HISTORY, Cause.NOT_CONNECTED, Cause.NO_EVIDENCE,
    Cause.DIVISION_BY_ZERO, Cause.UNDEFINED, Cause.NOT_SENT, Cause.UNKNOWN_PROVIDER,
})  # fmt: skip


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
    """The cause that is shown of several: a tainted one before absent ones, then in text order."""
    return min(causes, key=_place_of)


def _place_of(missing: Missing) -> tuple[bool, str, str]:
    # Taint first: an absent cause in its place would name the wrong remedy.
    return not missing.cause.tainted, missing.cause.value, missing.source or ""
