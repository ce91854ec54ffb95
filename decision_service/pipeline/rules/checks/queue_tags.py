"""Queues of reviews that no decision of the deciding versions can come into by its tags."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.language.diagnostics import Diagnostic, Report, did_you_mean
from decision_service.language.yaml import parser as yaml
from decision_service.language.yaml.nodes import ListNode, MapNode, Scalar, YamlNode
from decision_service.rollout.model import Plan
from decision_service.ruleset.program.model import CompiledRuleset


def unknown_queue_tags(
    path: str, text: str, plan: Plan, deciding: Sequence[CompiledRuleset]
) -> tuple[Diagnostic, ...]:
    """P316 at each tag that no deciding version declares, for a plan without errors."""
    report = Report()
    root = yaml.read(path, text, report) if plan.review and deciding else None
    if root is None:
        return ()
    known = sorted({tag for ruleset in deciding for tag in ruleset.tags})
    for node in _items(_value(root, "review", "queues")):
        for tag in _items(_value(node, "when", "tags")):
            if isinstance(tag, Scalar) and tag.text not in known:
                versions = " and ".join(f"v{one.version}" for one in deciding)
                message = f"no rule of {versions} has the tag `{tag.text}`"
                report.error("P316", tag.place, message, did_you_mean(tag.text, known))
    return tuple(one for one in report.diagnostics() if one.code == "P316")


def _value(node: YamlNode, *keys: str) -> YamlNode | None:
    found: YamlNode | None = node
    for key in keys:
        found = found.get(key) if isinstance(found, MapNode) else None
    return found


def _items(node: YamlNode | None) -> Sequence[YamlNode]:
    return node.items if isinstance(node, ListNode) else ()
