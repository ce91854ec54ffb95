"""The parts of an account in a story, as the records that the vendor would give."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import cycle
from typing import Any, NamedTuple, TypeVar

from decision_service.domain.money import IllegalAmount, to_minor
from decision_service.domain.months import Month
from decision_service.domain.snapshot import (
    Contribution,
    Employment,
    EstimatedIncome,
    Income,
    Liability,
    LinkCounts,
    Task,
    Transaction,
)
from decision_service.domain.time import AsOf, noon
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import ListNode, YamlNode
from decision_service.language.yaml.readers import as_decimal, as_scalar, parse_day

Found = TypeVar("Found")

_EVERY = {"month": "Monthly", "half": "Semimonthly", "week": "Weekly"}
_AGO = re.compile(r"([0-9]{1,5}) (minute|hour|day|month)s? ago")
_NAMED = {
    "today": "0 days ago",
    "yesterday": "1 day ago",
    "this month": "0 months ago",
    "last month": "1 month ago",
}
_CLOCK = re.compile(r"([0-9-]{10}) ([01][0-9]|2[0-3]):([0-5][0-9])")
_A_DAY = timedelta(days=1)
_MONTH_HINT = "write 2026-10, `3 months ago`, `last month` or `this month`"
_DAY_HINT = "write 2026-10-05, `12 days ago`, `yesterday` or `today`"
_MOMENT_HINT = f"{_DAY_HINT}; or 2026-10-05 08:30, `3 hours ago`, `5 minutes ago`"


class Part:
    """A part of a story at its instant; `source` is the account of its records, named by `ids`.

    A day, month or moment is dated, or counted back from the instant.
    """

    def __init__(
        self, fields: Fields, as_of: AsOf, currency: str, source: str = "", ids: Any = None
    ) -> None:
        self.fields, self.as_of, self.source, self._ids = fields, as_of, source, ids
        self.currency = currency

    def day(self, key: str) -> date | None:
        """A civil date."""
        return self._read(self.fields.get(key), key, self._day, _DAY_HINT)

    def moment(self, key: str) -> datetime | None:
        """A moment; a day means its noon, and no later than an hour before the story's instant."""
        return self._read(self.fields.get(key), key, self._moment, _MOMENT_HINT)

    def month(self, node: YamlNode | None, key: str) -> Month | None:
        """A month."""
        return self._read(node, key, self._month, _MONTH_HINT)

    def months(self) -> list[Month]:
        """Those of `from` and `to`, or of `months`, without those under `except`."""
        first, last = (self.month(self.fields.get(key), key) for key in ("from", "to"))
        named, left_out = (
            [self.month(node, key) for node in self.fields.items(key)]
            for key in ("months", "except")
        )
        if first and last:
            named += map(Month, range(first.index, last.index + 1))
        if not named:
            hint = "write `from` and `to`, the earlier one first, or a list under `months`"
            self.refuse("names no month", hint)
        return [month for month in named if month and month not in left_out]

    def amounts(self, key: str) -> Iterator[int | None]:
        """In minor units what a key gives each record in turn: one amount, or a list of them."""
        return cycle([self._minor(node, key) for node in each(self.fields.get(key))] or [None])

    def record(self, struct: Callable[..., Found], *values: object) -> Found:
        """A record with an id of its own."""
        return struct(f"{self.source}-{next(self._ids):05}", self.source, *values)

    def refuse(self, what: str, hint: str) -> None:
        """Report what the part lacks, unless something is wrong already."""
        if not self.fields.report.failed:
            place, message = self.fields.node.place, f"{self.fields.what} {what}"
            self.fields.report.error("R121", place, message, hint)

    def _minor(self, node: YamlNode, key: str) -> int | None:
        amount = as_decimal(node, f"`{key}`", self.fields.report)
        try:
            return None if amount is None else to_minor(amount, self.currency)
        except IllegalAmount as error:
            self.fields.report.error("R309", node.place, str(error))
            return None

    def _read(
        self, node: YamlNode | None, key: str, parse: Callable[[str], Found | None], hint: str
    ) -> Found | None:
        scalar = None if node is None else as_scalar(node, f"`{key}`", self.fields.report)
        found = parse(_NAMED.get(scalar.text, scalar.text)) if scalar else None
        if scalar and found is None:
            message = f"`{key}` cannot be `{scalar.text}`"
            self.fields.report.error("R122", scalar.place, message, hint)
        return found

    def _month(self, text: str) -> Month | None:
        back, day = _AGO.fullmatch(text), parse_day(f"{text}-01")
        if back is None or back[2] != "month":
            return Month.of(day) if day else None
        return Month.of(self.as_of.date).plus(-int(back[1]))

    def _day(self, text: str) -> date | None:
        back = _AGO.fullmatch(text)
        if back is None or back[2] != "day":
            return parse_day(text)
        return self.as_of.date - int(back[1]) * _A_DAY

    def _moment(self, text: str) -> datetime | None:
        back, day, now = _AGO.fullmatch(text), self._day(text), self.as_of.instant
        if back and back[2] in ("minute", "hour"):
            return now - timedelta(**{f"{back[2]}s": int(back[1])})
        dated = instant(text, self.as_of.zone)
        if day is None:
            return dated.instant if dated else None
        return min(noon(day, self.as_of.zone).instant, now - timedelta(hours=1))


