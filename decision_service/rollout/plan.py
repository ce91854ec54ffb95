"""From the texts of `rollout.yaml` and `desk.yaml` to a checked plan, all faults in one run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import PurePosixPath

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from decision_service.domain.decision import Outcome
from decision_service.domain.factor import ValueType
from decision_service.domain.reviews import (
    CONTEST_QUEUE,
    CONTEST_SLA,
    DEFAULT_QUEUE,
    Authority,
    ReviewPolicy,
    ReviewQueue,
    ReviewReason,
)
from decision_service.rollout.assign import ALGORITHM
from decision_service.rollout.bounds import read_caps, read_guardrails
from decision_service.rollout.keys import DESK, NOBODY, OVERTAKEN, PLAN, THE_DESK, refuse_repeated
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
    Versions,
)
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Diagnostic, Report, did_you_mean
from decision_service.rules.language.evaluation import Formula, read_formula
from decision_service.rules.language.fields import shortened
from decision_service.rules.language.keys import Read
from decision_service.rules.language.types import DeclaredNames
from decision_service.rules.language.yaml import MapNode, YamlNode

_NOT_CONTENT = frozenset({"digest", "available"})

_CONTENT_UNLESS = {
    "caps": (),
    "second_person_above": None,
    "review": None,
    "outcome": None,
    "overtaken": False,
    "withdraw_within": timedelta(),
}
"""Values at which a key is no part of the digest."""

_TAGS: Mapping[str, str] = {"ExpectedOutcome": "Expectation", "RolloutStage": "Stage"}
"""The tags of classes in digests where they differ from the names of the classes."""


_RATES = tuple(metric for metric in Metric if metric.is_rate)


def digest_of(plan: Plan) -> str:
    """SHA-256 in hex of the plan's values, its desk's among them, and of the hash that deals."""
    return _sha256({"algorithm": ALGORITHM, "plan": _content(plan)})


def _content(struct: Struct) -> dict[str, object]:
    return {
        name: _plain(value)
        for name, value in asdict(struct).items()
        if name not in _NOT_CONTENT and (name, value) not in _CONTENT_UNLESS.items()
    }


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
        return {"": tag} | _content(value)
    raise TypeError(f"{type(value).__name__} has no place in a plan")


def _stages(read: Read, what: str) -> Stages:
    report = read.report
    steps = []
    lower: RolloutStage | None = None
    for one, _ in read["stages"]:
        if one is None:
            continue
        percent = one["percent"]
        stage = RolloutStage(
            one["name"] or "",
            percent or 0,
            one["hold"] or timedelta(0),
            min_decisions=one["min_decisions"] or 0,
        )
        steps.append((stage, one.place("percent")))
        if lower and percent is not None and percent < lower.percent:
            message = f"stage `{stage.name}` lets in fewer than `{lower.name}` before it"
            one.error("P205", "percent", message, "order the stages by percent, lowest first")
        lower = lower if percent is None else stage
    if read.has("stages") and not read["stages"]:
        read.error("P204", "stages", f"{what} has no stage", "add one: {name: all, percent: 100}")
    refuse_repeated(((stage.name or None, place) for stage, place in steps), "stages", report)
    initial = read["initial_stage"]
    names = [stage.name for stage, _ in steps]
    if initial and names and all(names) and initial.text not in names:
        message = f"`initial_stage` is `{initial.text}`, which is no stage here"
        report.error("P206", initial.place, message, did_you_mean(initial.text, names))
    return Stages(tuple(stage for stage, _ in steps), initial.text if initial else "")


def _go_live(read: Read | None, names: DeclaredNames | None) -> GoLive | None:
    """The section, with its segments typed against the champion's inputs.

    Without `names` (the champion is unknown or does not compile, which is reported elsewhere)
    conditions go unread.
    """
    if read is None:
        return None
    for unit, place in read["allow"].items():
        if unit in read["deny"]:
            message = f"`{shortened(unit)}` is on `allow` and on `deny`, where `deny` wins"
            read.report.warning("P212", place, message, "remove it from one of them")
    stages = _stages(read, "`go_live`")
    advance = read["advance"] or Advance.MANUAL
    for stage in stages.steps[:-1] if advance is Advance.AUTO else ():
        if not stage.hold:  # it would be over at once
            message = f"`advance` is auto, but stage `{stage.name}` has no `hold`"
            read.error("P207", "advance", message, "give it one, such as 3d, or advance manually")
    segments = [(_segment(one, names), place) for one, place in read["segments"] if one]
    refuse_repeated(((s.name, place) for s, place in segments if s), "segments", read.report)
    return GoLive(
        read["salt"] or "",
        stages,
        frozenset(read["allow"]),
        deny=frozenset(read["deny"]),
        segments=tuple(segment for segment, _ in segments if segment),
        advance=advance,
    )


def _segment(read: Read, names: DeclaredNames | None) -> Segment | None:
    name = read["name"]
    percent = read["percent"]
    when = read["when"]
    if when is None or names is None:
        return None
    condition = read_formula(when, names, read.report, expected=ValueType.FLAG)
    if condition is None or name is None or percent is None:
        return None
    return Segment(name, condition, percent)


DeclaredVersions = Mapping[int, DeclaredNames | None]
"""The ruleset versions that exist, each with the names that a condition over its inputs may use.

