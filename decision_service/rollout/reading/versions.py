"""Reads the `versions` section: champion, challenger and shadows."""

from __future__ import annotations

from collections.abc import Mapping

from decision_service.domain.money import LARGEST_AMOUNT
from decision_service.language.expressions.declared import DeclaredNames
from decision_service.language.yaml.fields import Fields
from decision_service.rollout.guardrails import Metric
from decision_service.rollout.model import (
    Challenger,
    ChallengerLimits,
    ExpectedOutcome,
    Shadow,
    Versions,
)
from decision_service.rollout.reading.caps import LEAST_AMOUNT
from decision_service.rollout.reading.shares import read_share
from decision_service.rollout.reading.stages import read_stages

DeclaredVersions = Mapping[int, DeclaredNames | None]
"""The ruleset versions that exist, each with the names that a condition over its inputs may use.

None stands for a version that does not compile: what a plan says of its inputs goes unread.
"""

_RATES = tuple(m.value for m in Metric if m.is_rate)
_LIMITS = ("max_amount", "max_approved_per_day")


def read_versions(plan: Fields, known: DeclaredVersions) -> Versions | None:
    """The section, every version that does not exist reported."""
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
        optional=("expect", "limits"),
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
        limits=_read_limits(fields, known.get(version or 0)),
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


def _read_limits(challenger: Fields, names: DeclaredNames | None) -> ChallengerLimits:
    node = challenger.map("limits")
    if node is None:
        return ChallengerLimits()
    asked = None if names is None else names.symbols.get("inputs.requested_amount")
    if names is not None and asked is None:
        message = (
            "`limits` need the input `requested_amount`, which the challenger does not declare"
        )
        hint = "declare it in the ruleset, or remove the limits"
        challenger.report.error("P308", node.place, message, hint)
    fields = Fields(node, "`limits`", challenger.report, optional=_LIMITS)
    amount, daily = (fields.decimal(key, LEAST_AMOUNT, LARGEST_AMOUNT) for key in _LIMITS)
    most = None if asked is None else asked.upper
    if not node.entries or (amount is not None and most is not None and amount >= most):
        why = f"requests are at most {most}" if node.entries else "it is empty"
        place, hint = fields.place("max_amount"), "lower the amount, or remove it"
        fields.report.warning("P319", place, f"`limits` keeps no request away: {why}", hint)
    return ChallengerLimits(amount, daily)


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
