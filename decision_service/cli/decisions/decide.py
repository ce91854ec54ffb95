"""`decide`: one decision from a running server, shown as a person would want to read it."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf.duration_pb2 import Duration

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.cli.client.calls import call, decisions
from decision_service.cli.client.fields import (
    AmountOption,
    ApplicationOption,
    CurrencyOption,
    CustomerOption,
    InputOption,
    ProductOption,
    UserOption,
    View,
    ViewOption,
)
from decision_service.cli.client.inputs import money_message, parse_input
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.display.tree import decision_tree
from decision_service.cli.numbers import DAY_SECONDS, seconds, whole


@calls_server
def decide(
    user_id: UserOption,
    product: ProductOption,
    amount: AmountOption = None,
    currency: CurrencyOption = "PHP",
    term: Annotated[int | None, whole("months asked for", "--term")] = None,
    inputs: InputOption = None,
    request_id: Annotated[str, typer.Option("--request-id", help="makes the call repeatable")] = "",
    application_id: ApplicationOption = "",
    customer_ref: CustomerOption = "",
    applicant_name: Annotated[
        str, typer.Option("--applicant-name", help="compared with the vendor's records")
    ] = "",
    applicant_birth_date: Annotated[
        str, typer.Option("--applicant-birth-date", help="YYYY-MM-DD, compared as well")
    ] = "",
    applicant_phone: Annotated[
        str, typer.Option("--applicant-phone", help="compared as well")
    ] = "",
    applicant_email: Annotated[
        str, typer.Option("--applicant-email", help="compared as well")
    ] = "",
    wait: Annotated[
        int, whole("seconds to wait for arriving data", "--wait", most=DAY_SECONDS)
    ] = 0,
    view: ViewOption = View.BASIC,
    timeout: Annotated[float, seconds("deadline in seconds", "--timeout")] = 10.0,
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
        view=view.message,
        applicant=applicant if applicant.ByteSize() else None,
    )
    with decisions(server) as stub:
        decision = call(stub.CreateDecision, request, server, timeout).decision
    if form is Format.JSON:
        print_json(decision)
    else:
        console().print(decision_tree(decision))
