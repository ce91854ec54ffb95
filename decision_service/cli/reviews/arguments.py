"""What the commands of reviews share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from decision_service.cli.client.calls import call, reviews
from decision_service.cli.client.options import ServerOptions
from decision_service.cli.display.output import Format
from decision_service.cli.display.reviews import show_review

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="rev_…")]
_REFUSALS = frozenset({"REVIEW_REFUSED", "AUTHORITY_EXCEEDED"})
"""Answers, not faults: exit code 1."""


def take(method: str, request: Any, server: ServerOptions, form: Format) -> None:
    """Take a step and print the review after it."""
    with reviews(server) as stub:
        reply = call(getattr(stub, method), request, server, findings=_REFUSALS)
    show_review(reply.review, form)
