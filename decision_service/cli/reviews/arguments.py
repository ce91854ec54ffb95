"""The words that the commands of reviews share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from decision_service.api.v1.review_service_pb2_grpc import ReviewServiceStub
from decision_service.cli.client.calls import call
from decision_service.cli.client.options import ServerOptions
from decision_service.cli.display.output import Format
from decision_service.cli.display.reviews import show_review

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="rev_…")]
TextOption = Annotated[str, typer.Option("--text", help="up to 2,000 characters")]
RequestOption = Annotated[
    str, typer.Option("--request-id", help="makes a repeated call safe; else a new one")
]
_REFUSALS = frozenset({"REVIEW_REFUSED", "AUTHORITY_EXCEEDED"})
"""Answers, not faults: exit code 1."""


@contextmanager
def reviews(server: ServerOptions) -> Iterator[ReviewServiceStub]:
    """A stub of the ReviewService."""
    with server.open() as opened:
        yield ReviewServiceStub(opened)


def request_id(given: str) -> str:
    """The request id that was given, or a new one."""
    return given or str(uuid.uuid4())


def take(method: str, request: Any, server: ServerOptions, form: Format) -> None:
    """Take a step and print the review after it."""
    with reviews(server) as stub:
        reply = call(getattr(stub, method), request, server, findings=_REFUSALS)
    show_review(reply.review, form)
