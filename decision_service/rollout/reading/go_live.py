"""Reads the `go_live` section: the applicants that this service decides."""

from __future__ import annotations

from decision_service.domain.factor import ValueType
from decision_service.language.diagnostics import Place
from decision_service.language.evaluation.formula import read_formula
from decision_service.language.expressions.declared import DeclaredNames
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.language.yaml.readers import shortened
from decision_service.rollout.model import Advance, GoLive, Segment
from decision_service.rollout.reading.shares import (
    read_name,
    read_share,
    read_units,
    refuse_repeated,
)
from decision_service.rollout.reading.stages import read_stages, refuse_missing_holds


def read_go_live(plan: Fields, names: DeclaredNames | None) -> GoLive | None:
    """The section, with its segments typed against the champion's inputs.

    Without `names` (the champion is unknown or does not compile, which is reported elsewhere)
    conditions go unread.
    """
    node = plan.map("go_live")
    if node is None:
        return None
    fields = Fields(
        node,
        "`go_live`",
        plan.report,
        required=("salt", "stages", "initial_stage"),
        optional=("allow", "deny", "segments", "advance"),
    )
    allow, deny = read_units(fields, "allow"), read_units(fields, "deny")
    _warn_of_both(fields, allow, deny)
    stages = read_stages(fields, "`go_live`")
    advance = Advance(fields.choice("advance", Advance) or Advance.MANUAL)
    refuse_missing_holds(fields, stages, advance)
    return GoLive(
        salt=fields.text("salt") or "",
        stages=stages,
        allow=frozenset(allow),
        deny=frozenset(deny),
        segments=_read_segments(fields, names),
        advance=advance,
    )


def _warn_of_both(fields: Fields, allow: dict[str, Place], deny: dict[str, Place]) -> None:
    for unit, place in allow.items():
        if unit in deny:
            message = f"`{shortened(unit)}` is on `allow` and on `deny`, where `deny` wins"
            fields.report.warning("P212", place, message, "remove it from one of them")


def _read_segments(fields: Fields, names: DeclaredNames | None) -> tuple[Segment, ...]:
    read = [
        (_read_segment(node, fields, names), node.place)
        for node in (fields.items("segments") if fields.has("segments") else ())
    ]
    refuse_repeated(((s.name, place) for s, place in read if s), "segments", fields.report)
    return tuple(segment for segment, _ in read if segment)


def _read_segment(node: YamlNode, section: Fields, names: DeclaredNames | None) -> Segment | None:
    keys = ("name", "when", "percent")
    fields = Fields.of(node, "a segment", section.report, required=keys)
    if fields is None:
        return None
    name, percent, when = read_name(fields), read_share(fields), fields.scalar("when")
    if when is None or names is None:
        return None
    condition = read_formula(when, names, fields.report, ValueType.FLAG)
    if condition is None or name is None or percent is None:
        return None
    return Segment(name, condition, percent)
