"""`backtest`: what a rule change would do, on recorded applicants."""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import typer
from msgspec import UNSET
from msgspec.structs import replace

from decision_service.author.backtest.order import (
    Applicants,
    Workers,
    answered,
    compared_rules,
    require_possible,
)
from decision_service.author.backtest.render import ReportFormat, headline, honesty, rendered
from decision_service.author.backtest.replica import KeyRange
from decision_service.author.backtest.report import ImpactReport
from decision_service.author.backtest.rules import BacktestOrder, ComparedRules
from decision_service.author.proofs.claims import Proofs
from decision_service.author.prove import ProveOption, proved
from decision_service.cli.output import CommandError, Exit, whole
from decision_service.domain.errors import visible
from decision_service.rulebook.folder import write_whole
from decision_service.rules.language.diagnostics import did_you_mean
from decision_service.rules.language.fields import parse_day

MOST_LEFT_OUT = 0.5
"""The share that cannot be compared from which a report would mislead."""

_FORM = re.compile(r"\s*([a-z_]+)\s*(<=|>=|<|>)\s*(-?[0-9]{1,12}(?:\.[0-9]{1,10})?)\s*", re.ASCII)
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_NAMES = (
    "approve_change", "refer_change", "decline_change", "swap_in", "swap_out", "amount_change",
    "not_compared", "not_reproduced",
)  # fmt: skip
MOST_POINTS = 500
_NUMBER = r"-?[0-9]{1,15}(?:\.[0-9]{1,10})?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})/({_NUMBER})", re.ASCII)


class MeasureCondition(msgspec.Struct, frozen=True):
    text: str
    measure: str
    compare: str
    number: float


def measures(report: ImpactReport) -> Mapping[str, float]:
    found = report.coverage
    compared = max(report.coverage.compared, 1)
    approvals = {row: (row.before == "APPROVE", row.after == "APPROVE") for row in report.matrix}
    gained = sum(row.applicants for row, sides in approvals.items() if sides == (False, True))
    lost = sum(row.applicants for row, sides in approvals.items() if sides == (True, False))
    changes = {f"{one.outcome.lower()}_change": one.difference.difference for one in report.rates}
    before = sum(row.amount_before for row in report.matrix)
    after = sum(row.amount_after for row in report.matrix)
    asked = max(found.reproduced + found.differing, 1)
    return {
        **dict.fromkeys(("approve_change", "refer_change", "decline_change"), 0.0),
        **changes,
        "swap_in": gained / compared,
        "swap_out": lost / compared,
        "amount_change": after / before - 1 if before else 0.0,
        "not_compared": sum(found.left_out.values()) / max(found.applicants, 1),
        "not_reproduced": found.differing / asked,
    }


def conditions(given: Sequence[str]) -> Sequence[MeasureCondition]:
    return [_condition(text) for text in given]


def _condition(text: str) -> MeasureCondition:
    found = _FORM.fullmatch(text)
    if found is None:
        raise CommandError(
            f"--fail-if is {text}: write a measure, <, <=, > or >=, and a number, such as "
            "'approve_change < -0.05'"
        )
    if found[1] not in _NAMES:
        raise CommandError(
            f"--fail-if names {found[1]}, which is no measure: {did_you_mean(found[1], _NAMES)}"
        )
    return MeasureCondition(text.strip(), found[1], found[2], number=float(found[3]))


def require_fit(report: ImpactReport, asked: Sequence[MeasureCondition]) -> None:
    """Raise CommandError where a condition is met, or most applicants cannot be compared."""
    values = measures(report)
    found = tuple(
        f"{one.text}: {one.measure} is {values[one.measure]:.4f}"
        for one in asked
        if _OPERATORS[one.compare](values[one.measure], one.number)
    )
    if found:
        raise CommandError(f"{len(found)} of {len(asked)} conditions met", Exit.FINDINGS, found)
    coverage = report.coverage
    share = sum(coverage.left_out.values()) / max(coverage.applicants, 1)
    if share > MOST_LEFT_OUT:
        raise CommandError(
            f"{share:.0%} of the applicants cannot be compared, so the report is of the others "
            "alone",
            lines=tuple(f"{kind}: {number:,}" for kind, number in coverage.left_out.items()),
        )


def show_report(report: ImpactReport, form: ReportFormat | None, out: Path | None) -> None:
    if out is None and form is not None:
        sys.stdout.write(visible(rendered(report, form)))
    elif out is None:
        sys.stdout.write(visible("".join(f"{line}\n" for line in _first_sentences(report))))
        sys.stderr.write("the whole report: --out FOLDER\n")
    else:
        write_report(out, {f"impact.{each}": rendered(report, each) for each in ReportFormat})


def _first_sentences(report: ImpactReport) -> Iterator[str]:
    yield from headline(report)
    yield from honesty(report)
    if (proofs := report.proofs) is not UNSET:
        yield f"{proofs.after} against the champion {proofs.before}, from {proofs.since} on."
        yield from (claim.sentence for claim in proofs.claims)
    if report.expect:
        yield f"For the challenger of rollout.yaml: {report.expect}"


