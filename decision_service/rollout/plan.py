"""From the text of `rollout.yaml` to a checked plan, every problem found in one run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import PurePosixPath

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from decision_service.domain.factor import ValueType
from decision_service.rollout.assign import ALGORITHM
from decision_service.rollout.desk import DESK, read_desk
from decision_service.rollout.model import (
    Advance,
    Challenger,
    ExpectedOutcome,
    GoLive,
    Metric,
    Plan,
    RolloutStage,
    Segment,
    Shadow,
    Stages,
    Unit,
    Versions,
)
from decision_service.rollout.plan_sections import (
    place_of,
    read_caps,
    read_guardrails,
    read_name,
    read_share,
    read_units,
    refuse_repeated,
)
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report, did_you_mean
from decision_service.rules.language.evaluation import Formula, read_formula
from decision_service.rules.language.fields import Fields, shortened
from decision_service.rules.language.types import DeclaredNames
from decision_service.rules.language.yaml import YamlNode

_NOT_CONTENT = frozenset({"digest", "available"})

_CONTENT_UNLESS: Mapping[str, object] = {
    "caps": (),
    "second_person_above": None,
    "review": None,
}
"""Values at which a key is no part of the digest."""

_TAGS: Mapping[str, str] = {
    "ExpectedOutcome": "Expectation",
    "RolloutStage": "Stage",
}
"""The tags of classes in digests where they differ from the names of the classes."""


_RATES = tuple(m.value for m in Metric if m.is_rate)

_REQUIRED = ("product", "unit", "pin_for", "go_live", "versions")
_OPTIONAL = ("caps", "guardrails", "second_person_above")


def digest_of(plan: Plan) -> str:
    """SHA-256 in hex of the plan's values, its desk's among them, and of the hash that deals."""
    content = {
        name: value
        for name, value in asdict(plan).items()
        if name not in _NOT_CONTENT and (name, value) not in _CONTENT_UNLESS.items()
    }
    return _sha256({"algorithm": ALGORITHM, "plan": _plain(content)})


def _sha256(canonical: object) -> str:
    text = json.dumps(canonical, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    """A value as JSON has it; sets sorted, numbers without their trailing zeros."""
    match value:
        case None | int() | str():
            return value
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case timedelta():
            return int(value.total_seconds())
        case Formula():
            return value.text
    return _plain_collection(value)


def _plain_collection(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Struct):
        tag = _TAGS.get(type(value).__name__, type(value).__name__)
        named = {name: _plain(item) for name, item in asdict(value).items() if name != "digest"}
        return {"": tag} | named
    raise TypeError(f"{type(value).__name__} has no place in a plan")


def read_stages(fields: Fields, what: str) -> Stages:
    read = [_read_stage(node, fields.report) for node in fields.items("stages")]
    if fields.has("stages") and not read:
        hint = "add one: {name: all, percent: 100}"
        fields.report.error("P204", fields.place("stages"), f"{what} has no stage", hint)
    refuse_repeated(((s.name or None, place) for s, place, _ in read), "stages", fields.report)
    for (lower, _), (upper, place) in pairwise([(s, at) for s, at, sound in read if sound]):
        if upper.percent < lower.percent:
            message = f"stage `{upper.name}` lets in fewer than `{lower.name}` before it"
            fields.report.error("P205", place, message, "order the stages by percent, lowest first")
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
        fields.duration("hold") or timedelta(0),
        fields.integer("min_decisions", 0) or 0,
    )
    return stage, fields.place("percent"), percent is not None


def _read_initial(fields: Fields, steps: tuple[RolloutStage, ...]) -> str:
    scalar = fields.scalar("initial_stage")
    names = [s.name for s in steps]
    if scalar is None:
        return ""
    if names and all(names) and scalar.text not in names:
        message = f"`initial_stage` is `{scalar.text}`, which is no stage here"
        fields.report.error("P206", scalar.place, message, did_you_mean(scalar.text, names))
    return scalar.text


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
    for unit, place in allow.items():
        if unit in deny:
            message = f"`{shortened(unit)}` is on `allow` and on `deny`, where `deny` wins"
            fields.report.warning("P212", place, message, "remove it from one of them")
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


DeclaredVersions = Mapping[int, DeclaredNames | None]
"""The ruleset versions that exist, each with the names that a condition over its inputs may use.

