"""From the text of `rollout.yaml` to a checked plan, every problem found in one run."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from msgspec.structs import replace

from decision_service.language.diagnostics import Diagnostic, Report
from decision_service.language.yaml import parser as yaml
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.language.yaml.readers import shortened
from decision_service.rollout.canonical import digest_of
from decision_service.rollout.model import UNREPORTED, GoLive, Plan, Unit, Versions
from decision_service.rollout.reading.caps import read_caps
from decision_service.rollout.reading.go_live import read_go_live
from decision_service.rollout.reading.guardrails import read_guardrails
from decision_service.rollout.reading.review import read_review
from decision_service.rollout.reading.shares import place_of, read_share
from decision_service.rollout.reading.versions import DeclaredVersions, read_versions

LONGEST_UNREPORTED = 365
"""Days; an approval that nobody reports for a year is none."""

_REQUIRED = ("product", "unit", "pin_for", "go_live", "versions")
_OPTIONAL = ("caps", "guardrails", "history", "review", "second_person_above")


class PlanReading(msgspec.Struct, frozen=True):
    """A plan, or None where any diagnostic is an error."""

    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...]


def parse_plan(path: str, text: str, product: str, versions: DeclaredVersions) -> PlanReading:
    """Read and check a product's plan; never raises.

    `product` is the name of the folder. `versions` are the rulesets that exist, each with the names
    of its inputs (`inputs.customer_type`), against which segments are typed, or None where it does
    not compile.
    """
    report = Report()
    root = yaml.read(path, text, report)
    plan = None if root is None else read_plan(root, report, product, versions)
    return PlanReading(None if report.failed else plan, report.diagnostics())


def read_plan(root: YamlNode, report: Report, product: str, known: DeclaredVersions) -> Plan | None:
    """The plan of a tree, all faults reported; it counts for nothing where there is an error."""
    fields = Fields.of(root, "the plan", report, required=_REQUIRED, optional=_OPTIONAL)
    if fields is None:
        return None
    _refuse_other_product(fields, product)
    versions = read_versions(fields, known)
    go_live = read_go_live(fields, known.get(versions.champion) if versions else None)
    _refuse_same_salt(fields, go_live, versions)
    guardrails = read_guardrails(fields, versions)
    unreported = _read_unreported(fields)
    caps = read_caps(fields)
    unit, pin_for = fields.choice("unit", Unit), fields.duration("pin_for")
    if unit is None or pin_for is None or go_live is None or versions is None:
        return None
    plan = Plan(
        product,
        "",
        Unit(unit),
        pin_for,
        go_live,
        versions,
        guardrails,
        frozenset(known),
        unreported,
        caps,
        read_share(fields, "second_person_above"),
        read_review(fields),
    )
    return replace(plan, digest=digest_of(plan))


def _read_unreported(plan: Fields) -> timedelta:
    """For how many days an expired offer without a report counts as exposure."""
    node = plan.get("history")
    key = "unreported_days"
    fields = node and Fields.of(node, "`history`", plan.report, optional=(key,))
    days = fields.integer(key, 0, LONGEST_UNREPORTED) if fields else None
    return UNREPORTED if days is None else timedelta(days=days)


def _refuse_other_product(fields: Fields, product: str) -> None:
    written = fields.text("product")
    if written is not None and written != product:
        message = f"`product` is `{shortened(written)}`, but the folder is `{product}`"
        fields.report.error("P209", fields.place("product"), message, "make them equal")


def _refuse_same_salt(fields: Fields, go_live: GoLive | None, versions: Versions | None) -> None:
    challenger = versions.challenger if versions else None
    if go_live is None or challenger is None or not challenger.salt:
        return
    if challenger.salt == go_live.salt:
        message = f"go-live and challenger share the salt `{shortened(challenger.salt)}`"
        hint = "give the challenger its own, or its share is the first of those who went live"
        place = place_of(fields.node, "versions", "challenger", "salt")
        fields.report.error("P208", place, message, hint)
