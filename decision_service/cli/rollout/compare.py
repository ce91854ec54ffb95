"""`rollout compare`: two versions on the same applicants, as a risk team reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer
from google.protobuf.duration_pb2 import Duration
from rich.table import Table

from decision_service.api.v1 import decision_pb2, rollout_service_pb2
from decision_service.api.v1 import rollout_figures_pb2 as pb
from decision_service.cli.client.calls import call, rollouts
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import (
    Format,
    FormatOption,
    console,
    print_json,
    print_table,
    table,
)
from decision_service.cli.display.text import instant_text, money_text
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.numbers import whole
from decision_service.cli.rollout.figures import outcome_text
from decision_service.cli.rollout.moves import ProductArgument

_WINDOW = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_PATIENCE = 120.0
_EXAMPLES = 3
APPROVE = decision_pb2.OUTCOME_APPROVE


@calls_server
def compare(
    product: ProductArgument,
    shadow: Annotated[int | None, whole("a shadow's version", "--shadow", least=1)] = None,
    challenger: Annotated[
        bool, typer.Option("--challenger", help="judge recorded decisions again")
    ] = False,
    champion: Annotated[
        bool, typer.Option("--champion", help="the champion itself, by --params-as-of")
    ] = False,
    params_as_of: Annotated[
        str, typer.Option("--params-as-of", help="judge by the dated parameters of this day")
    ] = "",
    window: Annotated[str, typer.Option("--window", help="how far back: 90m, 24h, 14d")] = "7d",
    most: Annotated[int, whole("decisions to judge again", "--most", least=1, most=2000)] = 200,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Compare two versions on the same applicants.

    The champion with its challenger, a shadow, or itself on another day's parameters.
    """
    if (shadow is not None) + challenger + champion != 1:
        raise CommandError(
            "say what to compare: one of --shadow VERSION, --challenger and --champion", Exit.USAGE
        )
    if champion and not params_as_of:
        raise CommandError(
            "--champion compares the champion with itself: say by which day's parameters, with "
            "--params-as-of DATE",
            Exit.USAGE,
        )
    if shadow is not None and params_as_of:
        raise CommandError(
            "--params-as-of does not go with --shadow: a shadow has judged already", Exit.USAGE
        )
    request = rollout_service_pb2.CompareVersionsRequest(
        product=product,
        shadow_version=shadow,
        window=parse_window(window),
        most_decisions=0 if shadow else most,
        params_as_of=params_as_of,
        champion=champion,
    )
    with rollouts(server) as stub:
        found = call(stub.CompareVersions, request, server, timeout=_PATIENCE).comparison
    if form is Format.JSON:
        print_json(found)
    else:
        print_comparison(found, "shadow" if shadow else "challenger" if challenger else "")


def parse_window(text: str) -> Duration:
    """A length such as `24h`; raises CommandError."""
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise CommandError(
            f"--window is {text}: write a number with m, h or d, such as 24h", Exit.USAGE
        )
    length = Duration()
    length.FromTimedelta(int(found[1]) * _UNITS[found[2]])
    return length


def print_comparison(found: pb.VersionComparison, kind: str) -> None:
    """Agreement, rates, the outcomes that met with their amounts, what moved them, and why."""
    out = console()
    for line in (*headlines(found, kind), *untried_lines(found), *list_lines(found)):
        out.print(line, markup=False, soft_wrap=True)
    if not found.compared:
        return
    out.print()
    print_table(rate_table(found))
    out.print()
    print_table(outcome_table(found))
    out.print()
    for line in swap_lines(found):
        out.print(line, markup=False, soft_wrap=True)
    if found.moves:
        out.print()
        print_table(move_table(found))
    if found.reasons:
        out.print()
        print_table(reason_table(found))


def headlines(found: pb.VersionComparison, kind: str) -> Iterator[str]:
    """What was compared and how far it agrees."""
    other = f"{kind} v{found.other_version}" if kind else "itself"
    pair = f"v{found.live_version} against {other}"
    by = f" with the parameters of {found.params_as_of}" if found.params_as_of else ""
    yield f"{found.product} · {pair}{by} · decisions since {instant_text(found.since_time)}"
    counts = (
        (found.not_comparable, "not comparable"),
        (found.erased, "left out: data erased"),
        (found.failed, "FAILED"),
    )
    left_out = [f"{count:,} {words}" for count, words in counts if count]
    if not found.compared:
        yield ", ".join(["nothing to compare", *left_out])
        return
    share = found.agreed / found.compared * 100
    changes = found.compared - found.agreed
    words = [f"agrees on {found.agreed:,} of {found.compared:,} ({share:.1f} %)"]
    yield ", ".join([*words, f"{changes:,} would change", *left_out])


