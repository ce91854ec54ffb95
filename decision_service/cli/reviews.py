"""`reviews`: queues of referred and contested decisions, and their ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.cli.client import ServerOptions, call, calls_server, read_review, reviews
from decision_service.cli.options import (
    CurrencyOption,
    LimitOption,
    PageOption,
    ProductOption,
    RequestOption,
    TextOption,
    money_message,
    request_id,
    whole,
)
from decision_service.cli.output import Format, FormatOption, console, print_as
from decision_service.cli.views import head_lines, show_review
from decision_service.domain.decision import ReferKind
from decision_service.domain.reviews import ReviewState

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="rev_…")]
_REFUSALS = frozenset({"REVIEW_REFUSED", "AUTHORITY_EXCEEDED"})
"""Answers, not faults: exit code 1."""


def take(method: str, request: Any, server: ServerOptions, form: Format) -> None:
    with reviews(server) as stub:
        reply = call(getattr(stub, method), request, server, findings=_REFUSALS)
    show_review(reply.review, form)


QueueOption = Annotated[str, typer.Option("--queue", help="as the plan names it")]
KindOption = Annotated[
    ReferKind | None,
    typer.Option("--kind", case_sensitive=False, help="of the referral"),
]
TagOption = Annotated[str, typer.Option("--tag", help="that the decision has")]
StateOption = Annotated[
    ReviewState | None,
    typer.Option("--state", metavar="STATE", case_sensitive=False, help=", ".join(ReviewState)),
]
DecisionOption = Annotated[str, typer.Option("--decision-id", help="of this decision")]
AllOption = Annotated[bool, typer.Option("--all", help="also reviews that have ended")]
OverdueOption = Annotated[bool, typer.Option("--overdue", help="whose time is over alone")]
HoursOption = Annotated[int, whole("opened at least so many hours ago", "--older-than-hours")]


@calls_server
def list_reviews(
    product: ProductOption = "",
    queue: QueueOption = "",
    kind: KindOption = None,
    tag: TagOption = "",
    state: StateOption = None,
    decision_id: DecisionOption = "",
    every: AllOption = False,
    overdue: OverdueOption = False,
    hours: HoursOption = 0,
    limit: LimitOption = 50,
    page_token: PageOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """List unfinished reviews, most urgent first."""
    request = pb.ListReviewsRequest(
        product=product,
        queue=queue,
        kind=f"REFER_KIND_{kind}" if kind else None,
        tag=tag,
        state=f"REVIEW_STATE_{state}" if state else None,
        decision_id=decision_id,
        unfinished=not (every or state or decision_id),
        overdue=overdue,
        open_time_before=datetime.now(UTC) - timedelta(hours=hours) if hours else None,
        page_size=limit,
        page_token=page_token,
    )
    with reviews(server) as stub:
        reply = call(stub.ListReviews, request, server)
    print_as(form, reply, _print_page)


@calls_server
def show(
    review_id: IdArgument, form: FormatOption = Format.TABLE, *, server: ServerOptions
) -> None:
    """Show a review with all of its steps."""
    with reviews(server) as stub:
        review = read_review(stub, review_id, server)
    show_review(review, form)


def _print_page(reply: pb.ListReviewsResponse) -> None:
    out = console()
    if not reply.reviews:
        out.print("No review matches.")
    for review in reply.reviews:
        for line in head_lines(review):
            out.print(line, soft_wrap=True)
    if reply.next_page_token:
        out.print(f"More: --page-token {escape(reply.next_page_token)}", soft_wrap=True)


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
