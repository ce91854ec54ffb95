"""`--outcomes`: known loans from a file such as `decisions outcomes` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from decision_service.api.v1 import outcome_service_pb2 as pb
from decision_service.cli.decisions.outcome_lines import OutcomeLineBroken, read_lines
from decision_service.cli.errors import CommandError, Exit
from decision_service.language.yaml.readers import parse_day
from decision_service.storage.cases.index import BrokenLine, IndexedCases
from decision_service.storage.cases.loans import LoanReport, write_loans

_CURRENCY = "PHP"
"""Of amounts without one; no amount is looked at here."""


def written_loans(file: Path, target: Path, key: Callable[[str], str]) -> IndexedCases:
    """Write the loans of a file, each by the key of its decision; raises CommandError."""
    counts = IndexedCases()
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            write_loans(_reports(file, lines, key, counts), target)
    except OSError as error:
        raise CommandError(f"{file} cannot be read ({error.strerror})", Exit.USAGE) from None
    return counts


def _reports(
    file: Path, lines: TextIO, key: Callable[[str], str], counts: IndexedCases
) -> Iterator[LoanReport]:
    for number, report in read_lines(lines, _CURRENCY, str(file)):
        problem = str(report) if isinstance(report, OutcomeLineBroken) else _problem(report)
        if isinstance(report, OutcomeLineBroken) or problem:
            counts.broken.append(BrokenLine(number, problem))
            continue
        counts.lines += 1
        yield LoanReport(
            key(report.decision_id),
            report.loan_id,
            report.as_of_date,
            taken=report.status != pb.LOAN_STATUS_NOT_TAKEN_UP,
            bad=report.status == pb.LOAN_STATUS_CHARGED_OFF or report.overdue_days > 0,
        )


def _problem(report: pb.LoanOutcome) -> str:
    if parse_day(report.as_of_date) is not None:
        return ""
    return f"as_of_date is {report.as_of_date!r}: it must be a day such as 2026-01-31"
