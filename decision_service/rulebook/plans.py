"""What is wrong or risky in a plan next to the versions that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.domain.values import to_major
from decision_service.rollout.keys import place_of
from decision_service.rollout.model import WHOLE, DayCap, Plan, Segment, Stages
from decision_service.rulebook.folder import RuleFolder, TextFile
from decision_service.rulebook.rulebook import PlanRisk, Policy, Product, Rulebook
from decision_service.rules.keys import MINIMUM, TIER
from decision_service.rules.language import types as tree
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Diagnostic, Report, did_you_mean
from decision_service.rules.language.evaluation import Formula
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode
from decision_service.rules.offer import OfferRunner
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.ranges import can_hold
from decision_service.rules.stages import unconditional
from decision_service.rules.table import TableRunner

_AMOUNT = "requested_amount"

_LARGE_SHARE = WHOLE // 10
_HARDLY_TRIPS = 0.9

# What is true only where all its names have values: `or`, for one, can be true without.
_PLAIN = (tree.All, tree.Compare, tree.Within, tree.NameRead, tree.Constant)


def plan_problems(
    file: TextFile, desk: TextFile | None, plan: Plan, deciding: Sequence[CompiledRuleset]
) -> tuple[Diagnostic, ...]:
    """P213, P310 to P312 and P316, at their lines, of a plan and a desk without errors.

    `deciding` are the versions of its arms that compile.
    """
    report = Report()
    root = yaml.read(file.path, file.text, report)
    _check_segments(plan, _nodes(_value(root, "go_live", "segments")), report)
    if deciding:
        for cap, node in zip(plan.caps, _nodes(_value(root, "caps")), strict=False):
            if cap.arm is None:
                _check_cap(cap, node, deciding, report=report)
    if deciding and desk is not None:
        _check_tags(yaml.read(desk.path, desk.text, report), deciding, report)
    return report.diagnostics()


def _check_cap(
    cap: DayCap, node: YamlNode, deciding: Sequence[CompiledRuleset], report: Report
) -> None:
    known = _all_known(_tiers(ruleset) for ruleset in deciding)
    if cap.tier and known is not None and cap.tier not in known:
        versions = " and ".join(f"v{ruleset.version}" for ruleset in deciding)
        message = f"no offer of {versions} has the tier `{cap.tier}`"
        report.error("P310", place_of(node, "tier"), message, did_you_mean(cap.tier, known))
    if cap.amount is None:
        return
    place = place_of(node, "amount_per_day")
    for ruleset in deciding:
        least = _least(ruleset)
        name = f"v{ruleset.version}"
        if _offer(ruleset) is None and _AMOUNT not in ruleset.inputs:
            message = (
                f"the cap `{cap.name}` counts amounts, and {name} has no offer and no `{_AMOUNT}`"
            )
            report.error("P311", place, message, f"declare the input `{_AMOUNT}`, or add an offer")
        if least is not None and cap.amount < least:
            smallest = f"below the smallest loan of {name}: {least:f}"
            message = f"the cap `{cap.name}` is {cap.amount:f}, {smallest}"
            report.warning("P312", place, message, "so it approves nothing; raise it")


def _offer(ruleset: CompiledRuleset) -> OfferRunner | None:
    runners = (stage.runner for stage in ruleset.program.closing)
    return next((runner for runner in runners if isinstance(runner, OfferRunner)), None)


def _least(ruleset: CompiledRuleset) -> Decimal | None:
    """The smallest amount that is ever approved, as far as the file says so in one figure."""
    offer = _offer(ruleset)
    line = offer.terms.lines.get(MINIMUM) if offer else None
    if line is None:
        asked = ruleset.inputs.get(_AMOUNT)
        return asked.lower if asked and offer is None else None
    if isinstance(line.tree, tree.Constant):
        return to_major(int(line.tree.value), ruleset.currency)  # type: ignore[arg-type]  # money is a whole number
    if not isinstance(line.tree, tree.NameRead):
        return None
    param = ruleset.params.get(line.tree.symbol.name.removeprefix("params."))
    if param is None or param.type is not ValueType.MONEY:
        return None
    return min(to_major(int(step.value), ruleset.currency) for step in param.steps)  # type: ignore[arg-type]  # money is a whole number


def _tiers(ruleset: CompiledRuleset) -> frozenset[str] | None:
    offer = _offer(ruleset)
    line = offer.terms.lines.get(TIER) if offer else None
    # An offer without a tier has the empty one.
    return frozenset({""}) if line is None else _labels(line.tree, ruleset)


def _labels(node: tree.Node, ruleset: CompiledRuleset) -> frozenset[str] | None:
    if isinstance(node, tree.Constant):
        return frozenset({str(node.value)})
    if isinstance(node, tree.Choice):
        return _all_known(_labels(one, ruleset) for one in (node.then, node.otherwise))
    if not isinstance(node, tree.NameRead):
        return None
    if node.symbol.name in ruleset.derived:
        return _labels(ruleset.derived[node.symbol.name], ruleset)
    given = [*_given(node.symbol.name, ruleset)]
    return _all_known(_labels(one, ruleset) for one in given) if given else None


def _all_known(each: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    found = [*each]
    # One that cannot be known leaves all open: a tier is not called wrong by a guess.
    known = [labels for labels in found if labels is not None]
    return frozenset().union(*known) if len(known) == len(found) else None


def _given(name: str, ruleset: CompiledRuleset) -> Iterator[tree.Node]:
    table, _, output = name.rpartition(".")
    for runner in (unconditional(stage.runner) for stage in ruleset.program.stages):
        if isinstance(runner, TableRunner) and runner.grid.id == table:
            yield from (row.gives[output] for row in runner.grid.rows)


class FoundRisk(msgspec.Struct, frozen=True):
    """A risk at the key of the plan, or of the desk; `named` is what the policy calls it."""

    code: str
    keys: tuple[str | int, ...]
    message: str
    hint: str
    named: PlanRisk | None = None
    of_desk: bool = False


def found_risks(product: Product, policy: Policy) -> Iterator[FoundRisk]:
    for one in (*_first_stages(product.plan), *_fences(product.plan), *_authority(product)):
        if one.named is None or not policy.reason(product.name, one.named):
            yield one


def plan_warnings(folder: RuleFolder, rulebook: Rulebook) -> Iterator[Diagnostic]:
    for product in folder.products:
        report = Report()
        plan = _read(product.plan, report)
        desk = _read(product.desk, report)
        for one in found_risks(rulebook.product(product.product), rulebook.policy):
            root = desk if one.of_desk else plan
            assert root is not None  # noqa: S101 - a file of a rulebook was read
            accept = f", or accept `{one.named}` in policy.yaml" if one.named else ""
            report.warning(one.code, place_of(root, *one.keys), one.message, f"{one.hint}{accept}")
        yield from report.diagnostics()


def _read(file: TextFile | None, report: Report) -> YamlNode | None:
    return None if file is None else yaml.read(file.path, file.text, report)


def _first_stages(plan: Plan) -> Iterator[FoundRisk]:
    challenger = plan.versions.challenger
    tracks: dict[tuple[str, ...], Stages] = {("go_live",): plan.go_live.stages}
    if challenger:
        tracks |= {("challenger",): challenger.stages}
    for keys, stages in tracks.items():
        share = stages.percent(stages.initial)
        if share > _LARGE_SHARE:
            message = f"`{keys[-1]}` begins at {share / 1000:g} %"
            hint = "begin at a stage of 10 % at most"
            where = (*keys, "initial_stage")
            yield FoundRisk("P214", where, message, hint=hint, named=PlanRisk.FIRST_STAGE)
    for index, segment in enumerate(plan.go_live.segments):
        condition = segment.condition
        always = not can_hold([(condition.tree, False)], condition.currency)
        if always and segment.percent > _LARGE_SHARE:
            message = (
                f"the segment `{segment.name}` takes all applicants, and "
                f"{segment.percent / 1000:g} % of them are decided at any stage"
            )
            place = ("go_live", "segments", index, "percent")
            yield FoundRisk("P215", place, message, hint="lower its share, or narrow its `when`")


def _fences(plan: Plan) -> Iterator[FoundRisk]:
    if not plan.guardrails:
        hint = "add ceilings on errors, referrals and missing data"
        message = "no guardrail watches this rollout"
        yield FoundRisk("P417", (), message, hint=hint, named=PlanRisk.NO_GUARDRAILS)
    for index, guardrail in enumerate(plan.guardrails):
        test = guardrail.ceiling
        if test is not None and guardrail.metric.is_rate and test.maximum >= _HARDLY_TRIPS:
            message = f"guardrail `{guardrail.name}` hardly ever trips: `max` is {test.maximum}"
            yield FoundRisk("P418", ("guardrails", index, "max"), message, hint="0.40 is 40 %")
    if not plan.product_caps:
        hint = "add `caps` with `amount_per_day` or `approvals_per_day`"
        message = "nothing bounds what a day approves"
        yield FoundRisk("P318", (), message, hint=hint, named=PlanRisk.NO_CAPS)


def _authority(product: Product) -> Iterator[FoundRisk]:
    """One person's authority above all that may be asked for: a second one is never needed."""
    review = product.plan.review
    asked = product.champion.inputs.get("requested_amount")
    if review and review.authority and asked and asked.upper is not None:
        one = review.authority.review
        if one >= asked.upper:
            message = f"one person may grant {one:f}, and no more than {asked.upper:f} is asked for"
            hint = "leave the greater amounts to `review_second`"
            yield FoundRisk("P328", ("review",), message, hint=hint, of_desk=True)


