"""`monitor`: whether a policy in force still does what it was made for."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping
from contextlib import aclosing
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import typer

from decision_service.author.backtest.command import days_within, write_report
from decision_service.author.backtest.render import decoded, encoded
from decision_service.author.backtest.replica import StoreReader
from decision_service.author.backtest.report import ImpactReport
from decision_service.author.folder import LoadedRules
from decision_service.build import engine_version
from decision_service.cli.keys import keys_to_read_with
from decision_service.cli.output import CommandError, progress_line, show_count
from decision_service.domain.errors import ProductUnknown, StoreError
from decision_service.operate.monitor.drift import scales_of
from decision_service.operate.monitor.read import decided, lent, reviewed, steps
from decision_service.operate.monitor.render import html
from decision_service.operate.monitor.report import (
    Baseline,
    MonitorReport,
    MonitorSubject,
    MonitorTally,
    PopulationTally,
    report_of,
)
from decision_service.rules.language.fields import parse_day
from decision_service.rules.program import CompiledRuleset
from decision_service.runtime.config import load

Days = tuple[date, date, ZoneInfo]
Report = TypeVar("Report", MonitorReport, ImpactReport)


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
    """Whether a policy in force still does what it was made for, as HTML and JSON.

    Volume and outcomes by version and arm, drift from a baseline, overrides, loans by month, a
    forecast and what came, and groups. The store, or a replica of it, is only read.
    """
    try:
        ruleset = LoadedRules.read(rules).rulebook.product(product).champion
    except ProductUnknown as error:
        raise CommandError(str(error)) from None
    first, last = _days(f"{since}..{until}", "--from and --to", ruleset.zone)
    before = _baseline(baseline, product, ruleset.zone) if baseline else None
    if before is not None and before.until >= first and before.since <= last:
        raise CommandError(f"--baseline {baseline} shares days with {first} to {last}: take others")
    impact = (
        None if forecast is None else _read(forecast, "--forecast", ImpactReport, product=product)
    )
    keys = None if groups is None else groups_of(groups)
    subject = MonitorSubject(
        product,
        first,
        last,
        rules=f"v{ruleset.version}",
        digest=ruleset.digest,
        engine_version=engine_version(),
    )
    try:
        report = asyncio.run(
            _report(ruleset, subject, store, baseline=before, forecast=impact, groups=keys)
        )
    except StoreError as error:
        raise CommandError(str(error)) from None
    if report.groups is not None and report.groups.unmatched == len(keys or ()):
        raise CommandError(f"--groups {groups} names no decision of {product} in these days")
    write_report(out, {"monitor.html": html(report), "monitor.json": encoded(report).decode()})


def _days(text: str, option: str, zone: ZoneInfo) -> tuple[date, date]:
    words = text.partition("..")
    first, last = map(parse_day, words[::2])
    if first is None or last is None:
        wrong = words[2] if first else words[0]
        raise CommandError(f"{option}: {wrong or 'nothing'} is no day, write it as 2026-10-31")
    if last < first:
        raise CommandError(f"{option}: {last} is before {first}")
    if last > (today := datetime.now(zone).date()):
        raise CommandError(f"{option}: {last} is after today, {today} in {zone.key}")
    return first, last


def _baseline(word: str, product: str, zone: ZoneInfo) -> Baseline:
    """The population of a file, or days that are not counted yet; raises CommandError."""
    if not Path(word).is_file():
        if ".." not in word:
            takes = "name days as 2026-07-01..2026-07-31, or an earlier monitor.json"
            raise CommandError(f"--baseline {word} is no file: {takes}")
        return Baseline(*_days(word, "--baseline", zone))
    report = _read(Path(word), "--baseline", MonitorReport, product=product)
    of = report.subject
    name = f"{Path(word).name} ({report.digest[:16]})"
    return Baseline(of.since, of.until, report.applicants, histograms=report.population, file=name)


def _read(file: Path, option: str, kind: type[Report], product: str) -> Report:
    try:
        report = decoded(file.read_bytes(), kind)
    except OSError as error:
        raise CommandError(f"{option} {file} cannot be read ({error.strerror})") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        written = "monitor --out" if kind is MonitorReport else "backtest --out"
        raise CommandError(
            f"{option} {file} is not what `decision-service {written}` wrote ({error})"
        ) from None
    if report.subject.product != product:
        raise CommandError(f"{option} {file} is of {report.subject.product}, not {product}")
    return report


def groups_of(file: Path) -> Mapping[str, str]:
    """The group of each decision or customer that a file names; raises CommandError."""
    found: dict[str, str] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text)
            head = next(rows, [])
            if head not in (["decision_id", "group"], ["customer_ref", "group"]):
                raise CommandError(
                    f"--groups {file} begins with {','.join(head) or 'nothing'}: its first line "
                    "must be decision_id,group or customer_ref,group"
                )
            for row in rows:
                place = f"--groups {file}:{rows.line_num}"
                if len(row) != 2 or not all(row):
                    raise CommandError(f"{place}: a line is one {head[0]} and one group")
                if found.setdefault(row[0], row[1]) != row[1]:
                    raise CommandError(f"{place}: this {head[0]} has another group above")
    except OSError as error:
        raise CommandError(f"--groups {file} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"--groups {file} is no CSV in UTF-8: save it so ({error})") from None
    return found


async def _report(
    ruleset: CompiledRuleset,
    subject: MonitorSubject,
    store: str,
    baseline: Baseline | None,
    forecast: ImpactReport | None,
    groups: Mapping[str, str] | None,
) -> MonitorReport:
    settings = load()
    product = subject.product
    zone = ruleset.zone
    first = subject.since
    last = subject.until
    days = (first, last, zone)
    scales = scales_of(ruleset, last)
    window = days_within(*days)
    booked = days_within(min(first, last.replace(last.year - 2, day=1)), last, zone)
    url = store or settings.store_url
    async with aclosing(await StoreReader.open(url, keys_to_read_with(settings, url))) as reader:
        if baseline is not None and not baseline.file:
            people = PopulationTally(scales)
            await _count(reader, product, (baseline.since, baseline.until, zone), tally=people)
            counted = people.applicants, people.histograms(scales)
            baseline = Baseline(baseline.since, baseline.until, *counted)
        compared = () if baseline is None else (one.scale for one in baseline.histograms)
        persons = await reviewed(reader, product, window)
        loans = await lent(reader, product, booked, until=last, zone=zone)
        tally = MonitorTally(zone, {*scales, *compared}, persons, loans=loans, groups=groups)
        await _count(reader, product, days, tally=tally)
        plan = await steps(reader, product, window, zone=zone)
    return report_of(subject, tally, scales, steps=plan, baseline=baseline, forecast=forecast)


async def _count(
    reader: StoreReader, product: str, days: Days, tally: PopulationTally | MonitorTally
) -> None:
    number = 0
    (first, last, zone) = days
    async for one in decided(reader, product, days_within(*days)):
        tally.add(one)
        number += 1
        show_count(number, "decisions")
    progress_line("")
    if not number:
        raise CommandError(
            f"there are no decisions of {product} from {first} to {last} in {zone.key}: choose "
            "other days, or name another --store"
        )
