"""Rulesets and the problems of rule files, as clients read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.domain.decision import RulesetRef
from decision_service.edge.rpc.mapping.decisions.decision import ref_message
from decision_service.edge.rpc.mapping.values import decimal_text, timestamp
from decision_service.language.diagnostics import Diagnostic, Severity, render
from decision_service.pipeline.rules.active import ActiveRulesStatus
from decision_service.pipeline.rules.list_changes import ListChanges
from decision_service.pipeline.rules.publishing.manifest import Publication
from decision_service.pipeline.rules.rulebook import Product
from decision_service.ruleset.program.lists import KeyList
from decision_service.ruleset.program.model import CompiledRuleset, InputSpec

MOST_CHANGES = 50
"""How many changes of lists are told."""


def ruleset_message(
    product: Product, ruleset: CompiledRuleset, status: ActiveRulesStatus
) -> rules_pb.Ruleset:
    """One version of a product's rules, without its source."""
    since = status.since.get(ruleset.digest)
    return rules_pb.Ruleset(
        ref=ref_message(RulesetRef(ruleset.ruleset, ruleset.version, ruleset.digest)),
        title=ruleset.title,
        currency=ruleset.currency,
        time_zone=str(ruleset.zone),
        loaded_time=None if since is None else timestamp(since),
        role=_role(product, ruleset.version),
        inputs=[_input(spec) for spec in ruleset.inputs.values()],
        factors=ruleset.needs.factors,
    )


def _role(product: Product, version: int) -> str:
    versions = product.plan.versions
    if version == versions.champion:
        return "champion"
    if versions.challenger is not None and version == versions.challenger.version:
        return "challenger"
    return "shadow" if any(s.version == version for s in versions.shadow) else ""


def _input(spec: InputSpec) -> rules_pb.RulesetInput:
    return rules_pb.RulesetInput(
        name=spec.name,
        type=spec.type.value,
        required=spec.required,
        min="" if spec.lower is None else decimal_text(spec.lower),
        max="" if spec.upper is None else decimal_text(spec.upper),
        one_of=spec.labels,
    )


def list_message(product: Product, keys: KeyList) -> rules_pb.KeyList:
    """A list that a product's rules ask."""
    return rules_pb.KeyList(
        product=product.name,
        name=keys.name,
        digest=keys.digest,
        keys=len(keys.keys),
        hashed=bool(keys.salt),
    )


def list_change_messages(entries: Sequence[ListChanges], product: str) -> list[rules_pb.ListChange]:
    """Changes of lists, the newest first: those of a product and of all, or every one."""
    of = (f"{product}/", "_shared/") if product else ("",)
    found = [
        rules_pb.ListChange(
            time=timestamp(entry.at),
            published_by=entry.by,
            path=change.path,
            digest_before=change.before,
            digest_after=change.after,
            keys=change.keys,
            added=change.added,
            removed=change.removed,
        )
        for entry in entries
        for change in entry.changes
        if change.path.startswith(of)
    ]
    return found[:MOST_CHANGES]


def problem_message(diagnostic: Diagnostic) -> rules_pb.Problem:
    """A located problem as clients read it."""
    return rules_pb.Problem(
        code=diagnostic.code,
        error=diagnostic.severity is Severity.ERROR,
        file=diagnostic.file,
        line=diagnostic.line,
        column=diagnostic.column,
        message=diagnostic.message,
        hint=diagnostic.hint,
        rendered=render(diagnostic),
    )


def publication_message(published: Publication | None) -> rules_pb.RulesPublication | None:
    """Who published the rules, with whose signatures; None where nobody did."""
    if published is None:
        return None
    proposed, approved = published.proposed_by, published.approved_by
    return rules_pb.RulesPublication(
        digest=published.digest,
        publish_time=timestamp(datetime.fromisoformat(published.at)),
        published_by=published.by,
        proposed_by="" if proposed is None else proposed.name,
        approved_by="" if approved is None else approved.name,
        ticket=published.ticket,
        impact_digest=published.evidence.get("impact", ""),
        proofs_digest=published.evidence.get("proofs", ""),
    )
