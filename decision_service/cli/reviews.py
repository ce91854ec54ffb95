"""`reviews`: what is listed, shown and refused of referred and contested decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape

from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.cli.calls import Call
from decision_service.cli.options import whole
from decision_service.cli.output import console
from decision_service.cli.views import head_lines

AllOption = Annotated[bool, typer.Option("--all", help="also reviews that have ended")]
HoursOption = Annotated[int, whole("opened at least so many hours ago", "--older-than-hours")]
RejectOption = Annotated[str, typer.Option("--reject", help="refuse the proposed end; say why")]


def list_reviews(call: Call, every: AllOption = False, hours: HoursOption = 0) -> None:
    request: Any = call.request
    request.unfinished = not (every or request.state or request.decision_id)
    if hours:
        request.open_time_before.FromDatetime(datetime.now(UTC) - timedelta(hours=hours))
    call.show(call.send())


def show(call: Call) -> None:
    with call.server.connect() as connection:
        call.show(connection.read_review(call.request.review_id))


def confirm(call: Call, reject: RejectOption = "") -> None:
    call.request.reject, call.request.text = bool(reject), reject
    call.show(call.send())


def print_page(reply: pb.ListReviewsResponse) -> None:
    out = console()
    if not reply.reviews:
        out.print("No review matches.")
    for review in reply.reviews:
        for line in head_lines(review):
            out.print(line, soft_wrap=True)
    if reply.next_page_token:
        out.print(f"More: --page-token {escape(reply.next_page_token)}", soft_wrap=True)
