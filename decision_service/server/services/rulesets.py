"""The RulesetService: the rules in force, their checks and dry runs, with their messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.decide.decide import ANSWER_MARGIN
from decision_service.decide.dry_run import DryRunRequest, TryRules, ValidateRules, ordered
from decision_service.domain.errors import StoreError
from decision_service.domain.factor import Value
from decision_service.domain.ports import Clock, DecisionLog
from decision_service.domain.values import Cause
from decision_service.rulebook.acceptance import ListChanges, newest_list_changes
from decision_service.rulebook.archive import files_from_body
from decision_service.rulebook.replica_check import ReplicaCheck
from decision_service.rulebook.rulebook import ActiveRules, ActiveRulesStatus, Product
from decision_service.rules.evaluate import BUILT_IN
from decision_service.rules.language.diagnostics import Diagnostic, Severity, render
from decision_service.rules.program import CompiledRuleset, InputSpec, KeyList, ReasonSpec
from decision_service.server.services.decisions import (
    DECISIONS,
    full_fields,
    inputs_from,
    read_value,
    verdict_fields,
)
from decision_service.server.services.releases import ReleaseCalls
from decision_service.server.transport.context import RpcContext
from decision_service.server.transport.wire import Fields, Mapper, Problems, check_product

SERVICE = rules_pb.DESCRIPTOR.services_by_name["RulesetService"]
MOST_CHANGES = 50
"""How many changes of lists are shown."""


def _days(spec: InputSpec) -> int:
    return spec.max_age or 0


def _count(keys: KeyList) -> int:
    return len(keys.keys)


def _reasons(ruleset: CompiledRuleset) -> Sequence[ReasonSpec]:
    declared = {**BUILT_IN, **ruleset.reasons}
    return [spec for _, spec in sorted(declared.items())]


def _is_error(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity is Severity.ERROR


RULESETS = Mapper(
    {
        rules_pb.Ruleset: {
            "ref": lambda ruleset: ruleset,
            "time_zone": lambda ruleset: str(ruleset.zone),
            "loaded_time": None,
            "role": None,
            "inputs": lambda ruleset: ruleset.inputs.values(),
            "factors": "needs.factors",
            "source": None,
            "reasons": _reasons,
        },
        rules_pb.RulesetReason: {"text": lambda spec: spec.texts["en"]},
        rules_pb.RulesetInput: {
            "min": "lower",
            "max": "upper",
            "one_of": "labels",
            "max_age_days": _days,
        },
        rules_pb.KeyList: {
            "product": None,
            "keys": _count,
            "hashed": lambda keys: bool(keys.salt),
        },
        rules_pb.ListChange: {
            "time": None,
            "published_by": None,
            "digest_before": "before",
            "digest_after": "after",
        },
        rules_pb.Problem: {
            "error": _is_error,
            "rendered": render,
        },
    }
)


def ruleset_fields(product: Product, ruleset: CompiledRuleset, status: ActiveRulesStatus) -> Fields:
    return RULESETS.fields(
        rules_pb.Ruleset,
        ruleset,
        loaded_time=status.since.get(ruleset.digest),
        role=product.roles.get(ruleset.version, ""),
    )


def list_change_fields(entries: Sequence[ListChanges], product: str) -> list[Fields]:
    """Changes of lists, the newest first: those of a product and of all, or every one."""
    of = (f"{product}/", "_shared/") if product else ("",)
    found = [
        RULESETS.fields(rules_pb.ListChange, change, time=entry.at, published_by=entry.by)
        for entry in entries
        for change in entry.changes
        if change.path.startswith(of)
    ]
    return found[:MOST_CHANGES]


class RulesetServicer(msgspec.Struct, frozen=True):
    active_rules: ActiveRules
    try_rules: TryRules
    validate: ValidateRules
    log: DecisionLog
    clock: Clock
    replica_check: ReplicaCheck
    releases: ReleaseCalls

    async def list_rulesets(
        self, request: rules_pb.ListRulesetsRequest, _: RpcContext
    ) -> rules_pb.ListRulesetsResponse:
        status = self.active_rules.status
        products = status.rulebook.products
        if request.product:
            products = {request.product: status.rulebook.product(request.product)}
        try:
            changes = await newest_list_changes(self.log, MOST_CHANGES)
            release = await self.releases.in_force()
        except StoreError:  # the rules are shown without
            changes = ()
            release = None
        return RULESETS.message(
            rules_pb.ListRulesetsResponse,
            rulesets=[
                ruleset_fields(product, product.versions[version], status)
                for _, product in sorted(products.items())
                for version in sorted(product.versions)
            ],
            read_time=status.read,
            refused=ordered(status.refused),
            in_force=self.replica_check.in_force,
            lists=[
                RULESETS.fields(rules_pb.KeyList, keys, product=product.name)
                for _, product in sorted(products.items())
                for keys in product.lists
            ],
            list_changes=list_change_fields(changes, request.product),
            release=release,
        )

    async def list_releases(
        self, request: rules_pb.ListReleasesRequest, _: RpcContext
    ) -> rules_pb.ListReleasesResponse:
        Problems(request).raise_if_any()
        return await self.releases.list(request)

    async def get_release(
        self, request: rules_pb.GetReleaseRequest, _: RpcContext
    ) -> rules_pb.GetReleaseResponse:
        return await self.releases.get(request)

    async def confirm_release(
        self, request: rules_pb.ConfirmReleaseRequest, context: RpcContext
    ) -> rules_pb.ConfirmReleaseResponse:
        return await self.releases.confirm(request, context)

    async def decline_release(
        self, request: rules_pb.DeclineReleaseRequest, context: RpcContext
    ) -> rules_pb.DeclineReleaseResponse:
        return await self.releases.decline(request, context)

    async def revert_release(
        self, request: rules_pb.RevertReleaseRequest, context: RpcContext
    ) -> rules_pb.RevertReleaseResponse:
        return await self.releases.revert(request, context)

    async def get_ruleset(
        self, request: rules_pb.GetRulesetRequest, _: RpcContext
    ) -> rules_pb.GetRulesetResponse:
        status = self.active_rules.status
        product = status.rulebook.product(request.product)
        ruleset = product.version(request.version)
        fields = ruleset_fields(product, ruleset, status)
        text = await self.log.text(ruleset.digest)
        fields["source"] = files_from_body(text.body).text if text else ""
        return rules_pb.GetRulesetResponse(ruleset=fields)

    async def validate_ruleset(
        self, request: rules_pb.ValidateRulesetRequest, _: RpcContext
    ) -> rules_pb.ValidateRulesetResponse:
        with Problems() as problems:
            check_product(problems, request.product)
        compilation = await self.validate(request.product, request.source)
        return RULESETS.message(
            rules_pb.ValidateRulesetResponse,
            problems=ordered(compilation.diagnostics),
            digest=compilation.ruleset and compilation.ruleset.digest,
        )

    async def evaluate_ruleset(
        self, request: rules_pb.EvaluateRulesetRequest, context: RpcContext
    ) -> rules_pb.EvaluateRulesetResponse:
        info = context.info
        stop_at = self.clock.monotonic() + info.seconds - ANSWER_MARGIN
        tried = await self.try_rules(_trial(request), stop_at)
        fields = DECISIONS.fields(
            pb.Decision,
            user_id=request.user_id,
            product=request.product,
            ruleset_ref=tried.ruleset,
            as_of_date=tried.as_of.date,
        )
        fields |= verdict_fields(tried.verdict, info.languages)
        withheld = tried.verdict.withheld_tags
        fields |= full_fields(
            tried.inputs, tried.factors, tried.traces, withheld_tags=withheld, answers=tried.answers
        )
        return rules_pb.EvaluateRulesetResponse(decision=fields)


def _trial(request: rules_pb.EvaluateRulesetRequest) -> DryRunRequest:
    with Problems() as problems:
        check_product(problems, request.product)
        if request.user_id and (request.factors or request.missing or request.as_of_date):
            problems.add("user_id", "cannot be sent with factors, missing or as_of_date")
        factors: dict[str, Value] = {}
        for name, message in request.factors.items():
            if message.observed_on or message.consent_reference:
                field = f"factors.{name}.observed_on"
                problems.add(field, "is of inputs alone: leave it and consent_reference out")
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
