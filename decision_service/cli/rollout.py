"""`rollout`: show, compare and move rollouts; every move needs its reason."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any

import typer
from google.protobuf.duration_pb2 import Duration
from rich.markup import escape
from rich.table import Table

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import rollout_figures_pb2 as pb
from decision_service.api.v1 import rollout_service_pb2 as service_pb
from decision_service.cli.client import ServerOptions, call, calls_server, rollouts
from decision_service.cli.options import (
    AmountOption,
    CurrencyOption,
    CustomerOption,
    InputOption,
    LimitOption,
    PageOption,
    money_message,
    parse_input,
    whole,
)
from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    console,
    message_dict,
    print_as,
    print_json,
    print_table,
    table,
)
from decision_service.cli.rollout_views import (
    arm_text,
    enrolment_text,
    moved_text,
    outcome_text,
    pin_text,
    print_rollout,
)
from decision_service.cli.views import instant_text, money_text
from decision_service.domain.errors import visible

ProductArgument = Annotated[str, typer.Argument(metavar="PRODUCT", help="the rules folder's name")]
WhyOption = Annotated[str, typer.Option("--why", help="the reason, kept in the journal for ever")]
TicketOption = Annotated[
    str, typer.Option("--ticket", help="your reference of the change, kept in the journal")
]
TrackOption = Annotated[
    str,
    typer.Option("--track", help="go-live or challenger; needed while the plan has a challenger"),
]
ArmOption = Annotated[
    str,
    typer.Option("--arm", help="challenger; champion or nothing for the whole product"),
]
DigestOption = Annotated[
    str, typer.Option("--plan-digest", help="refuse under any other plan; by default the one now")
]
PositionOption = Annotated[
    int, whole("refuse after any other step; by default the last now", "--position")
]
_REFUSALS = frozenset({"ROLLOUT_REFUSED", "ROLLOUT_MOVED_ON", "PLAN_CHANGED"})
_WINDOW = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_COMPARE_SECONDS = 120.0
_EXAMPLES = 3
APPROVE = decision_pb2.OUTCOME_APPROVE

commands = typer.Typer(help="Look at rollouts and move them.", no_args_is_help=True)


@commands.command()
@calls_server
def show(
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="the rules folder's name; all without it")
    ] = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Show where a rollout stands and what comes next.

    It says who is decided by what.
    """
    products = [product]
    if not product:
        with rollouts(server) as stub:
            listed = call(stub.ListRollouts, service_pb.ListRolloutsRequest(), server)
        products = [rollout.product for rollout in listed.rollouts]
    shown = [get_rollout(one, server) for one in products]
    if form is Format.JSON:
        messages = [message_dict(reply) for reply in shown]
        print_json(messages[0] if product else messages)
        return
    for reply in shown:
        print_rollout(reply)


