"""Declarations that nothing uses."""

from __future__ import annotations

from pathlib import PurePosixPath

from decision_service.language.yaml.nodes import ListNode, Scalar
from decision_service.ruleset.reading.draft import RulesetDraft
from decision_service.ruleset.reading.shared import USES

_CODES = {"reasons": "R501", "params": "R502", "derived": "R503", "inputs": "R504", "tags": "R511"}
_WORDS = {
    "reasons": "reason",
    "params": "parameter",
    "derived": "derived name",
    "inputs": "input",
    "tags": "tag",
}


def check_unused(draft: RulesetDraft) -> None:
    """R501 to R504 and R511 (warnings) for reasons, parameters, derived names, inputs and tags.

    What stands in shared files is for other products, too; R513 tells of a file that is not used.
    """
    _check_files(draft)
    for name, place in draft.places.items() if not draft.unread else ():
        family, _, rest = name.partition(".")
        noted = {"reasons": draft.used_reasons, "tags": draft.used_tags}.get(family)
        used = name in draft.names.used if noted is None else rest in noted
        if place.file != draft.files.path:
            continue
        if used or name in draft.names.broken or _used_by_offer(name, draft):
            continue
        message = f"the {_WORDS[family]} `{rest}` is used nowhere"
        draft.report.warning(_CODES[family], place, message, "remove it, or use it")


def _check_files(draft: RulesetDraft) -> None:
    """R513 (a warning) for each file under `uses` of which nothing is used."""
    used, node = {file for file, _ in draft.shared}, draft.root.get(USES)
    root = PurePosixPath(draft.files.path).parent.parent
    for item in node.items if isinstance(node, ListNode) and not draft.unread else ():
        if isinstance(item, Scalar) and str(root / item.text) not in used:
            message = f"nothing of `{item.text}` is used"
            draft.report.warning("R513", item.place, message, "remove it")


def _used_by_offer(name: str, draft: RulesetDraft) -> bool:
    """The requested amount tells a reduced offer from a full one."""
    return name == "inputs.requested_amount" and draft.root.has("offer")
