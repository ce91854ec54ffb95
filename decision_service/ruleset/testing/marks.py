"""Changes of figures that no case has to notice, as a file of cases lists them.

The list stands with the cases, so that it is no part of a version's content or digest.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from decision_service.language.diagnostics import Place, Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import Scalar
from decision_service.language.yaml.readers import as_scalar


class FigureMark(msgspec.Struct, frozen=True):
    """A change of the figure named `at`, and why nothing comes of it."""

    at: str
    before: str
    after: str
    because: str
    place: Place


def read_marks(fields: Fields) -> tuple[FigureMark, ...]:
    """The marks under `unnoticed`, one for each changed value."""
    found: list[FigureMark] = []
    for item in fields.items("unnoticed"):
        one = Fields.of(item, "a mark", fields.report, required=("at", "from", "to", "because"))
        found.extend(_marks(one) if one is not None else ())
    return tuple(found)


def _marks(fields: Fields) -> Iterator[FigureMark]:
    at, before = fields.scalar("at"), fields.scalar("from")
    because = fields.text("because")
    if at is None or before is None or because is None:
        return
    for after in _values(fields, fields.report):
        yield FigureMark(at.text, before.text, after.text, because, after.place)


def _values(fields: Fields, report: Report) -> list[Scalar]:
    found = [as_scalar(item, "a changed value", report) for item in fields.items("to")]
    if not found and fields.has("to"):
        report.error("R123", fields.place("to"), "`to` is empty", "write the changed values: [1]")
    return [scalar for scalar in found if scalar is not None]
