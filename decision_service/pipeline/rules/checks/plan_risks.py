"""What in a plan lets many or much through at once: warned of by `rules check`, at its line.

Those that have a name in the policy are refused by `preflight`, unless it accepts them.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from decision_service.language.diagnostics import Diagnostic, Report
from decision_service.language.yaml import parser as yaml
from decision_service.pipeline.rules.folder import RuleFolder
from decision_service.pipeline.rules.policy import PlanRisk, Policy
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.rollout.guardrails import Ceiling
from decision_service.rollout.model import WHOLE, Plan, Stages
from decision_service.rollout.reading.shares import place_of
from decision_service.ruleset.analysis.satisfiable import can_hold

_LARGE_SHARE = WHOLE // 10
_HARDLY_TRIPS = 0.9


class FoundRisk(msgspec.Struct, frozen=True):
    """A risk at the key that leads to it; `named` is what the policy calls it, if anything."""

    code: str
    keys: tuple[str | int, ...]
    message: str
    hint: str
    named: PlanRisk | None = None


def found_risks(product: Product, policy: Policy) -> Iterator[FoundRisk]:
    """Every risk of a product's plan that the policy does not accept."""
    for one in (*_first_stages(product.plan), *_fences(product.plan), *_authority(product)):
        if one.named is None or not policy.reason(product.name, one.named):
            yield one


def plan_warnings(folder: RuleFolder, rulebook: Rulebook) -> Iterator[Diagnostic]:
    """A warning for each risk of each plan; the rulebook is the folder's."""
    plans = {one.product: one.plan for one in folder.products if one.plan is not None}
    for name, plan in plans.items():
        report = Report()
        root = yaml.read(plan.path, plan.text, report)
        assert root is not None  # noqa: S101 - a plan of a rulebook was read
        for one in found_risks(rulebook.product(name), rulebook.policy):
            accept = f", or accept `{one.named}` in policy.yaml" if one.named else ""
            hint = f"{one.hint}{accept}"
            report.warning(one.code, place_of(root, *one.keys), one.message, hint)
        yield from report.diagnostics()


def _first_stages(plan: Plan) -> Iterator[FoundRisk]:
    challenger = plan.versions.challenger
    tracks: dict[tuple[str, ...], Stages] = {("go_live",): plan.go_live.stages}
    if challenger:
        tracks |= {("versions", "challenger"): challenger.stages}
    for keys, stages in tracks.items():
        share = stages.percent(stages.initial)
        if share > _LARGE_SHARE:
            message = f"`{keys[-1]}` begins at {share / 1000:g} %"
            hint = "begin at a stage of 10 % at most"
            where = (*keys, "initial_stage")
            yield FoundRisk("P214", where, message, hint, PlanRisk.FIRST_STAGE)
    for index, segment in enumerate(plan.go_live.segments):
        condition = segment.condition
        always = not can_hold([(condition.tree, False)], condition.currency)
        if always and segment.percent > _LARGE_SHARE:
            message = (
                f"the segment `{segment.name}` takes all applicants, and "
                f"{segment.percent / 1000:g} % of them are decided at any stage"
            )
            place = ("go_live", "segments", index, "percent")
            yield FoundRisk("P215", place, message, "lower its share, or narrow its `when`")


def _fences(plan: Plan) -> Iterator[FoundRisk]:
    if not plan.guardrails:
        hint = "add ceilings on errors, referrals and missing data"
        message = "no guardrail watches this rollout"
        yield FoundRisk("P417", (), message, hint, PlanRisk.NO_GUARDRAILS)
    for index, guardrail in enumerate(plan.guardrails):
        test = guardrail.test
        if isinstance(test, Ceiling) and guardrail.metric.is_rate and test.maximum >= _HARDLY_TRIPS:
            message = f"guardrail `{guardrail.name}` hardly ever trips: `max` is {test.maximum}"
            yield FoundRisk("P418", ("guardrails", index, "max"), message, "0.40 is 40 %")
    if not plan.caps:
        hint = "add `caps` with `amount_per_day` or `approvals_per_day`"
        message = "nothing bounds what a day approves"
        yield FoundRisk("P318", (), message, hint, PlanRisk.NO_CAPS)


def _authority(product: Product) -> Iterator[FoundRisk]:
    """One person's authority above all that may be asked for: a second one is never needed."""
    review = product.plan.review
    asked = product.champion.inputs.get("requested_amount")
    if review and review.authority and asked and asked.upper is not None:
        one = review.authority.review
        if one >= asked.upper:
            message = f"one person may grant {one:f}, and no more than {asked.upper:f} is asked for"
            hint = "leave the greater amounts to `review_second`"
            yield FoundRisk("P328", ("review", "authority", "review"), message, hint)
