"""`applicants export` and `erase`: what is stored of a person, written and destroyed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Annotated, TextIO

import typer

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.cli.calls import Call
from decision_service.cli.output import new_file
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
