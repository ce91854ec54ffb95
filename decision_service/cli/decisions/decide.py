"""`decide`: one decision from a running server, shown as a person would want to read it."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf.duration_pb2 import Duration

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.cli.client.calls import call, decisions
from decision_service.cli.client.inputs import money_message, parse_input
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.display.tree import decision_tree
from decision_service.cli.errors import CommandError, Exit


@calls_server
def decide(
    user_id: Annotated[str, typer.Option("--user-id", help="the Smile userId")],
    product: Annotated[str, typer.Option("--product", help="the rules folder's name")],
    amount: Annotated[str | None, typer.Option("--amount", help="requested amount")] = None,
    currency: Annotated[str, typer.Option("--currency", help="of the amount")] = "PHP",
    term: Annotated[int | None, typer.Option("--term", help="requested months")] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="further input NAME=VALUE: 12, true, 2026-01-31, 'PHP 500', anything else is text",
        ),
    ] = None,
    request_id: Annotated[str, typer.Option("--request-id", help="makes the call repeatable")] = "",
    application_id: Annotated[str, typer.Option("--application-id")] = "",
    customer_ref: Annotated[str, typer.Option("--customer-ref")] = "",
    applicant_name: Annotated[
        str, typer.Option("--applicant-name", help="compared with the vendor's records")
    ] = "",
    applicant_birth_date: Annotated[
        str, typer.Option("--applicant-birth-date", help="YYYY-MM-DD, compared as well")
    ] = "",
    applicant_phone: Annotated[str, typer.Option("--applicant-phone")] = "",
    applicant_email: Annotated[str, typer.Option("--applicant-email")] = "",
    wait: Annotated[int, typer.Option("--wait", help="seconds to wait for arriving data")] = 0,
    view: Annotated[str, typer.Option("--view", help="basic or full")] = "basic",
    timeout: Annotated[float, typer.Option("--timeout", help="deadline in seconds")] = 10.0,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Decide one application on a running server."""
    applicant = service_pb.ApplicantDetails(
        name=applicant_name,
        birth_date=applicant_birth_date,
        phone=applicant_phone,
        email=applicant_email,
    )
    request = service_pb.CreateDecisionRequest(
        request_id=request_id,
        user_id=user_id,
        product=product,
        application_id=application_id,
        customer_ref=customer_ref,
        requested_amount=None if amount is None else money_message(amount, currency),
        requested_term_months=term,
        inputs=dict(parse_input(pair) for pair in inputs or ()),
        wait_timeout=Duration(seconds=wait),
        view=parse_view(view),
        applicant=applicant if applicant.ByteSize() else None,
    )
    with decisions(server) as stub:
        decision = call(stub.CreateDecision, request, server, timeout).decision
    if form is Format.JSON:
        print_json(decision)
    else:
        console().print(decision_tree(decision))


def parse_view(view: str) -> pb.DecisionView:
    """`basic` or `full`; raises CommandError."""
    views = {"basic": pb.DECISION_VIEW_BASIC, "full": pb.DECISION_VIEW_FULL}
    if view.lower() not in views:
        raise CommandError(f"--view is {view}: it must be basic or full", Exit.USAGE)
    return views[view.lower()]
