"""Declarations that nothing uses."""

from __future__ import annotations

from decision_service.ruleset.reading.draft import RulesetDraft

_CODES = {"reasons": "R501", "params": "R502", "derived": "R503", "inputs": "R504", "tags": "R511"}
_WORDS = {
    "reasons": "reason",
    "params": "parameter",
    "derived": "derived name",
    "inputs": "input",
    "tags": "tag",
}


def check_unused(draft: RulesetDraft) -> None:
    """R501 to R504 and R511 (warnings) for reasons, parameters, derived names, inputs and tags."""
    for name, place in draft.places.items() if not draft.unread else ():
        family, _, rest = name.partition(".")
        noted = {"reasons": draft.used_reasons, "tags": draft.used_tags}.get(family)
        used = name in draft.names.used if noted is None else rest in noted
        if used or name in draft.names.broken or _used_by_offer(name, draft):
            continue
        message = f"the {_WORDS[family]} `{rest}` is used nowhere"
        draft.report.warning(_CODES[family], place, message, "remove it, or use it")


def _used_by_offer(name: str, draft: RulesetDraft) -> bool:
    """The requested amount tells a reduced offer from a full one."""
    return name == "inputs.requested_amount" and draft.root.has("offer")
