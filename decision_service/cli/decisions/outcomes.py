"""`decisions outcomes`: a file of reports on loans, each line by itself."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from io import TextIOWrapper
from typing import Annotated

import msgspec
import typer

from decision_service.api.v1 import outcome_service_pb2 as pb
from decision_service.cli.client.calls import call
from decision_service.cli.client.calls import outcomes as outcome_stub
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.decisions.outcome_lines import Line, OutcomeLineBroken, read_lines
from decision_service.cli.decisions.outcome_progress import progress
from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.errors import CommandError, Exit
from decision_service.domain.errors import visible

_RECEIPTS = {
    pb.OUTCOME_RECEIPT_RECORDED: "recorded",
    pb.OUTCOME_RECEIPT_OLDER: "older",
    pb.OUTCOME_RECEIPT_CORRECTED: "corrected",
    pb.OUTCOME_RECEIPT_REPEATED: "repeated",
}
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


class _Tally(msgspec.Struct):
    name: str
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    problems: list[dict[str, object]] = msgspec.field(default_factory=list)

    def refused(self, number: int, message: str) -> None:
        self.problems.append({"line": number, "message": message})
        sys.stderr.write(visible(f"{self.name}:{number}: {message}\n"))

    def shown(self) -> dict[str, object]:
        counts = {word: self.counts[word] for word in (*_RECEIPTS.values(), _REFUSED)}
        return {"lines": self.counts.total(), **counts, "problems": self.problems}


@calls_server
def outcomes(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV or JSON lines; - for standard input")
    ],
    currency: Annotated[str, typer.Option("--currency", help="of amounts without one")] = "PHP",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Report how loans stand, from a file.

    Exit code 1 when any line was refused. Safe to repeat.
    """
    tally = _Tally("standard input" if file == "-" else file)
    with _opened(file) as lines, outcome_stub(server) as stub, progress(lines) as dealt_with:
        for number, line in enumerate(read_lines(lines, currency, tally.name), 1):
            tally.counts[_sent(stub.RecordOutcome, line, tally, server)] += 1
            dealt_with(number)
    if form is Format.JSON:
        print_json(tally.shown())
    else:
        console().print(_summary(tally))
    if tally.problems:
        raise typer.Exit(Exit.FINDINGS)


def _sent(
    method: Callable[..., pb.RecordOutcomeResponse],
    line: Line,
    tally: _Tally,
    server: ServerOptions,
) -> str:
    """What became of a line; raises CommandError where the server can take no more of them."""
    number, report = line
    if isinstance(report, OutcomeLineBroken):
        tally.refused(number, str(report))
        return _REFUSED
    request = pb.RecordOutcomeRequest(outcome=report)
    try:
        reply = call(method, request, server, findings=_REFUSALS)
    except CommandError as error:
        if error.code is not Exit.FINDINGS:
            raise _stopped(tally, number, error) from None
        tally.refused(number, error.message)
        return _REFUSED
    return _RECEIPTS[reply.receipt]


def _stopped(tally: _Tally, number: int, error: CommandError) -> CommandError:
    message = (
        f"{tally.name}:{number}: {error.message}; {tally.counts.total():,} lines before it are "
        "dealt with: send the whole file again, which changes nothing of them"
    )
    return CommandError(message, error.code, error.lines)


def _summary(tally: _Tally) -> str:
    counts = tally.counts
    return (
        f"{counts.total():,} lines: {counts['recorded']:,} recorded, {counts['older']:,} kept "
        f"beside a newer one, {counts['corrected']:,} corrected, {counts['repeated']:,} known "
        f"already, {counts[_REFUSED]:,} refused"
    )


def _opened(file: str) -> TextIOWrapper:
    """The file's lines; what is no UTF-8 spoils its own line alone. Raises CommandError."""
    given = file != "-"
    try:
        place = file if given else sys.stdin.fileno()
        return open(place, encoding="utf-8-sig", errors="replace", closefd=given)
    except OSError as error:
        raise CommandError(f"{file} cannot be read ({error.strerror})", Exit.USAGE) from None