@commands.command()
@calls_server
def explain(
    user_id: Annotated[str, typer.Argument(metavar="USER", help="the Smile userId")],
    product: Annotated[str, typer.Option("--product", help="the rules folder's name")],
    customer_ref: CustomerOption = "",
    amount: AmountOption = None,
    currency: CurrencyOption = "PHP",
    term: Annotated[int | None, whole("months", "--term")] = None,
    inputs: InputOption = None,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Tell where an applicant would be put now, and why.

    Nothing is decided or recorded.
    """
    request = service_pb.ExplainAssignmentRequest(
        product=product,
        user_id=user_id,
        customer_ref=customer_ref,
        requested_amount=None if amount is None else money_message(amount, currency),
        requested_term_months=term,
        inputs=dict(parse_input(pair) for pair in inputs or ()),
    )
    with rollouts(server) as stub:
        reply = call(stub.ExplainAssignment, request, server)
    print_as(form, reply, lambda _: _print_explained(user_id, reply))


@commands.command()
@calls_server
def advance(
    product: ProductArgument,
    why: WhyOption,
    track: TrackOption = "",
    ticket: TicketOption = "",
    plan_digest: DigestOption = "",
    position: PositionOption = 0,
    early: Annotated[
        bool, typer.Option("--early", help="before hold and count are met; --why says why")
    ] = False,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Move a track one stage up, or propose that to a second caller."""
    _move(
        "AdvanceRollout",
        server,
        form,
        product=product,
        track=track,
        why=why,
        ticket=ticket,
        plan_digest=plan_digest,
        position=position,
        early=early,
    )


@commands.command()
@calls_server
def confirm(
    product: ProductArgument,
    why: WhyOption,
    ticket: TicketOption = "",
    plan_digest: DigestOption = "",
    position: PositionOption = 0,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Take what another caller proposed: a step, revival or plan."""
    _move(
        "ConfirmRollout",
        server,
        form,
        product=product,
        why=why,
        ticket=ticket,
        plan_digest=plan_digest,
        position=position,
    )


@commands.command()
@calls_server
def pause(
    product: ProductArgument,
    why: WhyOption,
    ticket: TicketOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Stop advancing; who is decided by what stays as it is."""
    _move("PauseRollout", server, form, product=product, why=why, ticket=ticket)


@commands.command()
@calls_server
def resume(
    product: ProductArgument,
    why: WhyOption,
    ticket: TicketOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Let advancing go on."""
    _move("ResumeRollout", server, form, product=product, why=why, ticket=ticket)


@commands.command()
@calls_server
def kill(
    product: ProductArgument,
    why: WhyOption,
    arm: ArmOption = "",
    ticket: TicketOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Stop a challenger, or a whole product.

    Within two seconds on every process. It asks on a terminal alone, before it reaches the server.
    """
    if not yes and sys.stdin.isatty() and sys.stderr.isatty():
        stopped = f"every decision of {product}: no application is decided"
        if arm == "challenger":
            stopped = f"the challenger of {product}: the champion decides everyone"
        question = f"Stop {stopped} until `rollout revive`?"
        typer.confirm(visible(question), abort=True, err=True)
    fields = {"product": product, "arm": arm, "why": why, "ticket": ticket}
    _move("SetKillSwitch", server, form, killed=True, **fields)


@commands.command()
@calls_server
def revive(
    product: ProductArgument,
    why: WhyOption,
    arm: ArmOption = "",
    ticket: TicketOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Undo a kill at its stage, or propose that to a second caller."""
    fields = {"product": product, "arm": arm, "why": why, "ticket": ticket}
    _move("SetKillSwitch", server, form, killed=False, **fields)


@commands.command("roll-back")
@calls_server
def roll_back(
    product: ProductArgument,
    why: WhyOption,
    track: TrackOption = "",
    ticket: TicketOption = "",
    plan_digest: DigestOption = "",
    position: PositionOption = 0,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Move a track one stage down; below the first is 0 %."""
    _move(
        "RollBackRollout",
        server,
        form,
        product=product,
        track=track,
        why=why,
        ticket=ticket,
        plan_digest=plan_digest,
        position=position,
    )


@commands.command()
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
    request = service_pb.CompareVersionsRequest(
        product=product,
        shadow_version=shadow,
        window=parse_window(window),
        most_decisions=0 if shadow else most,
        params_as_of=params_as_of,
        champion=champion,
    )
    with rollouts(server) as stub:
        found = call(stub.CompareVersions, request, server, timeout=_COMPARE_SECONDS).comparison
    kind = "shadow" if shadow else "challenger" if challenger else ""
    print_as(form, found, lambda _: print_comparison(found, kind))


@commands.command()
@calls_server
def history(
    product: ProductArgument,
    limit: LimitOption = 50,
    page_token: PageOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """List the steps of a rollout, newest first."""
    request = service_pb.ListRolloutStepsRequest(
        product=product, page_size=limit, page_token=page_token
    )
    with rollouts(server) as stub:
        reply = call(stub.ListRolloutSteps, request, server)
    print_as(form, reply, _print_history)


def get_rollout(product: str, server: ServerOptions) -> service_pb.GetRolloutResponse:
    with rollouts(server) as stub:
        request = service_pb.GetRolloutRequest(product=product)
        reply: service_pb.GetRolloutResponse = call(stub.GetRollout, request, server)
    return reply


def _move(method: str, server: ServerOptions, form: Format, **fields: Any) -> None:
    """Take a step; unnamed, the plan and the position it is judged by are those of now."""
    request = getattr(service_pb, f"{method}Request")(**fields)
    if "position" in fields and not (request.plan_digest and request.position):
        rollout = get_rollout(request.product, server).rollout
        request.plan_digest = request.plan_digest or rollout.plan_digest
        request.position = request.position or rollout.position
    with rollouts(server) as stub:
        reply = call(getattr(stub, method), request, server, findings=_REFUSALS)
    if form is Format.JSON:
        print_json(reply)
    elif reply.HasField("step"):
        step = reply.step
        line = f"{request.product}: {moved_text(step)} (step {step.position}, by {step.who})"
        console().print(line, markup=False, soft_wrap=True)
    else:
        console().print(f"{request.product}: nothing changed, it stood there already", markup=False)


def parse_window(text: str) -> Duration:
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise CommandError(
            f"--window is {text}: write a number with m, h or d, such as 24h", Exit.USAGE
        )
    length = Duration()
    length.FromTimedelta(int(found[1]) * _UNITS[found[2]])
    return length


def _print_explained(user_id: str, reply: service_pb.ExplainAssignmentResponse) -> None:
    assignment = reply.assignment
    head = f"{user_id} in {assignment.rollout}: "
    head += f"decided by {assignment.arm} v{reply.version}" if reply.version else "not decided here"
    rows = table("", "", "")
    rows.show_header = False
    rows.add_row("enrolled", assignment.enrolment_reason, escape(enrolment_text(reply)))
    if reply.version:
        rows.add_row("arm", assignment.arm_reason, arm_text(reply))
    if reply.HasField("pin"):
        rows.add_row("pin", "", pin_text(reply.pin))
    if reply.HasField("approved_today"):
        rows.add_row("today", "", f"the challenger approved {money_text(reply.approved_today)}")
    rows.add_row("compared", "yes" if reply.compared else "no", "")
    console().print(head, markup=False)
    print_table(rows)


def _print_history(reply: service_pb.ListRolloutStepsResponse) -> None:
    rows = table("step", "when", "who", "action", "what", "why", "ticket")
    for step in reply.steps:
        figures = "".join(f" · {name} {value}" for name, value in sorted(step.figures.items()))
        rows.add_row(
            str(step.position),
            instant_text(step.create_time),
            escape(step.who),
            step.action,
            escape(moved_text(step)),
            escape(f"{step.why}{figures}"),
            escape(step.ticket),
        )
    print_table(rows)
    if reply.next_page_token:
        console().print(f"More: --page-token {reply.next_page_token}")


def print_comparison(found: pb.VersionComparison, kind: str) -> None:
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
    if found.lists_of_today:
        yield (
            f"Read as they are today: {', '.join(f'lists.{name}' for name in found.lists_of_today)}"
            " (only one of the versions asks them)"
        )


def rate_table(found: pb.VersionComparison) -> Table:
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
    rows = table("moved by", "first", "alone", "named", "swap-in", "swap-out", "for example")
    for column in rows.columns[1:6]:
        column.justify = "right"
    for move in found.moves:
        counts = (move.first, move.alone, move.count, move.gained, move.lost)
        rows.add_row(move.change, *(f"{count:,}" for count in counts), move.example)
    return rows


def reason_table(found: pb.VersionComparison) -> Table:
    rows = table(f"v{found.live_version} says", f"v{found.other_version} says", "decisions")
    rows.columns[2].justify = "right"
    for reason in found.reasons:
        rows.add_row(reason.live, reason.other, f"{reason.count:,}")
    return rows
