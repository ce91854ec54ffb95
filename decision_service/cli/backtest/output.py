"""A report printed, or written to a folder in every form."""

from __future__ import annotations

import csv
import io
import sys
from enum import StrEnum
from pathlib import Path

from decision_service.cli.errors import CommandError, Exit
from decision_service.domain.errors import visible
from decision_service.impact.document import encoded
from decision_service.impact.figures import ImpactReport
from decision_service.impact.render.html import html
from decision_service.impact.render.markdown import markdown
from decision_service.impact.render.sections import sections


class ReportFormat(StrEnum):
    MD = "md"
    HTML = "html"
    JSON = "json"
    CSV = "csv"


def rendered(report: ImpactReport, form: ReportFormat) -> str:
    match form:
        case ReportFormat.HTML:
            return html(report)
        case ReportFormat.JSON:
            return encoded(report).decode()
        case ReportFormat.CSV:
            return _csv(report)
    return markdown(report)


def show_report(report: ImpactReport, form: ReportFormat, out: Path | None) -> None:
    """One form on stdout, or every form in a folder; raises CommandError."""
    if out is None:
        sys.stdout.write(visible(rendered(report, form)))
        return
    for path in write_report(report, out):
        sys.stderr.write(visible(f"wrote {path}\n"))


def write_report(report: ImpactReport, folder: Path) -> list[Path]:
    """Every form in a folder, each whole or not at all; raises CommandError."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for form in ReportFormat:
            target = folder / f"impact.{form}"
            draft = target.with_suffix(f".{form}.new")
            draft.write_text(rendered(report, form), encoding="utf-8")
            draft.replace(target)
            written.append(target)
    except OSError as error:
        raise CommandError(
            f"--out {folder} cannot be written ({error.strerror}): choose a folder of yours",
            Exit.USAGE,
        ) from None
    return written


def _csv(report: ImpactReport) -> str:
    """Every table as rows of part, row, column and value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("part", "row", "column", "value"))
    for section in sections(report):
        for row in section.rows:
            name = " → ".join(row[: section.words])
            for column, value in zip(
                section.columns[section.words :], row[section.words :], strict=True
            ):
                writer.writerow((section.title, name, column, value))
    return text.getvalue()
