"""`monitor`: whether a policy in force still does what it was made for."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import typer
from msgspec.structs import replace

from decision_service.build import engine_version
from decision_service.cli.keys import keys_to_read_with
from decision_service.cli.output import CommandError, show_count
from decision_service.domain.errors import ProductUnknown, StoreError, visible
from decision_service.rulebook.folder import write_whole
from decision_service.rules.language.fields import parse_day
from decision_service.rules.program import CompiledRuleset
from decision_service.runtime.config import load
from decision_service.workbench.backtest.render import R, decoded, encoded
from decision_service.workbench.backtest.replica import KeyRange, StoreReader
from decision_service.workbench.backtest.report import ImpactReport
from decision_service.workbench.commands.folder import LoadedRules
from decision_service.workbench.monitor.drift import scales_of
from decision_service.workbench.monitor.read import decided, lent, reviewed, steps
from decision_service.workbench.monitor.render import html
from decision_service.workbench.monitor.report import (
    Baseline,
    Given,
    MonitorReport,
    MonitorSubject,
    MonitorTally,
    ObservedLoan,
    PopulationTally,
    report_of,
)

VINTAGES = 24
"""Months of decisions whose loans are shown, up to the last day."""

_KEYS = ("decision_id", "customer_ref")


class Days(NamedTuple):
    """Civil days, both inclusive."""

    first: date
    last: date

    def within(self, zone: ZoneInfo) -> KeyRange:
        ends = (self.first, self.last + timedelta(days=1))
        return KeyRange(*(datetime.combine(day, time(), zone) for day in ends))


def monitor(
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="the product, such as personal-loan-ph")
    ],
    since: Annotated[str, typer.Option("--from", help="first day, YYYY-MM-DD")],
    until: Annotated[str, typer.Option("--to", help="last day, YYYY-MM-DD")],
    out: Annotated[Path, typer.Option("--out", help="a folder for monitor.html, monitor.json")],
    baseline: Annotated[
        str,
        typer.Option(
            "--baseline", help="FROM..TO, or an earlier monitor.json: the population to compare"
        ),
    ] = "",
    forecast: Annotated[
        Path | None, typer.Option("--forecast", help="the impact.json of the change")
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option("--groups", help="CSV of decision_id or customer_ref, and group; not kept"),
    ] = None,
    store: Annotated[str, typer.Option("--store", help="the store, else DECISION_STORE_URL")] = "",
    rules: Annotated[Path, typer.Option("--rules", help="the rules folder")] = Path("rules"),
) -> None:
    """Volume, drift, overrides, vintages, a forecast and groups."""
    days = _days(f"{since}..{until}", "--from and --to")
    try:
        ruleset = LoadedRules.read(rules).rulebook.product(product).champion
    except ProductUnknown as error:
        raise CommandError(str(error)) from None
    window, frozen = _baseline(baseline, product, days)
    impact = None if forecast is None else _read(forecast, "--forecast", ImpactReport)
    if impact is not None and impact.subject.product != product:
        raise CommandError(f"--forecast {forecast} is of {impact.subject.product}, not {product}")
    keys = None if groups is None else groups_of(groups)
    given = Given(frozen, impact, keys)
    try:
        report = asyncio.run(_report(ruleset, days, window, given, store))
    except StoreError as error:
        raise CommandError(str(error)) from None
    if report.groups is not None and keys and report.groups.unmatched == len(keys):
        raise CommandError(f"--groups {groups} names no decision of {product} in these days")
    _write(report, out)


def _days(text: str, option: str) -> Days:
    first, _, last = text.partition("..")
    found = Days(*(_day(one, option) for one in (first, last)))
    if found.last < found.first:
        raise CommandError(f"{option}: {found.last} is before {found.first}")
    return found


def _day(text: str, option: str) -> date:
    found = parse_day(text)
    if found is None:
        raise CommandError(f"{option}: {text or 'nothing'} is no day, write it as 2026-10-31")
    return found


def _baseline(word: str, product: str, days: Days) -> tuple[Days | None, Baseline | None]:
    """The window, or the population of a file, that is named; raises CommandError."""
    window: Days | None = None
    frozen: Baseline | None = None
    if ".." in word and not Path(word).is_file():
        window = _days(word, "--baseline")
    elif word:
        report = _read(Path(word), "--baseline", MonitorReport)
        of, name = report.subject, f"{Path(word).name} ({report.digest[:16]})"
        if of.product != product:
            raise CommandError(f"--baseline {word} is of {of.product}, not {product}")
        frozen = Baseline(of.since, of.until, report.applicants, report.population, name)
    found = window or (frozen and Days(frozen.since, frozen.until))
    if found and found.last >= days.first and found.first <= days.last:
        raise CommandError(
            f"--baseline {word} shares days with {days.first} to {days.last}, which would compare "
            "decisions with themselves: choose other days"
        )
    return window, frozen


def _read(file: Path, option: str, kind: type[R]) -> R:
    try:
        return decoded(file.read_bytes(), kind)
    except OSError as error:
        raise CommandError(f"{option} {file} cannot be read ({error.strerror})") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        written = "monitor --out" if kind is MonitorReport else "backtest --out"
        raise CommandError(
            f"{option} {file} is not what `decision-service {written}` wrote ({error})"
        ) from None


def groups_of(file: Path) -> Mapping[str, str]:
    """The group of each decision or customer that a file names; raises CommandError."""
    found: dict[str, str] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text)
            head = next(rows, [])
            if len(head) != 2 or head[0] not in _KEYS or head[1] != "group":
                raise CommandError(
                    f"--groups {file} begins with {','.join(head) or 'nothing'}: its first line "
                    "must be decision_id,group or customer_ref,group"
                )
            for row in rows:
                if len(row) != 2 or not all(row):
                    raise CommandError(
                        f"--groups {file}:{rows.line_num}: a line is one {head[0]} and one group"
                    )
                if found.setdefault(row[0], row[1]) != row[1]:
                    raise CommandError(
                        f"--groups {file}:{rows.line_num}: this {head[0]} has another group above"
                    )
    except OSError as error:
        raise CommandError(f"--groups {file} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"--groups {file} is no CSV in UTF-8 ({error})") from None
    return found


async def _report(
    ruleset: CompiledRuleset, days: Days, before: Days | None, given: Given, store: str
) -> MonitorReport:
    settings = load()
    url = store or settings.store_url
    reader = await StoreReader.open(url, keys_to_read_with(settings, url))
    try:
        return await _read_all(ruleset, days, before, given, reader)
    finally:
        await reader.aclose()


async def _read_all(
    ruleset: CompiledRuleset, days: Days, before: Days | None, given: Given, reader: StoreReader
) -> MonitorReport:
    product, zone, window = ruleset.ruleset, ruleset.zone, days.within(ruleset.zone)
    scales = scales_of(ruleset, days.last)
    if before is not None:
        people = PopulationTally(scales)
        await _count(reader, product, before.within(zone), people)
        frozen = Baseline(*before, people.applicants, people.histograms(scales))
        given = replace(given, baseline=frozen)
    booked = Days(min(days.first, _months_before(days.last, VINTAGES)), days.last)
    loans = await lent(reader, product, booked.within(zone), days.last, zone)
    compared = () if given.baseline is None else (one.scale for one in given.baseline.histograms)
    persons = await reviewed(reader, product, window)
    tally = MonitorTally(zone, {*scales, *compared}, persons, _bad(loans), given.groups or {})
    await _count(reader, product, window, tally)
    if not tally.volume:
        raise CommandError(
            f"there are no decisions of {product} from {days.first} to {days.last}: choose other "
            "days, or name another --store"
        )
    rules = f"v{ruleset.version}", ruleset.digest
    subject = MonitorSubject(product, *days, *rules, engine_version())
    plan = await steps(reader, product, window, zone)
    return report_of(subject, tally, scales, plan, loans, given)


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


def _bad(loans: Sequence[ObservedLoan]) -> Mapping[str, bool]:
    found: dict[str, bool] = {}
    for one in loans:
        found[one.decision_id] = found.get(one.decision_id, False) or one.bad
    return found


async def _count(
    reader: StoreReader, product: str, chosen: KeyRange, tally: PopulationTally | MonitorTally
) -> None:
    async with aclosing(decided(reader, product, chosen)) as found:
        number = 0
        async for one in found:
            tally.add(one)
            number += 1
            show_count(number, "decisions")
    if sys.stderr.isatty():
        sys.stderr.write("\n")


def _write(report: MonitorReport, out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for form, text in (("html", html(report)), ("json", encoded(report).decode())):
            write_whole(out / f"monitor.{form}", text)
            sys.stderr.write(visible(f"wrote {out / f'monitor.{form}'}\n"))
    except OSError as error:
        raise CommandError(
            f"--out {out} cannot be written ({error.strerror}): choose a folder of yours"
        ) from None