None stands for a version that does not compile: what a plan says of its inputs goes unread.
"""


def read_versions(plan: Fields, known: DeclaredVersions) -> Versions | None:
    node = plan.map("versions")
    if node is None:
        return None
    fields = Fields(
        node,
        "`versions`",
        plan.report,
        required=("champion",),
        optional=("challenger", "shadow"),
    )
    champion = _read_version(fields, "champion", known)
    challenger = _read_challenger(fields, champion, known)
    shadow = _read_shadows(fields, champion, known)
    return Versions(champion or 0, challenger, shadow)


def _read_version(fields: Fields, key: str, known: DeclaredVersions) -> int | None:
    """The number as written, whether it exists or not; None where it is no version number."""
    version = fields.integer(key, 1)
    if version is None or version in known:
        return version
    have = ", ".join(f"v{v}" for v in sorted(known)) or "none"
    message = f"`{key}` is {version}, and there is no ruleset v{version}"
    fields.report.error("P301", fields.place(key), message, f"there is {have}")
    return version


# Challenger


def _read_challenger(
    section: Fields, champion: int | None, known: DeclaredVersions
) -> Challenger | None:
    node = section.map("challenger")
    if node is None:
        return None
    fields = Fields(
        node,
        "`challenger`",
        section.report,
        required=("version", "salt", "stages", "initial_stage"),
        optional=("expect",),
    )
    version = _read_version(fields, "version", known)
    if version is not None and version == champion:
        message = f"champion and challenger are both version {version}"
        hint = "name another version, or remove the challenger"
        fields.report.error("P302", fields.place("version"), message, hint)
    return Challenger(
        version=version or 0,
        salt=fields.text("salt") or "",
        stages=read_stages(fields, "`challenger`"),
        expect=_read_expectations(fields),
    )


def _read_expectations(challenger: Fields) -> dict[Metric, ExpectedOutcome]:
    node = challenger.map("expect")
    if node is None:
        return {}
    fields = Fields(node, "`expect`", challenger.report, optional=_RATES)
    read = {Metric(name): _read_expectation(fields, name) for name in _RATES}
    return {metric: expectation for metric, expectation in read.items() if expectation}


def _read_expectation(section: Fields, name: str) -> ExpectedOutcome | None:
    node = section.map(name)
    if node is None:
        return None
    keys = ("change", "within")
    fields = Fields(node, f"the expectation of `{name}`", section.report, required=keys)
    change, within = fields.decimal("change", -1, 1), fields.decimal("within", 0, 1)
    return None if change is None or within is None else ExpectedOutcome(change, within)


# Shadows


def _read_shadows(
    section: Fields, champion: int | None, known: DeclaredVersions
) -> tuple[Shadow, ...]:
    found: list[Shadow] = []
    for node in section.items("shadow") if section.has("shadow") else ():
        keys = ("version", "percent")
        fields = Fields.of(node, "a shadow", section.report, required=keys)
        if fields is None:
            continue
        version, percent = _read_version(fields, "version", known), read_share(fields)
        if version is not None:
            _refuse_pointless(fields, version, champion, found)
            found.append(Shadow(version, percent or 0))
    return tuple(found)


def _refuse_pointless(
    fields: Fields, version: int, champion: int | None, before: list[Shadow]
) -> None:
    place = fields.place("version")
    if version == champion:
        message = f"version {version} is the champion and cannot be its own shadow"
        fields.report.error("P303", place, message, "name another version, or remove it")
    if any(s.version == version for s in before):
        message = f"version {version} is a shadow twice"
        fields.report.error("P304", place, message, "remove one of them")


class PlanReading(msgspec.Struct, frozen=True):
    """A plan, or None where any diagnostic is an error."""

    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...]


class PlanTexts(msgspec.Struct, frozen=True):
    """A plan as it is stored under its digest: its text, and that of the desk beside it."""

    plan: str
    desk: str | None = None


def parse_plan(
    path: str, texts: PlanTexts, product: str, versions: DeclaredVersions
) -> PlanReading:
    """Read and check a product's plan with its desk; never raises.

    `product` is the name of the folder. `versions` are the rulesets that exist, each with the names
    of its inputs (`inputs.customer_type`), against which segments are typed, or None where it does
    not compile.
    """
    report = Report()
    root = yaml.read(path, texts.plan, report)
    plan = None if root is None else read_plan(root, report, product, versions)
    if texts.desk is not None:
        desk = read_desk(str(PurePosixPath(path).with_name(DESK)), texts.desk, report)
        desk = desk and replace(desk, digest=_sha256(_plain(desk)))
        plan = plan and replace(plan, review=desk)
    plan = plan and replace(plan, digest=digest_of(plan))
    return PlanReading(None if report.failed else plan, report.diagnostics())


def read_plan(root: YamlNode, report: Report, product: str, known: DeclaredVersions) -> Plan | None:
    """The plan of a tree, all faults reported; it counts for nothing where there is an error."""
    fields = Fields.of(root, "the plan", report, required=_REQUIRED, optional=_OPTIONAL)
    if fields is None:
        return None
    written = fields.text("product")
    if written is not None and written != product:
        message = f"`product` is `{shortened(written)}`, but the folder is `{product}`"
        report.error("P209", fields.place("product"), message, "make them equal")
    versions = read_versions(fields, known)
    go_live = read_go_live(fields, known.get(versions.champion) if versions else None)
    challenger = versions.challenger if versions else None
    if go_live and challenger and challenger.salt and challenger.salt == go_live.salt:
        message = f"go-live and challenger share the salt `{shortened(challenger.salt)}`"
        hint = "give the challenger its own, or its share is the first of those who went live"
        place = place_of(root, "versions", "challenger", "salt")
        report.error("P208", place, message, hint)
    guardrails = read_guardrails(fields, versions)
    caps = read_caps(fields, known.get(challenger.version) if challenger else None, challenger)
    unit, pin_for = fields.choice("unit", Unit), fields.duration("pin_for")
    if unit is None or pin_for is None or go_live is None or versions is None:
        return None
    return Plan(
        product,
        "",
        Unit(unit),
        pin_for,
        go_live,
        versions,
        guardrails,
        frozenset(known),
        caps,
        read_share(fields, "second_person_above"),
    )
