"""Rules: `when` a condition holds, `then` an outcome, with a `reason`.

Used as a stage's `rules:` and as `post_checks:`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from decision_service.domain.verdict import Component, Outcome
from decision_service.language.diagnostics import Place, did_you_mean
from decision_service.language.expressions.tree import Node, reads
from decision_service.language.types import FLAG, Symbol
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode as YamlNode
from decision_service.language.yaml.readers import as_list, as_scalar
from decision_service.ruleset.constructs.rules.model import Rule
from decision_service.ruleset.constructs.rules.run import Ready, RulesRunner
from decision_service.ruleset.program.part import Conclusive, Written
from decision_service.ruleset.reading.draft import RulesetDraft

REQUIRED = ("id", "when")
OF_OUTCOMES = ("reason", "reason_factor", "on_missing", "because", "missing_reason")
OPTIONAL = ("then", *OF_OUTCOMES, "tags")
ON_MISSING = ("REFER", "DECLINE", "SKIP")


class RulesPart(msgspec.Struct, frozen=True):
    """A list of rules whose reasons come from one component."""

    component: Component
    rules: tuple[Rule, ...]

    def written(self) -> Iterable[Written]:
        """The conditions."""
        whens = [(r, r.when) for r in self.rules if r.when is not None]
        return [Written(when, r.place, r.what, condition=True) for r, when in whens]

    def conclusive(self) -> Iterable[Conclusive]:
        """Each rule's outcome."""
        return [
            Conclusive(r.then, r.place, r.what, has_reason=bool(r.reason))
            for r in self.rules
            if r.then is not None
        ]

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        """Rules that skip or decline on missing data without saying why."""
        for rule in self.rules:
            if rule.on_missing is not Outcome.REFER and not rule.because:
                word = rule.on_missing or "SKIP"
                yield rule.place, f"{rule.what} has `on_missing: {word}` without `because`"

    def outputs(self) -> Sequence[Symbol]:
        """Nothing: rules conclude, and give no value."""
        return ()

    def runner(self) -> RulesRunner:
        """The conditions with what each concludes."""
        return RulesRunner(self.component, [Ready.of(r, self.component) for r in self.rules])


def read_rules(node: YamlNode, component: Component, draft: RulesetDraft) -> RulesPart:
    """The rules of a stage."""
    return _read(node, component, draft, ("APPROVE", "REFER", "DECLINE"))


def read_post_checks(node: YamlNode, component: Component, draft: RulesetDraft) -> RulesPart:
    """The rules that see the finished offer; they can only worsen the outcome."""
    return _read(node, component, draft, ("REFER", "DECLINE"))


def _read(
    node: YamlNode, component: Component, draft: RulesetDraft, outcomes: Sequence[str]
) -> RulesPart:
    items = as_list(node, "the rules", draft.report)
    rules = [_rule(item, draft, outcomes) for item in items]
    return RulesPart(component, tuple(rule for rule in rules if rule is not None))


def _rule(node: YamlNode, draft: RulesetDraft, outcomes: Sequence[str]) -> Rule | None:
    fields = Fields.of(node, "a rule", draft.report, required=REQUIRED, optional=OPTIONAL)
    if fields is None:
        return None
    id_ = fields.identifier("id")
    place = fields.place("id")
    if id_ is not None:
        draft.claim(id_, place, "rule")
    then = fields.choice("then", outcomes)
    _check_then(fields)
    on_missing = fields.choice("on_missing", ON_MISSING)
    when = draft.expression(fields.scalar("when"), FLAG)
    return Rule(
        id=id_ or "?",
        when=when,
        then=Outcome(then) if then else None,
        reason=draft.reason(fields, "reason") or "",
        reason_factor=_reason_factor(fields, when),
        on_missing=None if on_missing == "SKIP" else Outcome(on_missing or "REFER"),
        because=fields.text("because") or "",
        missing_reason=draft.reason(fields, "missing_reason") or "",
        tags=_tags(fields, draft),
        place=place,
    )


def _check_then(fields: Fields) -> None:
    """Without `then` a rule sets tags and concludes nothing, so that nothing needs a reason."""
    if fields.has("then"):
        return
    if not fields.has("tags"):
        hint = "add `then:` with an outcome, or `tags:` for a rule that concludes nothing"
        fields.report.error("R121", fields.node.place, "a rule has no `then`", hint)
        return
    for key in OF_OUTCOMES:
        if fields.has(key):
            message = f"the rule has `{key}` but no `then`, so that it concludes nothing"
            fields.report.error(
                "R121", fields.place(key), message, f"add `then:`, or remove `{key}`"
            )


def _tags(fields: Fields, draft: RulesetDraft) -> tuple[str, ...]:
    """The declared tags of a rule, each once."""
    draft.not_empty(fields, "tags")
    found: list[str] = []
    for item in fields.items("tags"):
        scalar = as_scalar(item, "a tag", draft.report)
        if scalar is None or not draft.use_tag(scalar):
            continue
        if scalar.text in found:
            draft.report.error("R124", scalar.place, f"the tag `{scalar.text}` is repeated")
        found.append(scalar.text)
    return tuple(dict.fromkeys(found))


def _reason_factor(fields: Fields, when: Node | None) -> str:
    """The name whose comparison the reason shows; it must stand in the condition."""
    scalar = fields.scalar("reason_factor")
    if scalar is None or when is None:
        return ""
    if not fields.has("reason"):
        message = "the rule has `reason_factor` but no `reason` that would show it"
        fields.report.error("R121", scalar.place, message, "add `reason:`, or remove it")
    names = [symbol.name for symbol in reads(when)]
    if scalar.text not in names:
        message = f"`reason_factor` is `{scalar.text}`, which `when` does not name"
        fields.report.error("R211", scalar.place, message, did_you_mean(scalar.text, names))
    return scalar.text
