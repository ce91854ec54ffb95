"""Segments of a plan that no applicant can be in."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.language.diagnostics import Diagnostic, Place, Report
from decision_service.language.evaluation.formula import Formula
from decision_service.language.expressions import tree
from decision_service.language.yaml import parser as yaml
from decision_service.language.yaml.nodes import ListNode, MapNode, YamlNode
from decision_service.rollout.model import Plan, Segment
from decision_service.rollout.reading.shares import place_of
from decision_service.ruleset.analysis.satisfiable import can_hold

_PLAIN = (tree.All, tree.Compare, tree.Within, tree.NameRead, tree.Constant)
"""What is true only where all its names have values."""


def unmatched_segments(path: str, text: str, plan: Plan) -> tuple[Diagnostic, ...]:
    """P213 (a warning), at its line, for each segment of a plan without errors that is empty."""
    report = Report()
    places = _places(yaml.read(path, text, report))
    segments = plan.go_live.segments
    for index, (segment, place) in enumerate(zip(segments, places, strict=False)):
        why = _why_empty(segment, segments[:index])
        if why:
            message = f"no applicant is ever in the segment `{segment.name}`: {why}"
            report.warning("P213", place, message, "change its `when`, or remove it")
    return tuple(found for found in report.diagnostics() if found.code == "P213")


def _places(root: YamlNode | None) -> list[Place]:
    """Where the conditions stand, in the order of the segments."""
    go_live = root.get("go_live") if isinstance(root, MapNode) else None
    segments = go_live.get("segments") if isinstance(go_live, MapNode) else None
    items = segments.items if isinstance(segments, ListNode) else ()
    return [place_of(item, "when") for item in items]


def _why_empty(segment: Segment, earlier: Sequence[Segment]) -> str:
    condition = segment.condition
    if not can_hold([(condition.tree, True)], condition.currency):
        return f"`{condition.text}` never holds"
    first = next((one for one in earlier if _takes_all(one.condition, condition)), None)
    return "" if first is None else f"`{first.name}` takes them before it"


def _takes_all(earlier: Formula, later: Formula) -> bool:
    """Whether whoever meets the later condition meets the earlier one, too.

    An earlier condition on an input that was not sent matches nobody, so it must ask for no other
    inputs than the later one needs.
    """
    needed = all(isinstance(node, _PLAIN) for node in tree.walk(later.tree))
    if not needed or not set(earlier.names) <= set(later.names):
        return False
    claims = [(earlier.tree, False), (later.tree, True)]
    return not can_hold(claims, later.currency)