def instant(text: str, zone: Any) -> AsOf | None:
    """A date with the time that follows it, or at noon."""
    clock = _CLOCK.fullmatch(text)
    day = parse_day(clock[1] if clock else text)
    if clock is None or day is None:
        return noon(day, zone) if day else None
    return AsOf.at(datetime.combine(day, time(int(clock[2]), int(clock[3])), zone), zone)


def each(node: YamlNode | None) -> tuple[YamlNode, ...]:
    """The entries of a section: a list of them, or the only one without a dash."""
    return node.items if isinstance(node, ListNode) else (node,) if node else ()


def _payslips(part: Part) -> Iterator[Income]:
    fields = part.fields
    amounts = {key: part.amounts(key) for key in ("base", "gross", "net")}
    if not any(map(fields.has, amounts)):
        part.refuse("names no amount", "add `net:`, what one payslip paid out")
    every, after = fields.choice("every", _EVERY) or "month", fields.integer("pays_after", 0, 99)
    for first, last in _periods(part, every):
        paid = None if after is None else last + after * _A_DAY
        about = (first, last, fields.text("frequency") or _EVERY[every], part.currency)
        paid_out = map(next, amounts.values())
        yield part.record(Income, fields.text("employer"), *about, *paid_out, paid)


def _periods(part: Part, every: str) -> Iterator[tuple[date, date]]:
    """The one from `start` to `end`, or those of the months that end by the story's day."""
    start = part.day("start")
    if start or part.fields.has("start"):
        return iter([(start, part.day("end") or start)] if start else [])
    days = [part.fields.integer(key, 1, 28) for key in ("paid_on", "cut_off")]
    found = (period for month in part.months() for period in _within(month, every, *days))
    return (period for period in found if period[1] <= part.as_of.date)


def _within(
    month: Month, every: str, paid_on: int | None, cut_off: int | None
) -> list[tuple[date, date]]:
    first, last = month.first_day, month.last_day
    if paid_on:
        return [(first.replace(day=paid_on),) * 2]
    if cut_off:
        before = month.plus(-1).first_day.replace(day=cut_off)
        return [(before + _A_DAY, first.replace(day=cut_off))]
    if every == "half":
        return [(first, first.replace(day=15)), (first.replace(day=16), last)]
    if every == "week":
        return [(day - 6 * _A_DAY, day) for day in _days(first, last) if day.weekday() == 6]
    return [(first, last)]


def _days(first: date | None, last: date | None) -> Iterator[date]:
    while first and last and first <= last:
        yield first
        first += _A_DAY


def _estimates(part: Part) -> Iterator[EstimatedIncome]:
    for month, amount in zip(part.months(), part.amounts("amount"), strict=False):
        yield part.record(EstimatedIncome, month.index, part.currency, amount)


