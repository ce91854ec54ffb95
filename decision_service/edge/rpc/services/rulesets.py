"""The RulesetService: the rules in force, their checks and dry runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.domain.decision import RulesetRef
from decision_service.domain.errors import StoreError
from decision_service.domain.factor import Value
from decision_service.domain.missing import Cause
from decision_service.edge.rpc.context import RpcContext
from decision_service.edge.rpc.mapping.decisions.decision import ref_message
from decision_service.edge.rpc.mapping.decisions.full_view import add_full_view
from decision_service.edge.rpc.mapping.decisions.requests import inputs_from, read_value
from decision_service.edge.rpc.mapping.decisions.verdict import verdict_fields
from decision_service.edge.rpc.mapping.problems import Problems, check_product
from decision_service.edge.rpc.mapping.ruleset import (
    MOST_CHANGES,
    list_change_messages,
    list_message,
    problem_message,
    publication_message,
    ruleset_message,
)
from decision_service.edge.rpc.mapping.values import timestamp
from decision_service.edge.rpc.services.methods import Methods, unary
from decision_service.pipeline.decide.decide import ANSWER_MARGIN
from decision_service.pipeline.operations.replica_check import ReplicaCheck
from decision_service.pipeline.ports import Clock, DecisionLog
from decision_service.pipeline.rules.active import ActiveRules
from decision_service.pipeline.rules.list_changes import ListChanges, newest_list_changes
from decision_service.pipeline.rules.texts import files_from_body
from decision_service.pipeline.trial.dry_run import (
    DryRunRequest,
    TryRules,
    ValidateRules,
    ordered,
)

SERVICE = "decision_service.api.v1.RulesetService"


class RulesetUseCases(msgspec.Struct, frozen=True):
    """What the servicer translates for."""

    active_rules: ActiveRules
    try_rules: TryRules
    validate: ValidateRules
    log: DecisionLog
    clock: Clock
    replica_check: ReplicaCheck


class RulesetServicer:
    """Translates between the wire and the rules."""

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
            list_changes=list_change_messages(await self._list_changes(), request.product),
            published=publication_message(status.rulebook.published),
        )

    async def _list_changes(self) -> Sequence[ListChanges]:
        """The journal of lists; empty while the store fails, since the rules are told without."""
        try:
            return await newest_list_changes(self._use_cases.log, MOST_CHANGES)
        except StoreError:
            return ()

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
        problems = Problems()
        check_product(problems, request.product)
        problems.raise_if_any()
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
        told = tried.verdict.withheld_tags, tried.answers
        add_full_view(message, tried.inputs, tried.factors, tried.traces, *told)
        return rules_pb.EvaluateRulesetResponse(decision=message)


def methods(servicer: RulesetServicer) -> Methods:
    """The service's methods."""
    return {
        "ListRulesets": unary(servicer.list_rulesets, rules_pb.ListRulesetsRequest),
        "GetRuleset": unary(servicer.get_ruleset, rules_pb.GetRulesetRequest),
        "ValidateRuleset": unary(servicer.validate_ruleset, rules_pb.ValidateRulesetRequest),
        "EvaluateRuleset": unary(servicer.evaluate_ruleset, rules_pb.EvaluateRulesetRequest),
    }


def _trial(request: rules_pb.EvaluateRulesetRequest) -> DryRunRequest:
    problems = Problems()
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
    problems.raise_if_any()
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
