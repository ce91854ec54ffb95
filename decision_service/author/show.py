"""How a case comes out, as a tree that a case worker can read: `rules test --show`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import asdict
from rich.markup import escape
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.cli.output import (
    message_dict,
)
from decision_service.cli.views import (
    RuleView,
    add_rule,
    add_stage,
    add_verdict,
    comparison_text,
    styled_outcome,
)
from decision_service.domain.decision import RuleTrace, StageTrace, Verdict
from decision_service.rules.evaluate import Facts, evaluate, traces
from decision_service.rules.program import CompiledRuleset
from decision_service.server.services.decisions import verdict_fields


@dataclass(frozen=True, slots=True)
class Explanation:
    ruleset: CompiledRuleset
    facts: Facts
    verdict: Verdict
    stages: tuple[StageTrace, ...]

    @classmethod
    def of(cls, ruleset: CompiledRuleset, facts: Facts) -> Explanation:
        verdict = evaluate(ruleset, facts)
        return cls(ruleset, facts, verdict, traces(ruleset, verdict))


def _message(explained: Explanation) -> pb.Decision:
    verdict = explained.verdict
    return pb.Decision(**verdict_fields(verdict, ("en",)), withheld_tags=verdict.withheld_tags)


def explanation_tree(explained: Explanation) -> Tree:
    message = _message(explained)
    as_of = explained.facts.as_of
    ruleset = explained.ruleset
    name = f"{ruleset.ruleset} v{ruleset.version} {ruleset.digest[:12]}"
    headline = escape(f"{name} · as of {as_of.date} ({as_of.zone})")
    tree = Tree(f"{styled_outcome(message)} · {headline}", guide_style="dim")
    add_verdict(tree, message)
    for stage in explained.stages:
        branch = add_stage(
            tree, stage.name, stage.component, concluded=stage.concluded or "", note=stage.note
        )
        for rule in stage.rules:
            add_rule(branch, stage.name, stage.component, rule=_shown(rule))
    return tree


def _shown(rule: RuleTrace) -> RuleView:
    return RuleView(rule.id, rule.truth, rule.effect, reason=rule.reason, lines=tuple(_lines(rule)))


def _lines(rule: RuleTrace) -> Iterable[str]:
    for one in rule.comparisons:
        if one.right == "-":
            continue
        yield comparison_text(
            one.left, one.actual, one.operator, right=one.right, required=one.required
        )
    if rule.note:
        yield rule.note


def explanation_dict(explained: Explanation) -> dict[str, Any]:
    return {
        "ruleset": explained.ruleset.ruleset,
        "version": explained.ruleset.version,
        "digest": explained.ruleset.digest,
        "as_of": explained.facts.as_of.date.isoformat(),
        **message_dict(_message(explained)),
        "stages": [_stage_dict(stage) for stage in explained.stages],
    }


def _stage_dict(stage: StageTrace) -> dict[str, Any]:
    fields = {key: getattr(stage, key) for key in ("name", "component", "concluded", "note")}
    return fields | {"rules": [_rule_dict(rule) for rule in stage.rules]}


def _rule_dict(rule: RuleTrace) -> dict[str, Any]:
    fields = {key: getattr(rule, key) for key in ("id", "truth", "effect", "reason", "note")}
    return fields | {"comparisons": [asdict(one) for one in rule.comparisons]}
