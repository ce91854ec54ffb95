"""`decisions outcomes`: a file of reports on loans, each line by itself."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from io import TextIOWrapper
from itertools import chain
from typing import Annotated, Any, TextIO

import msgspec
import typer

from decision_service.api.v1 import outcome_service_pb2 as pb
from decision_service.cli.calls import Call, Form
from decision_service.cli.client import Connection
from decision_service.cli.fields import field_options
from decision_service.cli.output import CommandError, Exit, console, print_json, show_count
from decision_service.cli.views import overdrawn_text
from decision_service.domain.errors import visible
from decision_service.server.transport.wire import enum_name

_LONGEST = 10_000
_ENDLESS = 1_000_000
_RECEIPTS = ("recorded", "older", "corrected", "repeated")
_REFUSED = "refused"
_REFUSALS = frozenset(
    {
        "FIELD_INVALID",
        "INPUT_INVALID",
        "DECISION_UNKNOWN",
        "RULESET_UNKNOWN",
        "OUTCOME_CONTRADICTED",
    }
)
"""Errors of one line alone: the next ones may be recorded."""


class OutcomeLineBroken(Exception):
    """A line holds no report; the message says why."""


_FIELDS = {one.parameter.name: one for one in field_options(pb.LoanOutcome, "", (), defaults={})}
COLUMNS = (*_FIELDS, "currency")
_REQUIRED = ("decision_id", "loan_id", "as_of_date", "status")
Line = tuple[int, pb.LoanOutcome | OutcomeLineBroken]
"""A line's number, from 1, with its report or what is wrong with it."""


def read_lines(file: TextIO, currency: str, name: str) -> Iterator[Line]:
    """The reports of a file's lines; empty lines are none.

    A file whose first line begins with `{` is JSON. `currency` is that of amounts without one.
    Raises CommandError with the file's `name` where the header is not one of reports.
    """
    numbered = ((number, line) for number, line in enumerate(_lines(file), 1) if line.strip())
    first = next(numbered, None)
    if first is None:
        return
    is_json = first[1].lstrip().startswith("{")
    header = () if is_json else _header(first[1], f"{name}:{first[0]}")
    for number, line in chain((first,) if is_json else (), numbered):
        if len(line) > _LONGEST:
            message = f"the line has more than {_LONGEST:,} characters"
            yield number, OutcomeLineBroken(message)
            continue
        try:
            report = _of_json(line) if is_json else _of_cells(header, _cells(line))
            yield number, _message(report, currency)
        except OutcomeLineBroken as error:
            yield number, OutcomeLineBroken(str(error))


def _lines(file: TextIO) -> Iterator[str]:
    """Lines, of a too long one the beginning; raises CommandError where one has no end."""
    while line := file.readline(_LONGEST + 1):
        if len(line) > _LONGEST and not line.endswith("\n"):
            rest = file.readline(_ENDLESS)
            if len(rest) == _ENDLESS:
                raise CommandError("the file holds no lines of reports")
        yield line


def _header(line: str, place: str) -> Sequence[str]:
    try:
        names = [name.strip() for name in _cells(line)]
    except OutcomeLineBroken as error:
        raise CommandError(f"{place}: the header cannot be read: {error}") from None
    unknown = [name for name in names if name not in COLUMNS]
    lacking = [name for name in _REQUIRED if name not in names]
    if unknown or lacking or len(names) != len(set(names)):
        what = (
            f"has {unknown[0][:40]!r}"
            if unknown
            else f"lacks {lacking[0]}"
            if lacking
            else "repeats"
        )
        raise CommandError(
            f"{place}: the header {what}: the first line of a file in UTF-8 names columns once "
            "each, separated by commas, of "
            f"{', '.join(COLUMNS)}"
        )
    return names


def _cells(line: str) -> list[str]:
    """The cells of one line: an open quotation mark ends with it."""
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise OutcomeLineBroken(f"the line is no CSV ({error})") from None


def _of_cells(header: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    if len(cells) != len(header):
        raise OutcomeLineBroken(f"the line has {len(cells)} cells and the header {len(header)}")
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}


def _of_json(line: str) -> dict[str, Any]:
    try:
        found = _JSON.decode(line)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise OutcomeLineBroken(f"the line is no report in JSON ({error})") from None
    return {name: value for name, value in found.items() if value is not None}


