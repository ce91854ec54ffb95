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
from decision_service.cli.display.output import Format, FormatOption, console, print_json, table
from decision_service.cli.display.text import money_text
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rollout.figures import outcome_text
from decision_service.cli.rollout.moves import ProductArgument
from decision_service.cli.rollout.text import instant_text

_WINDOW = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_PATIENCE = 120.0
APPROVE = decision_pb2.OUTCOME_APPROVE


@calls_server
def compare(
    product: ProductArgument,
    shadow: Annotated[
        int | None, typer.Option("--shadow", help="a shadow's version", min=1)
    ] = None,
    challenger: Annotated[
        bool, typer.Option("--challenger", help="judge recorded decisions again")
    ] = False,
    window: Annotated[str, typer.Option("--window", help="how far back: 90m, 24h, 14d")] = "7d",
    most: Annotated[
        int, typer.Option("--most", help="decisions to judge again", min=1, max=2000)
    ] = 200,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Compare the champion with its challenger or a shadow on the same applicants."""
    if (shadow is not None) == challenger:
        raise CommandError(
            "say what to compare: either --shadow VERSION or --challenger", Exit.USAGE
        )
    request = rollout_service_pb2.CompareVersionsRequest(
        product=product,
        shadow_version=shadow,
        window=parse_window(window),
        most_decisions=0 if shadow else most,
    )
    with rollouts(server) as stub:
        found = call(stub.CompareVersions, request, server, timeout=_PATIENCE).comparison
    if form is Format.JSON:
        print_json(found)
    else:
        print_comparison(found, "shadow" if shadow else "challenger")


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
    """Agreement, the outcomes that met with their amounts, what moved them, and examples."""
    out = console()
    for line in headlines(found, kind):
        out.print(line, markup=False, soft_wrap=True)
    if not found.compared:
        return
    out.print()
    out.print(outcome_table(found))
    out.print()
    for line in swap_lines(found):
        out.print(line, markup=False, soft_wrap=True)
    if found.moves:
        out.print()
        out.print(move_table(found))


def headlines(found: pb.VersionComparison, kind: str) -> Iterator[str]:
    """What was compared and how far it agrees."""
    pair = f"v{found.live_version} against {kind} v{found.other_version}"
    yield f"{found.product} · {pair} · decisions since {instant_text(found.since_time)}"
    left_out = [
        f"{count:,} {words}"
        for count, words in ((found.not_comparable, "not comparable"), (found.failed, "FAILED"))
        if count
    ]
    if not found.compared:
        yield ", ".join(["nothing to compare", *left_out])
        return
    share = found.agreed / found.compared * 100
    changes = found.compared - found.agreed
    words = [f"agrees on {found.agreed:,} of {found.compared:,} ({share:.1f} %)"]
    yield ", ".join([*words, f"{changes:,} would change", *left_out])


def outcome_table(found: pb.VersionComparison) -> Table:
    """Each pair of outcomes with how many, what each approves, and some decisions."""
    live, other = f"v{found.live_version}", f"v{found.other_version}"
    rows = table(live, other, "decisions", f"{live} approves", f"{other} approves", "examples")
    for column in rows.columns[2:5]:
        column.justify = "right"
    for pair in found.outcomes:
        changed = pair.live != pair.other
        rows.add_row(
            outcome_text(pair.live),
            outcome_text(pair.other),
            f"{pair.count:,}",
            money_text(pair.live_amount),
            money_text(pair.other_amount),
            ", ".join(pair.examples) if changed else "",
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
    """The rules and reasons that moved decisions; `+` is new in the other version."""
    rows = table("moved by", "decisions", "for example")
    rows.columns[1].justify = "right"
    for move in found.moves:
        rows.add_row(move.change, f"{move.count:,}", move.example)
    return rows
