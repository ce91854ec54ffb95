"""The RulesetService: the rules in force, their checks and dry runs, with their messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.decide.decide import ANSWER_MARGIN
from decision_service.decide.dry_run import DryRunRequest, TryRules, ValidateRules, ordered
from decision_service.decide.replica_check import ReplicaCheck
from decision_service.domain.decision import RulesetRef
from decision_service.domain.errors import StoreError
from decision_service.domain.factor import Value
from decision_service.domain.missing import Cause
from decision_service.domain.ports import Clock, DecisionLog
from decision_service.rulebook.acceptance import ListChanges, newest_list_changes
from decision_service.rulebook.archive import files_from_body
from decision_service.rulebook.manifest import Publication
from decision_service.rulebook.rulebook import ActiveRules, ActiveRulesStatus, Product
from decision_service.rules.language.diagnostics import Diagnostic, Severity, render
from decision_service.rules.program import CompiledRuleset, InputSpec, KeyList
from decision_service.server.context import RpcContext
from decision_service.server.decision_views import add_full_view, ref_message, verdict_fields
from decision_service.server.decisions import inputs_from, read_value
from decision_service.server.wire import (
    Problems,
    check_product,
    decimal_text,
    optional_time,
    same,
    timestamp,
)

SERVICE = rules_pb.DESCRIPTOR.services_by_name["RulesetService"]
MOST_CHANGES = 50
"""How many changes of lists are shown."""


def ruleset_message(
    product: Product, ruleset: CompiledRuleset, status: ActiveRulesStatus
) -> rules_pb.Ruleset:
    return rules_pb.Ruleset(
        ref=ref_message(RulesetRef(ruleset.ruleset, ruleset.version, ruleset.digest)),
        **same(ruleset, "title", "currency"),
        time_zone=str(ruleset.zone),
        loaded_time=optional_time(status.since.get(ruleset.digest)),
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
        **same(spec, "name", "type", "required"),
        min="" if spec.lower is None else decimal_text(spec.lower),
        max="" if spec.upper is None else decimal_text(spec.upper),
        one_of=spec.labels,
    )


def list_message(product: Product, keys: KeyList) -> rules_pb.KeyList:
    return rules_pb.KeyList(
        product=product.name,
        **same(keys, "name", "digest"),
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
            digest_before=change.before,
            digest_after=change.after,
            **same(change, "path", "keys", "added", "removed"),
        )
        for entry in entries
        for change in entry.changes
        if change.path.startswith(of)
    ]
    return found[:MOST_CHANGES]


def problem_message(diagnostic: Diagnostic) -> rules_pb.Problem:
    return rules_pb.Problem(
        **same(diagnostic, "code", "file", "line", "column", "message", "hint"),
        error=diagnostic.severity is Severity.ERROR,
        rendered=render(diagnostic),
    )


def publication_message(published: Publication | None) -> rules_pb.RulesPublication | None:
    """Who published the rules, with whose signatures; None where they were not published."""
    if published is None:
        return None
    proposed, approved = published.proposed_by, published.approved_by
    return rules_pb.RulesPublication(
        **same(published, "digest", "ticket"),
        publish_time=timestamp(datetime.fromisoformat(published.at)),
        published_by=published.by,
        proposed_by="" if proposed is None else proposed.name,
        approved_by="" if approved is None else approved.name,
        impact_digest=published.evidence.get("impact", ""),
        proofs_digest=published.evidence.get("proofs", ""),
    )


class RulesetUseCases(msgspec.Struct, frozen=True):
    active_rules: ActiveRules
    try_rules: TryRules
    validate: ValidateRules
    log: DecisionLog
    clock: Clock
    replica_check: ReplicaCheck


class RulesetServicer:
    def __init__(self, use_cases: RulesetUseCases) -> None:
        self._use_cases = use_cases

    async def list_rulesets(
        self, request: rules_pb.ListRulesetsRequest, context: RpcContext
    ) -> rules_pb.ListRulesetsResponse:
        """Every loaded version, and what the last reading of the folder found."""
        del context
        status = self._use_cases.active_rules.status
        products = status.rulebook.products
        if request.product:
            products = {request.product: status.rulebook.product(request.product)}
        try:
            changes = await newest_list_changes(self._use_cases.log, MOST_CHANGES)
        except StoreError:  # the rules are shown without
            changes = ()
        return rules_pb.ListRulesetsResponse(
            rulesets=[
                ruleset_message(product, product.versions[version], status)
                for _, product in sorted(products.items())
                for version in sorted(product.versions)
            ],
            read_time=timestamp(status.read),
            refused=[problem_message(diagnostic) for diagnostic in ordered(status.refused)],
            in_force=[
                rules_pb.RulesInForce(digest=one.digest, processes=one.processes, here=one.here)
                for one in self._use_cases.replica_check.in_force
            ],
            lists=[list_message(p, one) for _, p in sorted(products.items()) for one in p.lists],
            list_changes=list_change_messages(changes, request.product),
            published=publication_message(status.rulebook.published),
        )

    async def get_ruleset(
        self, request: rules_pb.GetRulesetRequest, context: RpcContext
    ) -> rules_pb.GetRulesetResponse:
        """One version with its source."""
        del context
        status = self._use_cases.active_rules.status
        product = status.rulebook.product(request.product)
        ruleset = product.version(request.version)
        message = ruleset_message(product, ruleset, status)
        text = await self._use_cases.log.text(ruleset.digest)
        message.source = files_from_body(text.body).text if text else ""
        return rules_pb.GetRulesetResponse(ruleset=message)

    async def validate_ruleset(
        self, request: rules_pb.ValidateRulesetRequest, context: RpcContext
    ) -> rules_pb.ValidateRulesetResponse:
        """Everything that is wrong with a text."""
        del context
        with Problems() as problems:
            check_product(problems, request.product)
        compilation = await self._use_cases.validate(request.product, request.source)
        return rules_pb.ValidateRulesetResponse(
            problems=[
                problem_message(diagnostic) for diagnostic in ordered(compilation.diagnostics)
            ],
            digest=compilation.ruleset.digest if compilation.ruleset else "",
        )

    async def evaluate_ruleset(
        self, request: rules_pb.EvaluateRulesetRequest, context: RpcContext
    ) -> rules_pb.EvaluateRulesetResponse:
        """A dry run, in FULL view."""
        info = context.info
        stop_at = self._use_cases.clock.monotonic() + info.seconds - ANSWER_MARGIN
        tried = await self._use_cases.try_rules(_trial(request), stop_at)
        ruleset = tried.ruleset
        message = pb.Decision(
            user_id=request.user_id,
            product=request.product,
            ruleset_ref=ref_message(RulesetRef(ruleset.ruleset, ruleset.version, ruleset.digest)),
            as_of_date=tried.as_of.date.isoformat(),
            **verdict_fields(tried.verdict, info.languages),
        )
        withheld = tried.verdict.withheld_tags
        add_full_view(message, tried.inputs, tried.factors, tried.traces, withheld, tried.answers)
        return rules_pb.EvaluateRulesetResponse(decision=message)


def _trial(request: rules_pb.EvaluateRulesetRequest) -> DryRunRequest:
    with Problems() as problems:
        check_product(problems, request.product)
        if request.user_id and (request.factors or request.missing or request.as_of_date):
            problems.add("user_id", "cannot be sent with factors, missing or as_of_date")
        factors: dict[str, Value] = {}
        for name, message in request.factors.items():
            factors.update(read_value(f"factors.{name}", message, problems))
        as_of = None
        if request.as_of_date:
            as_of = problems.date("as_of_date", request.as_of_date)
        missing = dict(_causes(request, problems))
        inputs = inputs_from(request, problems)
    return DryRunRequest(
        product=request.product,
        version=request.version,
        user_id=request.user_id,
        factors=factors,
        missing=missing,
        as_of=as_of,
        inputs=inputs,
    )


def _causes(
    request: rules_pb.EvaluateRulesetRequest, problems: Problems
) -> Iterator[tuple[str, Cause]]:
    for name, cause in request.missing.items():
        if cause in Cause.__members__:
            yield name, Cause(cause)
        else:
            problems.add(f"missing.{name}", f"must be one of {', '.join(Cause)}")