def untried_lines(found: pb.VersionComparison) -> Iterator[str]:
    """The dated values that no compared decision was judged by, and how to try one."""
    if not found.untried:
        return
    values = [
        f"{one.parameter} {one.value}"
        + (f" from {one.from_date}" if one.from_date else "")
        + f" (v{one.version})"
        for one in found.untried
    ]
    days = [one.from_date for one in found.untried if one.from_date]
    hint = f"; try --params-as-of {max(days)}" if days else ""
    yield f"Not tried: {', '.join(values)}{hint}"


def list_lines(found: pb.VersionComparison) -> Iterator[str]:
    """The lists that were read as they are today."""
    if found.lists_of_today:
        yield (
            f"Read as they are today: {', '.join(f'lists.{name}' for name in found.lists_of_today)}"
            " (only one of the versions asks them)"
        )


def rate_table(found: pb.VersionComparison) -> Table:
    """The share of each outcome on both sides, and the difference with its 95 % interval."""
    live, other = f"v{found.live_version}", f"v{found.other_version}"
    rows = table("outcome", live, other, "difference in points", "95 % interval")
    for column in rows.columns[1:]:
        column.justify = "right"
    for rate in found.rates:
        rows.add_row(
            outcome_text(rate.outcome),
            f"{rate.live_percent} %",
            f"{rate.other_percent} %",
            f"{float(rate.difference):+.2f}",
            f"{float(rate.low):+.2f} to {float(rate.high):+.2f}",
        )
    return rows


def outcome_table(found: pb.VersionComparison) -> Table:
    """Each pair of outcomes with how many, what each approves, and some decisions."""
    live, other = f"v{found.live_version}", f"v{found.other_version}"
    rows = table(live, other, "decisions", f"{live} approves", f"{other} approves", "examples")
    for column in rows.columns[2:5]:
        column.justify = "right"
    for pair in found.outcomes:
        rows.add_row(
            outcome_text(pair.live),
            outcome_text(pair.other),
            f"{pair.count:,}",
            money_text(pair.live_amount),
            money_text(pair.other_amount),
            ", ".join(pair.examples[:_EXAMPLES]),
        )
    return rows


def swap_lines(found: pb.VersionComparison) -> Iterator[str]:
    """The swap set: who would be approved in exchange for whom, and the amounts."""
    other = f"v{found.other_version}"
    swaps = (
        ("Swap-ins", [p for p in found.outcomes if p.other == APPROVE != p.live], True),
        ("Swap-outs", [p for p in found.outcomes if p.live == APPROVE != p.other], False),
    )
    for name, pairs, gained in swaps:
        count = sum(pair.count for pair in pairs)
        amounts = [money_text(p.other_amount if gained else p.live_amount) for p in pairs]
        approved = "approved only by" if gained else "no longer approved by"
        amount = f", {' + '.join(amounts)}" if amounts else ""
        yield f"{name} ({approved} {other}): {count:,}{amount}"


def move_table(found: pb.VersionComparison) -> Table:
    """The parts of the rules that moved decisions, those that are first causes first."""
    rows = table("moved by", "first", "alone", "named", "swap-in", "swap-out", "for example")
    for column in rows.columns[1:6]:
        column.justify = "right"
    for move in found.moves:
        counts = (move.first, move.alone, move.count, move.gained, move.lost)
        rows.add_row(move.change, *(f"{count:,}" for count in counts), move.example)
    return rows


def reason_table(found: pb.VersionComparison) -> Table:
    """The principal reasons before and after, of decisions whose outcome differs."""
    rows = table(f"v{found.live_version} says", f"v{found.other_version} says", "decisions")
    rows.columns[2].justify = "right"
    for reason in found.reasons:
        rows.add_row(reason.live, reason.other, f"{reason.count:,}")
    return rows
