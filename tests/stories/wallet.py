"""What a platform's wallet shows: days of trips with their fees, and single entries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.language.yaml.readers import as_decimal
from tests.stories.writer import AccountWriter, Json, stamp

TRIP, FEE, CASH_OUT = "Trip earnings", "Service fee", "Cash out to bank account"
_EVERY = ("day", "week", "month")
_TRIPS = ("days_a_week", "fees", "words", "cash_out", "currency")


def trips(writer: AccountWriter, node: YamlNode) -> Iterator[Json]:
    """Working days from Monday on: one entry of what the day brought, and what the platform kept.

    `fees` is in percent of the day; with `cash_out: true` the week's rest leaves on Sundays.
    """
    required = ("from", "to", "a_day")
    fields = Fields.of(node, "`trips`", writer.report, required=required, optional=_TRIPS)
    if fields is None:
        return
    first, last = writer.date(fields, "from"), writer.date(fields, "to")
    week, fees = fields.integer("days_a_week", 1, 7) or 6, fields.decimal("fees", 0, 100) or 0
    amounts, cash_out = writer.amounts(fields, "a_day"), fields.flag("cash_out")
    words, currency = fields.text("words") or TRIP, fields.text("currency") or "PHP"
    kept = 0.0
    for day in _days(first, last):
        if day.weekday() < week and (amount := next(amounts)) is not None:
            fee = round(amount * float(fees) / 100, 2)
            kept += amount - fee
            yield _entry(writer, day, amount, words, currency)
            if fee:
                yield _entry(writer, day, -fee, FEE, currency)
        if cash_out and day.weekday() == 6 and kept:
            yield _entry(writer, day, -round(kept, 2), CASH_OUT, currency)
            kept = 0.0


def transactions(writer: AccountWriter, node: YamlNode) -> Iterator[Json]:
    """One entry `on` a day, or the same one again `every` day, week or month `from` … `to`."""
    required, optional = ("amount", "words"), ("on", "from", "to", "every", "currency")
    fields = Fields.of(node, "`transactions`", writer.report, required=required, optional=optional)
    if fields is None:
        return
    amounts, words = writer.amounts(fields, "amount"), fields.text("words") or ""
    currency = fields.text("currency") or "PHP"
    for day in _on(writer, fields):
        yield _entry(writer, day, next(amounts), words, currency)


def lenders(writer: AccountWriter, node: YamlNode) -> Iterator[Json]:
    """To how many lenders the account was linked in the last seven days."""
    count = as_decimal(node, "`lenders`", writer.report)
    if count is not None:
        features = {"link_day7_count": int(count)}
        yield writer.item(cutoffTime=stamp(writer.synced), features=features)


def _on(writer: AccountWriter, fields: Fields) -> Iterator[date]:
    single = writer.date(fields, "on")
    if single:
        yield single
        return
    first, last = writer.date(fields, "from"), writer.date(fields, "to")
    every = fields.choice("every", _EVERY) or "month"
    if first is None or last is None:
        hint = "add `on:` a day, or `from:`, `to:` and `every:`"
        message = "`transactions` names no day"
        writer.report.error("R121", fields.node.place, message, hint)
        return
    for day in _days(first, last):
        same = {
            "day": True,
            "week": day.weekday() == first.weekday(),
            "month": day.day == first.day,
        }
        if same[every]:
            yield day


def _days(first: date | None, last: date | None) -> Iterator[date]:
    while first and last and first <= last:
        yield first
        first += timedelta(days=1)


def _entry(
    writer: AccountWriter, day: date, amount: float | None, words: str, currency: str
) -> Json:
    return writer.item(date=day.isoformat(), description=words, currency=currency, amount=amount)
