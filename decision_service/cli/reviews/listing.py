"""`reviews list` and `reviews show`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.markup import escape

from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.cli.client.calls import call, read_review, reviews
from decision_service.cli.client.fields import LimitOption, PageOption, ProductOption
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.display.reviews import head_lines, show_review
from decision_service.cli.numbers import whole
from decision_service.cli.reviews.arguments import IdArgument
from decision_service.domain.verdict import ReferKind
from decision_service.reviewing.model import ReviewState

_STATES = ", ".join(ReviewState)
QueueOption = Annotated[str, typer.Option("--queue", help="as the plan names it")]
KindOption = Annotated[
    ReferKind | None,
    typer.Option("--kind", case_sensitive=False, help="of the referral"),
]
TagOption = Annotated[str, typer.Option("--tag", help="that the decision has")]
StateOption = Annotated[
    ReviewState | None,
    typer.Option("--state", metavar="STATE", case_sensitive=False, help=_STATES),
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
        open_time_before=_hours_ago(hours) if hours else None,
        page_size=limit,
        page_token=page_token,
    )
    with reviews(server) as stub:
        reply = call(stub.ListReviews, request, server)
    if form is Format.JSON:
        print_json(reply)
        return
    _print_page(reply)


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


def _hours_ago(hours: int) -> Timestamp:
    instant = Timestamp()
    instant.FromDatetime(datetime.now(UTC) - timedelta(hours=hours))
    return instant