_JSON = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def _message(given: dict[str, Any], currency: str) -> pb.LoanOutcome:
    """The report that a line gives, each value read as an option's is."""
    currency = str(given.pop("currency", currency))
    made = pb.LoanOutcome()
    wrong = [name for name in given if name not in _FIELDS]
    lacking = [name for name in _REQUIRED if not given.get(name)]
    if wrong or lacking:
        what = f"has {wrong[0]!r}, which is none of {', '.join(COLUMNS)}" if wrong else ""
        raise OutcomeLineBroken(f"the line {what or f'lacks {lacking[0]}'}")
    for name, value in given.items():
        try:
            _FIELDS[name].put_text(made, str(value), currency)
        except (CommandError, typer.BadParameter) as error:
            raise OutcomeLineBroken(f"{name}: {error}") from None
    return made


class _Tally(msgspec.Struct):
    name: str
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    problems: list[dict[str, object]] = msgspec.field(default_factory=list)
    overdrawn_lines: int = 0

    def refused(self, number: int, message: str) -> None:
        self.problems.append({"line": number, "message": message})
        sys.stderr.write(visible(f"{self.name}:{number}: {message}\n"))

    def overdrawn(self, number: int, report: pb.LoanOutcome, state: pb.Overdrawn) -> None:
        """Say that a line was recorded, and that too much was paid out on its decision."""
        self.overdrawn_lines += 1
        told = f"decision {report.decision_id} is {overdrawn_text(state)}"
        sys.stderr.write(visible(f"{self.name}:{number}: {told}\n"))

    def shown(self) -> dict[str, object]:
        counts = {word: self.counts[word] for word in (*_RECEIPTS, _REFUSED)}
        counts["overdrawn"] = self.overdrawn_lines
        return {"lines": self.counts.total(), **counts, "problems": self.problems}


def outcomes(
    call: Call,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV or JSON lines; - for standard input")
    ],
    currency: Annotated[
        str, typer.Option("--currency", help="currency of amounts without one")
    ] = "PHP",
) -> None:
    tally = _Tally("standard input" if file == "-" else file)
    with _opened(file) as lines, call.server.connect() as connection:
        for number, line in enumerate(read_lines(lines, currency, tally.name), 1):
            tally.counts[_sent(connection, line, tally)] += 1
            show_count(number, "lines")
    if not tally.counts:
        raise CommandError(f"{tally.name} holds no report: nothing is recorded", Exit.FINDINGS)
    if call.form is Form.JSON:
        print_json(tally.shown())
    else:
        console().print(_summary(tally))
    if tally.problems:
        raise typer.Exit(Exit.FINDINGS)


def _sent(connection: Connection, line: Line, tally: _Tally) -> str:
    """What became of a line; raises CommandError where the server can take no more of them."""
    number, report = line
    if isinstance(report, OutcomeLineBroken):
        tally.refused(number, str(report))
        return _REFUSED
    request = pb.RecordOutcomeRequest(outcome=report)
    try:
        reply = connection.call("OutcomeService.RecordOutcome", request, findings=_REFUSALS)
    except CommandError as error:
        if error.code is not Exit.FINDINGS:
            message = (
                f"{tally.name}:{number}: {error.message}; {tally.counts.total():,} lines before it "
                "are dealt with: send the whole file again, which changes nothing of them"
            )
            raise CommandError(message, error.code, details=error.details) from None
        tally.refused(number, error.message)
        return _REFUSED
    if reply.HasField("overdrawn"):
        tally.overdrawn(number, report, reply.overdrawn)
    return enum_name(pb.OutcomeReceipt.DESCRIPTOR, reply.receipt).lower()


def _summary(tally: _Tally) -> str:
    counts = tally.counts
    overdrawn = tally.overdrawn_lines
    return (
        f"{counts.total():,} lines: {counts['recorded']:,} recorded, {counts['older']:,} older "
        f"than a recorded one, {counts['corrected']:,} corrected, {counts['repeated']:,} known "
        f"already, {counts[_REFUSED]:,} refused"
    ) + (f"; {overdrawn:,} of a decision that is OVERDRAWN" if overdrawn else "")


def _opened(file: str) -> TextIOWrapper:
    """The file's lines; what is no UTF-8 spoils its own line alone. Raises CommandError."""
    given = file != "-"
    try:
        place = file if given else sys.stdin.fileno()
        return open(place, encoding="utf-8-sig", errors="replace", closefd=given)
    except OSError as error:
        raise CommandError(f"{file} cannot be read ({error.strerror})") from None