None stands for a version that does not compile: what a plan says of its inputs goes unread.
"""


def _versions(read: Read, known: DeclaredVersions) -> Versions | None:
    champion = _version(read, "champion", known)
    challenger = _challenger(read["challenger"], champion, known)
    shadows: list[Shadow] = []
    for one, _ in read["shadow"]:
        version = one and _version(one, "version", known)
        if version is None:
            continue
        if version == champion:
            message = f"version {version} is the champion and cannot be its own shadow"
            one.error("P303", "version", message, "name another version, or remove it")
        if any(shadow.version == version for shadow in shadows):
            one.error(
                "P304", "version", f"version {version} is a shadow twice", "remove one of them"
            )
        shadows.append(Shadow(version, one["percent"] or 0))
    return Versions(champion, challenger, tuple(shadows)) if champion is not None else None


def _version(read: Read, key: str, known: DeclaredVersions) -> int | None:
    """The number as written, whether it exists or not; None where it is no version number."""
    version: int | None = read[key]
    if version is not None and version not in known:
        have = ", ".join(f"v{v}" for v in sorted(known)) or "none"
        message = f"`{key}` is {version}, and there is no ruleset v{version}"
        read.error("P301", key, message, f"there is {have}")
    return version


def _challenger(
    read: Read | None, champion: int | None, known: DeclaredVersions
) -> Challenger | None:
    if read is None:
        return None
    version = _version(read, "version", known)
    if version is not None and version == champion:
        message = f"champion and challenger are both version {version}"
        read.error("P302", "version", message, "name another version, or remove the challenger")
    expected = {metric: read["expect"] and read["expect"][metric] for metric in _RATES}
    bounds = {metric: (one["min"], one["max"]) for metric, one in expected.items() if one}
    for metric, (low, high) in bounds.items():
        if low is not None and high is not None and low > high:
            expected[metric].error("P329", "min", f"`min` {low} is above `max` {high}", "swap them")
    return Challenger(
        version or 0,
        read["salt"] or "",
        _stages(read, "`challenger`"),
        expect={
            metric: ExpectedOutcome((low + high) / 2, (high - low) / 2)
            for metric, (low, high) in bounds.items()
            if low is not None and high is not None
        },
    )


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
    plan = None if root is None else read_plan(root, report, product, known=versions)
    if texts.desk is not None:
        desk = read_desk(str(PurePosixPath(path).with_name(DESK)), texts.desk, report)
        desk = desk and replace(desk, digest=_sha256(_plain(desk)))
        plan = plan and replace(plan, review=desk)
    plan = plan and replace(plan, digest=digest_of(plan))
    return PlanReading(None if report.failed else plan, report.diagnostics())


def read_plan(root: YamlNode, report: Report, product: str, known: DeclaredVersions) -> Plan | None:
    """The plan of a tree, all faults reported; it counts for nothing where there is an error."""
    read = PLAN.read(root, report)
    if read is None:
        return None
    versions = _versions(read, known)
    go_live = _go_live(read["go_live"], known.get(versions.champion) if versions else None)
    challenger = versions.challenger if versions else None
    if go_live and challenger and challenger.salt and challenger.salt == go_live.salt:
        message = f"go-live and challenger share the salt `{shortened(challenger.salt)}`"
        hint = "give the challenger its own, or its share is the first of those who went live"
        read["challenger"].error("P208", "salt", message, hint)
    guardrails = read_guardrails(read, versions)
    caps = read_caps(read, known.get(challenger.version) if challenger else None, challenger)
    if read["unit"] is None or read["pin_for"] is None or go_live is None or versions is None:
        return None
    return Plan(
        product,
        "",
        read["unit"],
        pin_for=read["pin_for"],
        go_live=go_live,
        versions=versions,
        guardrails=guardrails,
        available=frozenset(known),
        caps=caps,
        second_person_above=read["second_person_above"],
    )


def read_desk(path: str, text: str, report: Report) -> ReviewPolicy | None:
    """All faults are reported; the policy counts for nothing where there is an error."""
    desk = THE_DESK.read(yaml.read(path, text, report), report)
    if desk is None:
        return None
    named = ((one["name"], place) for one, place in desk["queues"] if one)
    refuse_repeated(named, "queues", report)
    written = desk.node.get("reasons")
    if isinstance(written, MapNode) and not written.entries:
        message = "`reasons` is empty, so no review could be completed"
        desk.error("P323", "reasons", message, "add a code and its text")
    contest = desk["contest"]
    return ReviewPolicy(
        tuple(_queues(desk)),
        _authority(desk),
        tuple(_reasons(desk)),
        contest_sla=(contest and contest["sla"]) or CONTEST_SLA,
        withdraw_within=desk["withdraw_within"] or timedelta(),
    )


def _queues(desk: Read) -> Iterator[ReviewQueue]:
    for queue, _ in desk["queues"]:
        if queue is None:
            continue
        name = queue["name"]
        when = queue["when"]
        if name in (DEFAULT_QUEUE, CONTEST_QUEUE):
            message = f"a queue is named `{name}`, which is the service's own"
            queue.error("P320", "name", message, "choose another name")
        if when is None:
            yield ReviewQueue(name, queue["sla"])
            continue
        least = when["minimum_amount"]
        most = when["max_amount"]
        if least is not None and most is not None and least > most:
            message = (
                f"`minimum_amount` {least} is above `max_amount` {most}, so the queue takes nothing"
            )
            when.error("P321", "minimum_amount", message, "swap them, or drop one")
        chosen = (when["refer_kind"], when["tags"], when["reasons"])
        yield ReviewQueue(name, queue["sla"], *chosen, min_amount=least, max_amount=most)


def _authority(read: Read) -> Authority | None:
    if read["review"] is None or read["review_second"] is None:
        return None
    one = read["review"]
    two = read["review_second"]
    if one > two:
        message = f"one person may approve up to {one}, and two only up to {two}"
        read.error("P322", "review_second", message, "let `review_second` be at least `review`")
    return Authority(one, two)


def _reasons(desk: Read) -> Iterator[ReviewReason]:
    for code, reason in (desk["reasons"] or {}).items():
        if reason is None:
            continue
        is_told = reason["told"] != NOBODY
        if reason.has("letter") and not is_told:
            message = f"{code} is kept out of letters, and has words for one"
            reason.error("P327", "letter", message, "drop `letter`, or `told`")
        texts = (reason["text"] or "", reason["letter"] or {})
        overtaken = reason["outcome"] == OVERTAKEN
        outcome = Outcome.DECLINE if overtaken else reason["outcome"]
        yield ReviewReason(code, *texts, is_told=is_told, outcome=outcome, overtaken=overtaken)
