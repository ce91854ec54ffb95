"""What no case has to notice or reach, as a file of cases lists it.

The list stands with the cases, so that it is no part of a version's content or digest.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from decision_service.domain.verdict import Component
from decision_service.language.diagnostics import Place, Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import Scalar
from decision_service.language.yaml.readers import as_scalar
from decision_service.ruleset.constructs.rules.model import Rule
from decision_service.ruleset.constructs.rules.run import RulesRunner
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.reading.names import names_in


class FigureMark(msgspec.Struct, frozen=True):
    """A change of the figure named `at`, and why nothing comes of it."""

    at: str
    before: str
    after: str
    because: str
    place: Place


class LegalMark(msgspec.Struct, frozen=True):
    """A legal check that no figure of today can break, and why it is kept."""

    rule: Rule
    because: str
    place: Place

    @property
    def goals(self) -> frozenset[tuple[str, str]]:
        """What no case has to reach."""
        named = {(self.rule.what, which) for which in ("true", "unknown")}
        return frozenset({*named, ("reason", self.rule.reason)})

    def covers(self, at: str, text: str) -> bool:
        """Whether a figure is the check's, or of a line that the file has for the check alone."""
        asked = self.rule.when.text if self.rule.when else ""
        lines = (name for name in names_in(asked) if name.startswith(("params.", "derived.")))
        only = (f"{name}." for name in lines if text.count(name) == asked.count(name))
        return f"{at}.".startswith((f"post_checks.{self.rule.id}.", *only))


def read_legal_marks(fields: Fields, ruleset: CompiledRuleset) -> tuple[LegalMark, ...]:
    """The marks under `unreached`."""
    rules = {
        ready.rule.id: ready.rule
        for stage in ruleset.program.closing
        if stage.component is Component.LEGAL and isinstance(stage.runner, RulesRunner)
        for ready in stage.runner.ready
    }
    found: list[LegalMark] = []
    for item in fields.items("unreached"):
        one = Fields.of(item, "a mark", fields.report, required=("check", "because"))
        check, because = (one.choice("check", rules), one.text("because")) if one else (None, None)
        if check and because:
            found.append(LegalMark(rules[check], because, item.place))
    return tuple(found)


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