def _check_tags(desk: YamlNode | None, deciding: Sequence[CompiledRuleset], report: Report) -> None:
    known = sorted({tag for ruleset in deciding for tag in ruleset.tags})
    for node in _nodes(_value(desk, "queues")):
        for tag in _nodes(_value(node, "when", "tags")):
            if isinstance(tag, Scalar) and tag.text not in known:
                versions = " and ".join(f"v{one.version}" for one in deciding)
                message = f"no rule of {versions} has the tag `{tag.text}`"
                report.error("P316", tag.place, message, did_you_mean(tag.text, known))


def _value(node: YamlNode | None, *keys: str) -> YamlNode | None:
    for key in keys:
        node = node.get(key) if isinstance(node, MapNode) else None
    return node


def _nodes(node: YamlNode | None) -> Sequence[YamlNode]:
    return node.items if isinstance(node, ListNode) else ()


def _check_segments(plan: Plan, nodes: Sequence[YamlNode], report: Report) -> None:
    segments = plan.go_live.segments
    for index, (segment, node) in enumerate(zip(segments, nodes, strict=False)):
        why = _why_empty(segment, segments[:index])
        if why:
            message = f"no applicant is ever in the segment `{segment.name}`: {why}"
            place = place_of(node, "when")
            report.warning("P213", place, message, "change its `when`, or remove it")


def _why_empty(segment: Segment, earlier: Sequence[Segment]) -> str:
    condition = segment.condition
    if not can_hold([(condition.tree, True)], condition.currency):
        return f"`{condition.text}` never holds"
    first = next((one for one in earlier if _takes_all(one.condition, condition)), None)
    return "" if first is None else f"`{first.name}` takes them before it"


def _takes_all(earlier: Formula, later: Formula) -> bool:
    """Whether whoever meets the later condition meets the earlier one, too."""
    # An input that was not sent makes the earlier condition match nobody, and the later one may.
    needed = all(isinstance(node, _PLAIN) for node in tree.walk(later.tree))
    if not needed or not set(earlier.names) <= set(later.names):
        return False
    claims = [(earlier.tree, False), (later.tree, True)]
    return not can_hold(claims, later.currency)
