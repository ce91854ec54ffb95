"""`reviews`: queues of referred and contested decisions, and their ends."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.cli.client.fields import (
    CurrencyOption,
    RequestOption,
    TextOption,
    request_id,
)
from decision_service.cli.client.inputs import money_message
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import Format, FormatOption
from decision_service.cli.reviews.arguments import IdArgument, take
from decision_service.cli.reviews.listing import list_reviews, show

commands = typer.Typer(help="Review referred and contested decisions.", no_args_is_help=True)
KindsOption = Annotated[
    list[str], typer.Option("--kind", help="of data, such as contributions; repeatable")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="a reason code of the plan")]
ExplanationOption = Annotated[str, typer.Option("--explanation", help="in your own words")]
SeenOption = Annotated[
    str, typer.Option("--etag", help="refuse what moved on since; `show --format json` has it")
]
RejectOption = Annotated[str, typer.Option("--reject", help="refuse the proposed end; say why")]


class Result(StrEnum):
    """What a person decides."""

    APPROVE = "APPROVE"
    DECLINE = "DECLINE"


ApprovedOption = Annotated[
    str | None,
    typer.Option("--amount", help="what you approve, such as 15000; at most what was asked for"),
]
ResultOption = Annotated[
    Result, typer.Option("--outcome", case_sensitive=False, help="what you decide")
]

commands.command("list")(list_reviews)
commands.command()(show)


@commands.command()
@calls_server
def claim(
    review_id: IdArgument, form: FormatOption = Format.TABLE, *, server: ServerOptions
) -> None:
    """Have a review for a while, or for longer."""
    take("ClaimReview", pb.ClaimReviewRequest(review_id=review_id), server, form)


@commands.command()
@calls_server
def release(
    review_id: IdArgument, form: FormatOption = Format.TABLE, *, server: ServerOptions
) -> None:
    """Give a claimed review back to its queue."""
    take("ReleaseReview", pb.ReleaseReviewRequest(review_id=review_id), server, form)


@commands.command()
@calls_server
def note(
    review_id: IdArgument,
    text: TextOption,
    request: RequestOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Add a note."""
    said = pb.AddReviewNoteRequest(review_id=review_id, request_id=request_id(request), text=text)
    take("AddReviewNote", said, server, form)


@commands.command("request-data")
@calls_server
def request_data(
    review_id: IdArgument,
    kinds: KindsOption,
    text: TextOption = "",
    request: RequestOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Put a claimed review aside until data arrives.

    Then the application is decided again by itself.
    """
    asked = pb.RequestReviewDataRequest(
        review_id=review_id, request_id=request_id(request), data_kinds=kinds, text=text
    )
    take("RequestReviewData", asked, server, form)


@commands.command("decide-again")
@calls_server
def decide_again(
    review_id: IdArgument, form: FormatOption = Format.TABLE, *, server: ServerOptions
) -> None:
    """Have the application decided again by the rules.

    Within seconds `show` names the new decision.
    """
    take("DecideAgain", pb.DecideAgainRequest(review_id=review_id), server, form)


@commands.command()
@calls_server
def complete(
    review_id: IdArgument,
    outcome: ResultOption,
    reason: ReasonOption,
    explanation: ExplanationOption,
    amount: ApprovedOption = None,
    currency: CurrencyOption = "PHP",
    request: RequestOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """End a claimed review with your result.

    Above your authority a second person has to confirm it.
    """
    result = pb.CompleteReviewRequest(
        review_id=review_id,
        request_id=request_id(request),
        outcome=f"OUTCOME_{outcome}",
        approved_amount=None if amount is None else money_message(amount, currency),
        reason=reason,
        explanation=explanation,
    )
    take("CompleteReview", result, server, form)


@commands.command()
@calls_server
def confirm(
    review_id: IdArgument,
    reject: RejectOption = "",
    seen: SeenOption = "",
    request: RequestOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Confirm what another person proposed, or refuse it."""
    said = pb.ConfirmReviewRequest(
        review_id=review_id,
        request_id=request_id(request),
        reject=bool(reject),
        text=reject,
        etag=seen,
    )
    take("ConfirmReview", said, server, form)
