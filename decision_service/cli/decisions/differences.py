"""What a replay changed in a decision, as it was and as it comes out now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.table import Table

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.cli.display.output import table
from decision_service.cli.display.text import (
    cause_text,
    money_text,
    outcome_text,
    override_text,
    value_text,
)
from decision_service.edge.rpc.mapping.enums import enum_name

NONE = "–"


def difference_table(was: pb.Decision, now: pb.Decision) -> Table:
    """Each part that differs with both its values: outcome, reasons, offer, rules, factors."""
    rows = table("what differs", "was", "now")
    for what, before, after in differences(was, now):
        rows.add_row(what, before, after)
    return rows


def differences(was: pb.Decision, now: pb.Decision) -> Iterator[tuple[str, str, str]]:
    """The parts that differ, the outcome first; `–` stands for what is not there."""
    before, after = dict(_parts(was)), dict(_parts(now))
    for what in dict.fromkeys((*before, *after)):
        values = before.get(what, NONE), after.get(what, NONE)
        if values[0] != values[1]:
            yield what, *values


def _parts(decision: pb.Decision) -> Iterator[tuple[str, str]]:
    yield "outcome", outcome_text(decision)
    if decision.HasField("override"):
        yield "override", override_text(decision.override)
    yield "reasons", _listed(reason.code for reason in decision.reasons)
    for score in decision.scores:
        yield f"score {score.scorecard}", f"{score.score} {score.band}"
    if decision.HasField("offer"):
        yield from _of_offer(decision.offer)
    yield "conditions", _listed(condition.id for condition in decision.conditions)
    yield "tags", _listed([*decision.tags, *decision.withheld_tags])
    yield "data needed", _listed(request.factor for request in decision.data_requests)
    for rule in decision.rule_traces:
        yield f"rule {rule.stage}.{rule.rule}", _rule(rule)
    for factor in decision.factor_values:
        yield factor.name, _factor(factor)


def _of_offer(offer: pb.Offer) -> Iterator[tuple[str, str]]:
    yield "offer approved_amount", money_text(offer.approved_amount)
    if offer.HasField("max_amount"):
        yield "offer max_amount", money_text(offer.max_amount)
    for name in ("term_months", "monthly_rate", "tier", "binding", "term_binding"):
        yield f"offer {name}", str(getattr(offer, name) or NONE)
    for name, value in sorted(offer.outputs.items()):
        yield f"offer {name}", value_text(value)


def _rule(rule: pb.RuleTrace) -> str:
    truth = enum_name(pb.Truth.DESCRIPTOR, rule.truth).lower()
    return f"{truth} → {rule.effect}" if rule.effect else truth


def _factor(factor: pb.FactorValue) -> str:
    if factor.missing:
        return f"missing: {'; '.join(cause_text(cause) for cause in factor.missing)}"
    return value_text(factor.value)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or NONE
