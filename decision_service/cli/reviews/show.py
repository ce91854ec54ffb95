"""Printing one review."""

from __future__ import annotations

from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.cli.display.output import Format, console, print_json
from decision_service.cli.display.reviews import event_lines, head_lines


def show_review(review: pb.Review, form: Format) -> None:
    """Print one review, with its steps where it has them."""
    if form is Format.JSON:
        print_json(review)
        return
    out = console()
    for line in (*head_lines(review), *event_lines(review.events)):
        out.print(line, soft_wrap=True)
