"""The `tags:` section: labels for queues and signals, which decide nothing."""

from __future__ import annotations

from decision_service.language.diagnostics import Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry
from decision_service.language.yaml.readers import check_identifier
from decision_service.ruleset.program.model import TagSpec
from decision_service.ruleset.reading.draft import RulesetDraft

MOST_TAGS = 30
CALLER, NOBODY = TOLD = ("caller", "nobody")


def read_tags(draft: RulesetDraft) -> None:
    """Read every tag; one that is wrong stays unknown."""
    node = draft.root.map("tags")
    for entry in node.entries if node is not None else ():
        draft.places[f"tags.{entry.key}"] = entry.key_place
        spec = _tag(entry, draft.report)
        if spec is not None:
            draft.tags[spec.name] = spec
    if len(draft.tags) > MOST_TAGS and node is not None:
        message = f"there are {len(draft.tags)} tags; {MOST_TAGS} are allowed"
        draft.report.error("R123", node.place, message, "each is counted on its own by `/metrics`")


def _tag(entry: MapEntry, report: Report) -> TagSpec | None:
    sound = check_identifier(entry.key, entry.key_place, "the tag", report)
    what = f"tag `{entry.key}`"
    fields = Fields.of(entry.value, what, report, required=("means",), optional=("told",))
    if fields is None or not sound:
        return None
    told = fields.choice("told", TOLD) or CALLER
    return TagSpec(entry.key, fields.text("means") or "", told == CALLER)
