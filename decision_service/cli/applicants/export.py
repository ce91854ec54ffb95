"""`applicants export`: what is stored of a person, as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, TextIO

import typer

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.cli.applicants.export_json import JsonExport
from decision_service.cli.client.calls import call
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.new_file import new_file

_SECONDS = 30.0


@calls_server
def export(
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="the Smile userId")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="a new file that its owner alone may read"),
    ] = None,
    *,
    server: ServerOptions,
) -> None:
    """Write everything stored of a person, for that person.

    Nothing of others is in it. What is left out is named with the reason.
    """
    pages = _pages(user_id, server)
    first = next(pages)
    with _opened(out) as file:
        written = JsonExport(file, user_id)
        written.add(first)
        for records in pages:
            written.add(records)
        written.end()


def _pages(user_id: str, server: ServerOptions) -> Iterator[list[pb.StoredRecord]]:
    """The records page by page; the first page is there, or an error."""
    request = pb.ExportApplicantRequest(user_id=user_id)
    with server.open() as opened:
        stub = ApplicantServiceStub(opened)
        while True:
            page = call(stub.ExportApplicant, request, server, timeout=_SECONDS)
            yield [*page.records]
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    """A new file of its owner alone, or standard output."""
    if path is None:
        yield sys.stdout
        return
    with new_file(path) as file, TextIOWrapper(file, encoding="utf-8") as text:
        yield text
