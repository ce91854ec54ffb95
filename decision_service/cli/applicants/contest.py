"""`applicants contest|contests`: what an applicant asks of a person, and what became of it."""

from __future__ import annotations

from typing import Annotated

import typer

from decision_service.api.v1 import decision_service_pb2 as decision_pb
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.cli.client.calls import call, decisions, reviews
from decision_service.cli.client.fields import RequestOption, TextOption, request_id
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.display.reviews import chain_lines, show_review

DecisionArgument = Annotated[str, typer.Argument(metavar="DECISION", help="dec_…")]
_REFUSALS = frozenset({"REVIEW_REFUSED"})


@calls_server
def contest(
    decision_id: DecisionArgument,
    text: TextOption,
    request: RequestOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Ask a person to review a decision, for its applicant.

    While a review of the decision is unfinished, the request is noted in that one.
    """
    asked = pb.RequestReviewRequest(
        decision_id=decision_id, request_id=request_id(request), text=text
    )
    with reviews(server) as stub:
        reply = call(stub.RequestReview, asked, server, findings=_REFUSALS)
    show_review(reply.review, form)


@calls_server
def contests(
    decision_id: DecisionArgument, form: FormatOption = Format.TABLE, *, server: ServerOptions
) -> None:
    """Show the reviews of a decision, and the outcome that stands.

    `decisions notice` prints the letter of it.
    """
    request = decision_pb.GetDecisionRequest(decision_id=decision_id)
    with decisions(server) as stub:
        decision = call(stub.GetDecision, request, server).decision
    if form is Format.JSON:
        print_json(decision.review)
        return
    lines = [*chain_lines(decision.review)] if decision.HasField("review") else []
    for line in lines or [f"Nobody has reviewed {decision_id}."]:
        console().print(line, markup=False, highlight=False, soft_wrap=True)
