"""Reads a ladder of stages and where it begins."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from decision_service.language.diagnostics import Place, Report, did_you_mean
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.rollout.model import Advance, RolloutStage, Stages
from decision_service.rollout.reading.shares import read_name, read_share, refuse_repeated

_NO_HOLD = timedelta(0)


def read_stages(fields: Fields, what: str) -> Stages:
    """The stages of a track and its initial one, all faults reported."""
    read = [_read_stage(node, fields.report) for node in fields.items("stages")]
    if fields.has("stages") and not read:
        hint = "add one: {name: all, percent: 100}"
        fields.report.error("P204", fields.place("stages"), f"{what} has no stage", hint)
    refuse_repeated(((s.name or None, place) for s, place, _ in read), "stages", fields.report)
    _refuse_descending([(s, place) for s, place, sound in read if sound], fields.report)
    steps = tuple(stage for stage, _, _ in read)
    return Stages(steps, _read_initial(fields, steps))


def refuse_missing_holds(fields: Fields, stages: Stages, advance: Advance) -> None:
    """Under automatic advancing a stage without `hold` would be over at once."""
    if advance is Advance.MANUAL:
        return
    for stage in stages.steps[:-1]:
        if not stage.hold:
            message = f"`advance` is auto, but stage `{stage.name}` has no `hold`"
            hint = "give it one, such as 3d, or advance manually"
            fields.report.error("P207", fields.place("advance"), message, hint)


def _read_stage(node: YamlNode, report: Report) -> tuple[RolloutStage, Place, bool]:
    """The stage, where its percent stands, and whether the percent could be read."""
    fields = Fields.of(
        node,
        "a stage",
        report,
        required=("name", "percent"),
        optional=("hold", "min_decisions"),
    )
    if fields is None:
        return RolloutStage("", 0), node.place, False
    percent = read_share(fields)
    stage = RolloutStage(
        read_name(fields) or "",
        percent or 0,
        fields.duration("hold") or _NO_HOLD,
        fields.integer("min_decisions", 0) or 0,
    )
    return stage, fields.place("percent"), percent is not None


def _refuse_descending(read: list[tuple[RolloutStage, Place]], report: Report) -> None:
    for (lower, _), (upper, place) in pairwise(read):
        if upper.percent < lower.percent:
            message = f"stage `{upper.name}` lets in fewer than `{lower.name}` before it"
            report.error("P205", place, message, "order the stages by percent, lowest first")


def _read_initial(fields: Fields, steps: tuple[RolloutStage, ...]) -> str:
    scalar = fields.scalar("initial_stage")
    names = [s.name for s in steps]
    if scalar is None:
        return ""
    if names and all(names) and scalar.text not in names:
        message = f"`initial_stage` is `{scalar.text}`, which is no stage here"
        fields.report.error("P206", scalar.place, message, did_you_mean(scalar.text, names))
    return scalar.text
