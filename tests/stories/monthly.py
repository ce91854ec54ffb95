"""What comes month by month: payslips, a scheme's estimates and contributions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from decision_service.domain.months import Month
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from tests.stories.writer import MONTHS, AccountWriter, Json

EVERY = ("month", "half", "week")
_FREQUENCY = {"month": "Monthly", "half": "Semimonthly", "week": "Weekly"}
PAYSLIP = (
    "employer", "start", "end", "every", "paid_on", "cut_off", "pays_after", "net", "gross", "base",
)  # fmt: skip


def payroll(writer: AccountWriter, node: YamlNode) -> Iterator[Json]:
    """Payslips: one with `start` and `end`, or those of every month, half or week of `months`.

    Each is paid `pays_after` days later, where that is known.
    """
    fields = Fields.of(
        node, "`payroll`", writer.report, optional=(*PAYSLIP, "frequency", "currency", *MONTHS)
    )
    if fields is None:
        return
    amounts = {key: writer.amounts(fields, key) for key in ("net", "gross", "base")}
    if not any(fields.has(key) for key in amounts):
        hint = "add `net:`, what one payslip paid out"
        writer.report.error("R121", node.place, "`payroll` names no amount", hint)
    every = fields.choice("every", EVERY) or "month"
    after = fields.integer("pays_after", 0, 99)
    for first, last in _periods(writer, fields, every):
        yield writer.item(
            employer=fields.text("employer"),
            startDate=first.isoformat(),
            endDate=last.isoformat(),
            payDate=None if after is None else (last + timedelta(days=after)).isoformat(),
            frequency=fields.text("frequency") or _FREQUENCY[every],
            currency=fields.text("currency") or "PHP",
            **{f"{key}Amount": next(amount) for key, amount in amounts.items()},
        )


def estimates(writer: AccountWriter, node: YamlNode) -> Iterator[Json]:
    """A scheme's or platform's estimated income of each month."""
    optional = (*MONTHS, "currency")
    fields = Fields.of(node, "`estimates`", writer.report, required=("amount",), optional=optional)
    if fields is None:
        return
    amounts, currency = writer.amounts(fields, "amount"), fields.text("currency") or "PHP"
    for month in writer.months(fields):
        yield writer.item(month=str(month), currency=currency, amount=next(amounts))


def contributions(writer: AccountWriter, node: YamlNode) -> Iterator[Json]:
    """Payments to a scheme, each dated on day `on` of its month, on the last day without it."""
    optional = (*MONTHS, "currency", "on")
    what = "`contributions`"
    fields = Fields.of(node, what, writer.report, required=("amount",), optional=optional)
    if fields is None:
        return
    amounts, currency = writer.amounts(fields, "amount"), fields.text("currency") or "PHP"
    day = fields.integer("on", 1, 28)
    for month in writer.months(fields):
        dated = month.first_day.replace(day=day) if day else month.last_day
        yield writer.item(date=dated.isoformat(), currency=currency, amount=next(amounts))


def _periods(writer: AccountWriter, fields: Fields, every: str) -> Iterator[tuple[date, date]]:
    """The periods of payslips; of those that are counted out none that ends after today."""
    if fields.has("start"):
        start = writer.date(fields, "start")
        end = writer.date(fields, "end") if fields.has("end") else start
        if start and end:
            yield start, end
        return
    paid_on, cut_off = fields.integer("paid_on", 1, 28), fields.integer("cut_off", 1, 28)
    for month in writer.months(fields):
        for first, last in _within(month, every, paid_on, cut_off):
            if last <= writer.today.date:
                yield first, last


def _within(
    month: Month, every: str, paid_on: int | None, cut_off: int | None
) -> list[tuple[date, date]]:
    if paid_on:
        day = month.first_day.replace(day=paid_on)
        return [(day, day)]
    if cut_off:
        before = month.plus(-1).first_day.replace(day=cut_off)
        return [(before + timedelta(days=1), month.first_day.replace(day=cut_off))]
    if every == "half":
        middle = month.first_day.replace(day=15)
        return [(month.first_day, middle), (middle + timedelta(days=1), month.last_day)]
    if every == "week":
        return list(_weeks(month))
    return [(month.first_day, month.last_day)]


def _weeks(month: Month) -> Iterator[tuple[date, date]]:
    """The weeks from Monday to Sunday whose Sunday lies in the month."""
    sunday = month.first_day + timedelta(days=6 - month.first_day.weekday())
    while sunday <= month.last_day:
        yield sunday - timedelta(days=6), sunday
        sunday += timedelta(days=7)