def write_report(out: Path, files: Mapping[str, str]) -> None:
    """Write texts into a folder; raises CommandError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_whole(out / name, text)
            sys.stderr.write(visible(f"wrote {out / name}\n"))
    except OSError as error:
        raise CommandError(
            f"--out {out} cannot be written ({error.strerror}): choose a folder of yours"
        ) from None


def assignments(given: Sequence[str]) -> Mapping[str, str]:
    """`params.x=1` as a mapping; raises CommandError."""
    found: dict[str, str] = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise CommandError(
                f"--set is {word}: write a figure and its value, such as "
                "params.min_monthly_income=9000"
            )
        if name in found:
            raise CommandError(f"--set gives {name} twice: {found[name]} and {value}")
        found[name] = value
    return found


def sweep_points(given: Sequence[str]) -> Sequence[Mapping[str, str]]:
    """Every point of a range; raises CommandError."""
    if not given:
        return []
    if len(given) > 1:
        raise CommandError(
            f"--sweep is given {len(given)} times: one at a time, with --set for the other figure"
        )
    one = _range(given[0])
    if one.steps > MOST_POINTS:
        raise CommandError(
            f"--sweep {given[0]} has {one.steps:,} points and {MOST_POINTS} are the most: widen "
            "the steps"
        )
    return [{one.figure: value} for value in one.values()]


class _Range(NamedTuple):
    figure: str
    first: Decimal
    last: Decimal
    step: Decimal

    @property
    def steps(self) -> int:
        return int((self.last - self.first) / self.step) + 1

    def values(self) -> list[str]:
        return [f"{self.first + self.step * place:f}" for place in range(self.steps)]


def _range(word: str) -> _Range:
    name, _, text = word.partition("=")
    found = _RANGE.fullmatch(text)
    if found is None:
        raise CommandError(
            f"--sweep is {word}: write from..to/step, such as "
            "params.min_monthly_income=7000..12000/500"
        )
    one = _Range(name, *map(Decimal, found.groups()))
    if one.step <= 0 or one.last < one.first:
        raise CommandError(
            f"--sweep is {word}: the end must not be below the beginning, and the step above 0"
        )
    return one


def backtest(
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="the product, such as personal-loan-ph")
    ],
    other: Annotated[
        str, typer.Option("--with", help="a version's file, or product@2; else the champion")
    ] = "",
    figures: Annotated[
        list[str] | None,
        typer.Option("--set", help="a figure of it, as params.min_monthly_income=9000"),
    ] = None,
    sweep: Annotated[
        list[str] | None, typer.Option("--sweep", help="params.x=7000..12000/500")
    ] = None,
    since: Annotated[str, typer.Option("--from", help="first day, YYYY-MM-DD")] = "",
    until: Annotated[str, typer.Option("--to", help="last day, YYYY-MM-DD")] = "",
    params_as_of: Annotated[
        str, typer.Option("--params-as-of", help="judge by the dated parameters of this day")
    ] = "",
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="band, provider, amount, inputs.NAME, a factor; a number with cut points as "
            "x:10,20",
        ),
    ] = "",
    sample: Annotated[
        int | None, whole("about so many applicants, else all", "--sample", least=1)
    ] = None,
    seed: Annotated[int, whole("which sample", "--seed")] = 0,
    store: Annotated[str, typer.Option("--store", help="the store, else DECISION_STORE_URL")] = "",
    cases: Annotated[
        Path | None,
        typer.Option("--cases", help="JSON lines of `decisions cases`, no store"),
    ] = None,
    rules: Annotated[Path, typer.Option("--rules", help="the rules folder")] = Path("rules"),
    jobs: Annotated[
        int | None,
        whole(
            "workers at a time, else 2 processes, or all of a cluster", "--jobs", least=1, most=64
        ),
    ] = None,
    on: Annotated[
        Workers, typer.Option("--on", help="who judges; ray: the cluster at RAY_ADDRESS")
    ] = Workers.PROCESSES,
    form: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="the whole report on stdout, else its first sentences"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="a folder that gets both forms")] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", help="exit 1 when met, as 'approve_change < -0.05'"),
    ] = None,
    prove: ProveOption = False,
) -> None:
    """Who would be decided otherwise, by how much, and why."""
    asked = conditions(fail_if or ())
    points = sweep_points(sweep or ())
    compared = compared_rules(
        rules, product, other, figures=assignments(figures or ()), points=points
    )
    order = BacktestOrder(
        product,
        compared.base,
        compared.other,
        known=compared.product.input_names,
        params_as_of=_day(params_as_of, "--params-as-of"),
        by=dimensions(by),
        seed=seed,
        points=tuple(points),
    )
    require_possible(order, compared)
    applicants = Applicants(_window(since, until, compared), store, cases, sample=sample or 0)
    proofs = _proofs(compared, order.params_as_of) if prove else UNSET
    report = replace(answered(compared, order, applicants, on=on, jobs=jobs), proofs=proofs)
    show_report(report, form, out)
    require_fit(report, asked)


def dimensions(by: str) -> tuple[str, ...]:
    """The names of `--by`, each with its cut points: a number belongs to the name before it."""
    found: list[str] = []
    for word in by.split(","):
        if found and ":" in found[-1] and not word[:1].isalpha():
            found[-1] += f",{word}"
        elif word:
            found.append(word)
    return tuple(found)


def _window(since: str, until: str, compared: ComparedRules) -> KeyRange:
    zone = compared.product.champion.zone
    first = _day(since, "--from") or date(1971, 1, 1)
    last = _day(until, "--to") or datetime.now(UTC).astimezone(zone).date()
    if last < first:
        raise CommandError(f"--to {last} is before --from {first}")
    return days_within(first, last, zone)


def days_within(first: date, last: date, zone: ZoneInfo) -> KeyRange:
    """Civil days, both inclusive."""
    edges = (first, last + timedelta(days=1))
    return KeyRange(*(datetime.combine(day, time(), zone) for day in edges))


def _proofs(compared: ComparedRules, since: date | None) -> Proofs:
    champion = compared.product.champion
    changed = compared.changed
    if changed.digest == champion.digest:
        raise CommandError(
            f"--prove has one version, v{champion.version} as it is: change it with --with or --set"
        )
    return proved(champion, changed, since, name=compared.name)


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    found = parse_day(text)
    if found is None:
        raise CommandError(f"{option} is {text}: write a day as 2026-10-31")
    return found
