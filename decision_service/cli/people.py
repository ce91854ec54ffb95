"""What the commands of applicants, letters and reviews do besides a call and its reply."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.markup import escape

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.cli.calls import Call
from decision_service.cli.output import CommandError, Exit, console, new_file, print_json, whole
from decision_service.cli.views import head_lines
from decision_service.domain.errors import visible

_EXPORT_SECONDS = 30.0


class JsonExport:
    def __init__(self, file: TextIO, user_id: str) -> None:
        self._file = file
        self._next = "\n"
        file.write(f'{{"user_id": {json.dumps(user_id)}, "records": [')

    def add(self, records: Iterable[pb.StoredRecord]) -> None:
        for record in records:
            head = json.dumps({"kind": record.kind, "id": record.id}).removesuffix("}")
            self._file.write(f'{self._next}{head}, "content": {visible(record.content)}}}')
            self._next = ",\n"

    def end(self) -> None:
        self._file.write("\n]}\n")


def export(
    call: Call,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="a new file that its owner alone may read"),
    ] = None,
) -> None:
    with call.server.connect() as connection:
        found = connection.pages(call.row.method, call.request, _EXPORT_SECONDS)
        first = next(found)  # an error comes before the file
        with _opened(out) as file:
            written = JsonExport(file, call.request.user_id)
            for page in chain((first,), found):
                written.add(page.records)
            written.end()


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with new_file(path) as file, TextIOWrapper(file, encoding="utf-8") as text:
        yield text


def erase(
    call: Call, yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False
) -> None:
    if not yes:
        who = visible(call.request.user_id)
        typer.confirm(f"Destroy the stored data of {who} and revoke all accounts?", abort=True)
    call.show(call.send())


class LetterForm(StrEnum):
    TEXT = "text"
    HTML = "html"
    JSON = "json"


def show_letter(
    call: Call,
    form: Annotated[
        LetterForm, typer.Option("--format", help="plain text, one HTML page, or all of it")
    ] = LetterForm.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="write it here, not on stdout")
    ] = None,
) -> None:
    made = call.send().notice
    if form is LetterForm.JSON:
        print_json(made)
        return
    letter = made.html if form is LetterForm.HTML else made.text
    if out is None:
        sys.stdout.write(visible(letter))
        return
    from decision_service.rulebook.folder import write_whole  # slow to import

    try:
        write_whole(out, letter)
    except OSError as error:
        raise CommandError(f"{out} cannot be written ({error.strerror})", Exit.USAGE) from None


AllOption = Annotated[bool, typer.Option("--all", help="also reviews that have ended")]
HoursOption = Annotated[int, whole("opened at least so many hours ago", "--older-than-hours")]
RejectOption = Annotated[str, typer.Option("--reject", help="refuse the proposed end; say why")]


def list_reviews(call: Call, every: AllOption = False, hours: HoursOption = 0) -> None:
    request: Any = call.request
    request.unfinished = not (every or request.state or request.decision_id)
    if hours:
        request.open_time_before.FromDatetime(datetime.now(UTC) - timedelta(hours=hours))
    call.show(call.send())


def show_review(call: Call) -> None:
    with call.server.connect() as connection:
        call.show(connection.read_review(call.request.review_id))


def confirm_review(call: Call, reject: RejectOption = "") -> None:
    call.request.reject, call.request.text = bool(reject), reject
    call.show(call.send())


def print_reviews(reply: review_pb.ListReviewsResponse) -> None:
    out = console()
    if not reply.reviews:
        out.print("No review matches.")
    for review in reply.reviews:
        for line in head_lines(review):
            out.print(line, soft_wrap=True)
    if reply.next_page_token:
        out.print(f"More: --page-token {escape(reply.next_page_token)}", soft_wrap=True)
