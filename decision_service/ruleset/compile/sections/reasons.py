"""The `reasons:` section: what applicants and regulators are told."""

from __future__ import annotations

import re

from decision_service.domain.missing import DataReason
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry
from decision_service.language.yaml.texts import read_texts
from decision_service.ruleset.program.model import ReasonSpec
from decision_service.ruleset.reading.draft import RulesetDraft

_CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_LONGEST_CODE = 60
_BUILT_IN = frozenset(DataReason)


def read_reasons(draft: RulesetDraft) -> None:
    """Read every reason; a code that is wrong stays unknown."""
    if not draft.root.has("reasons"):
        message = "a rule file has no `reasons`"
        draft.report.error("R121", draft.root.node.place, message, "add `reasons:`")
    node = draft.root.map("reasons")
    for entry in node.entries if node is not None else ():
        draft.places[f"reasons.{entry.key}"] = entry.key_place
        spec = _reason(entry, draft.report)
        if spec is not None:
            draft.reasons[spec.code] = spec


def _reason(entry: MapEntry, report: Report) -> ReasonSpec | None:
    code = entry.key
    sound = _check_code(entry, report)
    fields = Fields.of(
        entry.value,
        f"reason `{code}`",
        report,
        required=("text",),
        optional=("regulatory", "group", "priority"),
    )
    if fields is None:
        return None
    node = fields.get("text")
    texts = read_texts(node, f"the text of `{code}`", report) if node is not None else None
    group, regulatory = fields.identifier("group"), fields.text("regulatory")
    priority = fields.integer("priority", 1, 99)
    if texts is None or not sound:
        return None
    return ReasonSpec(code, texts, regulatory or "", group or code, priority or 50)


def _check_code(entry: MapEntry, report: Report) -> bool:
    code, place = entry.key, entry.key_place
    if not _CODE.fullmatch(code) or len(code) > _LONGEST_CODE:
        hint = "use capitals, digits and `_`: SHORT_INCOME_HISTORY"
        report.error("R125", place, f"`{code}` is no reason code", hint)
        return False
    if code in _BUILT_IN:
        report.error("R127", place, f"`{code}` is a built-in reason", "choose another code")
        return False
    return True