def _contributions(part: Part) -> Iterator[Contribution]:
    on = part.fields.integer("on", 1, 28)
    for month, amount in zip(part.months(), part.amounts("amount"), strict=False):
        day = month.first_day.replace(day=on) if on else month.last_day
        yield part.record(Contribution, day, part.currency, amount)


def _employments(part: Part) -> Iterator[Employment]:
    start, end = part.day("from"), part.day("to")
    status = "Separated" if end else "Employed"
    yield part.record(Employment, part.fields.text("employer"), status, start, end, end or start)


def _loans(part: Part) -> Iterator[Liability]:
    amount, instalment, left, overdue = (
        next(part.amounts(key)) for key in ("amount", "instalment", "open", "overdue")
    )
    terms = (amount, instalment, part.fields.text("frequency") or "Monthly", left, overdue, None)
    dates = (part.day("start"), part.day("end"))
    yield part.record(Liability, part.fields.text("type"), *dates, part.currency, *terms)


def _trips(part: Part) -> Iterator[Transaction]:
    """Working days from Monday on, and what the platform keeps of each in percent.

    With `cash_out: true` the week's rest leaves on Sundays.
    """
    fields, amounts, kept = part.fields, part.amounts("a_day"), 0
    week, fees = fields.integer("days_a_week", 1, 7) or 6, fields.decimal("fees", 0, 100) or 0
    words, cash_out = fields.text("words") or "Trip earnings", fields.flag("cash_out")
    for day in _days(part.day("from"), part.day("to")):
        entries = []
        if day.weekday() < week and (amount := next(amounts)):
            entries = [(words, amount), ("Service fee", -round(amount * fees / 100))]
            kept += sum(amount for _, amount in entries)
        if cash_out and day.weekday() == 6:
            entries.append(("Cash out to bank account", -kept))
            kept = 0
        for words_, amount in entries:
            if amount:
                yield part.record(Transaction, day, words_, part.currency, amount)


def _transactions(part: Part) -> Iterator[Transaction]:
    first, last = part.day("from") or part.day("on"), part.day("to") or part.day("on")
    if first is None or last is None:
        part.refuse("names no day", "add `on:` a day, or `from:`, `to:` and `every:`")
    every = part.fields.choice("every", ("day", "week", "month")) or "month"
    amounts, words = part.amounts("amount"), part.fields.text("words")
    form = {"day": "day", "week": "%w", "month": "%d"}[every]
    for day in _days(first, last):
        if first and day.strftime(form) == first.strftime(form):
            yield part.record(Transaction, day, words, part.currency, next(amounts))


def _tasks(part: Part) -> Iterator[Task]:
    """A collection of data by the vendor, which still runs where it has not finished."""
    started, finished = part.moment("started"), part.moment("finished")
    about = (part.fields.text("type") or "LINK_ACCOUNT", "Finished" if finished else "Started")
    yield part.record(Task, *about, started, finished, bool(finished))


def _lenders(part: Part) -> Iterator[LinkCounts]:
    yield part.record(LinkCounts, ((7, part.fields.integer("in_7_days", 0)),))


class Section(NamedTuple):
    """A section of an account: the kind of its records, and the keys of an entry."""

    kind: str
    records: Callable[[Part], Iterator[Any]]
    required: str
    optional: str


_MONTHS = "from to months except"
_PAYSLIP = "employer start end every paid_on cut_off pays_after net gross base frequency"
_TRIPS = "days_a_week fees words cash_out"
_LOAN = "end open overdue instalment frequency"
SECTIONS = {
    "payroll": Section("incomes", _payslips, "", f"{_PAYSLIP} {_MONTHS}"),
    "estimates": Section("eincomes", _estimates, "amount", _MONTHS),
    "contributions": Section("contributions", _contributions, "amount", f"{_MONTHS} on"),
    "employments": Section("employments", _employments, "from", "employer to"),
    "loans": Section("liabilities", _loans, "type start amount", _LOAN),
    "trips": Section("transactions", _trips, "from to a_day", _TRIPS),
    "transactions": Section("transactions", _transactions, "amount words", "on from to every"),
    "tasks": Section("tasks", _tasks, "started", "type finished"),
    "lenders": Section("links", _lenders, "in_7_days", ""),
}
