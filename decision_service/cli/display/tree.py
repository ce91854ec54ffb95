"""One decision in full, as a tree that a case worker can read from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich.markup import escape
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.cli.display.factors import add_factors
from decision_service.cli.display.recourse import add_recourse
from decision_service.cli.display.reviews import chain_lines
from decision_service.cli.display.stages import RuleView, add_rule, add_stage, comparison_text
from decision_service.cli.display.text import (
    cause_text,
    money_text,
    outcome_text,
    override_text,
    reason_text,
)
from decision_service.edge.rpc.mapping.enums import enum_name

_COLOURS = {
    pb.OUTCOME_APPROVE: "green",
    pb.OUTCOME_REFER: "yellow",
    pb.OUTCOME_DECLINE: "red",
    pb.OUTCOME_NOT_ENROLLED: "cyan",
}


def outcome_style(decision: pb.Decision) -> str:
    """The style of an outcome: bold, in its colour."""
    return f"bold {_COLOURS.get(decision.outcome, 'white')}"


def styled_outcome(decision: pb.Decision) -> str:
    """The outcome in its colour (rich markup)."""
    return f"[{outcome_style(decision)}]{outcome_text(decision)}[/]"


def decision_tree(decision: pb.Decision, title: str = "", most_factors: int = 0) -> Tree:
    """The decision with all that its view holds, or with the heaviest factors alone."""
    tree = Tree(_headline(decision, title), guide_style="dim")
    add_verdict(tree, decision)
    add_recourse(tree, decision)
    _add_stages(tree, decision)
    add_factors(tree, decision, most_factors)
    tree.add(escape(_provenance(decision)))
    _add_review(tree, decision)
    return tree


def _add_review(tree: Tree, decision: pb.Decision) -> None:
    """The chain: which decision came first, the reviews, and what stands."""
    if decision.first_decision_id:
        tree.add(f"decided again after {decision.first_decision_id}")
    if not decision.HasField("review"):
        return
    head, *lines = chain_lines(decision.review)
    branch = tree.add(escape(head))
    for line in lines:
        branch.add(escape(line))


def add_verdict(tree: Tree, decision: pb.Decision) -> None:
    """Why, what data is needed, and what is offered."""
    if decision.HasField("override"):
        _add_override(tree, decision.override)
    for reason in decision.reasons:
        tree.add(f"[bold]{escape(reason.code)}[/] {escape(reason_text(reason))}")
    for request in decision.data_requests:
        what = f"{request.factor}: {cause_text(request.cause)}"
        tree.add(f"data needed · {escape(what)}").add(escape(request.help))
    if decision.HasField("connect"):
        types = escape(", ".join(decision.connect.provider_types))
        tree.add(f"connect · an account of the type {types} would complete it")
    _add_offer(tree, decision)
    if decision.tags:
        tree.add(f"tags · {escape(', '.join(decision.tags))}")
    if decision.withheld_tags:
        tree.add(f"tags told to nobody · {escape(', '.join(decision.withheld_tags))}")


def _add_override(tree: Tree, override: pb.Override) -> None:
    branch = tree.add(f"[bold]{override.kind}[/] {escape(override_text(override))}")
    for reason in override.reasons:
        branch.add(f"[bold]{escape(reason.code)}[/] {escape(reason_text(reason))}")


def _headline(decision: pb.Decision, title: str) -> str:
    words = [decision.decision_id, f"as of {decision.as_of_date}", *_arm_text(decision)]
    head = f"{escape(title)}: " if title else ""
    return f"{head}{styled_outcome(decision)} · {escape(' · '.join(words))}"


def _arm_text(decision: pb.Decision) -> Iterator[str]:
    assignment = decision.assignment
    if assignment.arm:
        yield f"{assignment.arm} v{decision.ruleset_ref.version}"
    place = assignment.enrolment_reason.lower().replace("_", " ")
    slot = f", slot {assignment.enrolment_slot:,}" if assignment.HasField("enrolment_slot") else ""
    yield f"{place} {assignment.stage}{slot}"


def _add_offer(tree: Tree, decision: pb.Decision) -> None:
    if not decision.HasField("offer"):
        return
    offer = decision.offer
    words = [money_text(offer.approved_amount), f"{offer.term_months} months"]
    if offer.monthly_rate:
        words.append(f"{offer.monthly_rate} a month")
    if offer.binding:
        words.append(f"limited by {offer.binding}")
    if offer.term_binding:
        words.append(f"term by {offer.term_binding}")
    branch = tree.add(f"offer · {escape(' · '.join(words))}")
    for condition in decision.conditions:
        branch.add(escape(f"{condition.id}: {condition.text}"))


def _add_stages(tree: Tree, decision: pb.Decision) -> None:
    for (stage, component, outcome), rules in groupby(
        decision.rule_traces, key=lambda t: (t.stage, t.component, t.stage_outcome)
    ):
        kind = enum_name(pb.Component.DESCRIPTOR, component)
        concluded = enum_name(pb.Outcome.DESCRIPTOR, outcome) if outcome else ""
        branch = add_stage(tree, stage, kind, concluded)
        for rule in rules:
            add_rule(branch, stage, kind, _shown(rule))


def _shown(rule: pb.RuleTrace) -> RuleView:
    seen = [
        comparison_text(c.left, c.actual, c.operator, c.right, c.required) for c in rule.comparisons
    ]
    truth = enum_name(pb.Truth.DESCRIPTOR, rule.truth)
    lines = (*seen, rule.note) if rule.note else seen
    return RuleView(rule.rule, truth, rule.effect, rule.reason, lines)


def _provenance(decision: pb.Decision) -> str:
    quality = decision.data_quality
    words = [f"{quality.upstream_calls} upstream calls"]
    if decision.HasField("ruleset_ref"):
        ref = decision.ruleset_ref
        words.append(f"{ref.ruleset} v{ref.version} {ref.digest[:12]}")
    if quality.snapshot_id:
        words.append(quality.snapshot_id)
    if decision.HasField("expire_time"):
        words.append(f"valid until {decision.expire_time.ToDatetime():%Y-%m-%d %H:%M} UTC")
    return " · ".join(words)
