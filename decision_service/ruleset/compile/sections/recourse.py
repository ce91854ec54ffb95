"""The `recourse:` section: what applicants may be told of what would have to be different."""

from __future__ import annotations

from decision_service.domain.factor import Mover
from decision_service.language.diagnostics import did_you_mean
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import Scalar, YamlNode
from decision_service.ruleset.program.model import WAITING
from decision_service.ruleset.reading.draft import RulesetDraft

RECOURSE, TELL = "recourse", "tell"


def read_recourse(draft: RulesetDraft) -> None:
    """Read the factors, and `waiting`, that applicants may be told of; call it after the stages."""
    node = draft.root.get(RECOURSE)
    fields = node and Fields.of(node, f"`{RECOURSE}`", draft.report, required=(TELL,))
    if not fields:
        return
    draft.not_empty(fields, TELL)
    draft.tell = frozenset(
        name for item in fields.items(TELL) if (name := _name(item, draft)) is not None
    )


def _name(item: YamlNode, draft: RulesetDraft) -> str | None:
    if not isinstance(item, Scalar):
        message = f"an entry of `{TELL}` is no name"
        draft.report.error("R122", item.place, message, "write a factor, or `waiting`")
        return None
    names = draft.names
    if item.text == WAITING:
        return WAITING
    if item.text not in names.catalogue:
        changed = [n for n, s in names.catalogue.items() if s.action.by is Mover.APPLICANT]
        hint = did_you_mean(item.text, [WAITING, *changed])
        draft.report.error("R204", item.place, f"unknown factor `{item.text}`", hint)
    elif names.catalogue[item.text].action.by is not Mover.APPLICANT:
        message = f"`{item.text}` is nothing that an applicant changes"
        hint = "write `waiting` for what the calendar moves; docs/factors.md says who moves what"
        draft.report.error("R217", item.place, message, hint)
    else:
        if item.text not in names.used and not draft.unread:
            message = f"`{item.text}` is used by no rule, so that nobody is ever told of it"
            draft.report.warning("R515", item.place, message, "remove it")
        return item.text
    return None
