"""`rollout`: look at rollouts; the commands that move them are in `moves`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from decision_service.api.v1 import rollout_service_pb2
from decision_service.cli.client.calls import call, rollouts
from decision_service.cli.client.fields import (
    AmountOption,
    CurrencyOption,
    CustomerOption,
    InputOption,
    LimitOption,
    PageOption,
)
from decision_service.cli.client.inputs import money_message, parse_input
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import (
    Format,
    FormatOption,
    console,
    message_dict,
    print_json,
    print_table,
    table,
)
from decision_service.cli.display.text import instant_text, money_text
from decision_service.cli.numbers import whole
from decision_service.cli.rollout import compare, moves
from decision_service.cli.rollout.moves import ProductArgument, get_rollout
from decision_service.cli.rollout.show import print_rollout
from decision_service.cli.rollout.text import (
    arm_text,
    enrolment_text,
    moved_text,
    pin_text,
)

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
    shown = _shown(product, server)
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
    request = rollout_service_pb2.ExplainAssignmentRequest(
        product=product,
        user_id=user_id,
        customer_ref=customer_ref,
        requested_amount=None if amount is None else money_message(amount, currency),
        requested_term_months=term,
        inputs=dict(parse_input(pair) for pair in inputs or ()),
    )
    with rollouts(server) as stub:
        reply = call(stub.ExplainAssignment, request, server)
    if form is Format.JSON:
        print_json(reply)
    else:
        _print_explained(user_id, reply)


for _move in (
    moves.advance,
    moves.confirm,
    moves.pause,
    moves.resume,
    moves.kill,
    moves.revive,
):
    commands.command()(_move)
commands.command("roll-back")(moves.roll_back)
commands.command()(compare.compare)


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
    request = rollout_service_pb2.ListRolloutStepsRequest(
        product=product, page_size=limit, page_token=page_token
    )
    with rollouts(server) as stub:
        reply = call(stub.ListRolloutSteps, request, server)
    if form is Format.JSON:
        print_json(reply)
    else:
        _print_history(reply)


def _shown(product: str, server: ServerOptions) -> list[rollout_service_pb2.GetRolloutResponse]:
    if product:
        return [get_rollout(product, server)]
    with rollouts(server) as stub:
        listed = call(stub.ListRollouts, rollout_service_pb2.ListRolloutsRequest(), server)
    return [get_rollout(rollout.product, server) for rollout in listed.rollouts]


def _print_explained(user_id: str, reply: rollout_service_pb2.ExplainAssignmentResponse) -> None:
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


def _print_history(reply: rollout_service_pb2.ListRolloutStepsResponse) -> None:
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
