"""Recorded decisions as a file of rule tests, without anything that tells whose they are."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.decisions.export.masking import Exported, Texts, amount_text
from decision_service.domain.missing import Cause, Missing
from decision_service.edge.rpc.mapping.enums import enum_name


def cases_head(exported: Exported) -> str:
    """The beginning of a file of tests for the version that made this decision."""
    ref = exported.decision.ruleset_ref
    lines = (
        "# yaml-language-server: $schema=../../_schema/tests.schema.json",
        f"ruleset: {ref.ruleset}",
        f"version: {ref.version}",
        "cases:",
    )
    return "\n".join(lines) + "\n"


def case(exported: Exported) -> str:
    """A case that expects what was decided; amounts, months and dates are kept.

    No id and no reference goes into it; a text that the rules do not know is replaced by `text-1`,
    the same text by the same word. Lists hold those that were on them then.
    """
    return "\n".join(_case(exported)) + "\n"


def _case(exported: Exported) -> Iterator[str]:
    decision, texts = exported.decision, exported.texts
    digest = decision.ruleset_ref.digest
    if exported.ruleset.ref.digest != digest:
        yield f"  # Decided under other rules of that number (digest {digest[:12]})."
    yield f"  - name: recorded decision {exported.tag}"
    yield f"    as_of: {decision.as_of_date}"
    if decision.HasField("override"):
        kind = decision.override.kind
        yield f"    # {kind}: something else was decided than the rules concluded, expected here."
    inputs = {name: _value(decision.inputs[name], texts) for name in sorted(decision.inputs)}
    yield from _map("inputs", inputs, "    ")
    yield from _map("lists", _lists(decision, texts), "    ")
    factors = {each.name: _factor(each) for each in decision.factor_values}
    yield from _map("factors", factors, "    ")
    yield "    expect:"
    yield from _expected(decision, texts)


def _map(name: str, values: Mapping[str, str], indent: str) -> Iterator[str]:
    if values:
        yield f"{indent}{name}:"
        yield from (f"{indent}  {key}: {value}" for key, value in values.items())


def _lists(decision: pb.Decision, texts: Texts) -> dict[str, str]:
    """Each list that was asked, with the inputs that were on it, under their stand-ins."""
    keys: dict[str, list[str]] = {}
    for answer in decision.list_answers:
        listed = keys.setdefault(answer.list, [])
        if answer.listed:
            listed.append(_value(decision.inputs[answer.input], texts))
    return {name: _flow(listed) for name, listed in sorted(keys.items())}


def _factor(factor: pb.FactorValue) -> str:
    """A value as it is written in rule tests; of several causes the one that is shown."""
    if factor.HasField("value"):
        return _value(factor.value, None)
    first = min(factor.missing, key=lambda m: (not m.tainted, m.cause, m.source_id))
    usual = Missing(Cause(first.cause)).reason
    own = "" if first.reason in ("", usual) else first.reason
    return f"missing {first.cause} {own}".strip()


def _value(value: values_pb2.InputValue, texts: Texts | None) -> str:
    match value.WhichOneof("value"):
        case "number":
            return value.number
        case "flag":
            return "true" if value.flag else "false"
        case "money":
            return amount_text(value.money)
        case "date":
            return date.fromisoformat(value.date).isoformat()
    return json.dumps(value.text if texts is None else texts.shown(value.text), ensure_ascii=False)


def _expected(decision: pb.Decision, texts: Texts) -> Iterator[str]:
    """What the rules came to."""
    rules = decision.override if decision.HasField("override") else decision
    yield f"      outcome: {enum_name(pb.Outcome.DESCRIPTOR, rules.outcome)}"
    if rules.refer_kind:
        kind = enum_name(pb.ReferKind.DESCRIPTOR, rules.refer_kind)
        yield f"      refer_kind: {kind}"
    yield f"      reasons: {_flow([reason.code for reason in rules.reasons])}"
    offered = rules.outcome != pb.OUTCOME_DECLINE and decision.HasField("offer")
    conditions = decision.conditions if rules.outcome != pb.OUTCOME_DECLINE else ()
    yield f"      conditions: {_flow([condition.id for condition in conditions])}"
    yield f"      data_requests: {_flow([asked.factor for asked in decision.data_requests])}"
    if decision.tags or decision.withheld_tags:
        yield f"      tags: {_flow([*decision.tags, *decision.withheld_tags])}"
    scores = {score.scorecard: score.score for score in decision.scores}
    bands = {score.scorecard: json.dumps(score.band) for score in decision.scores}
    yield from _map("scores", scores, "      ")
    yield from _map("bands", bands, "      ")
    if offered:
        yield from _map("offer", _offer(decision.offer, texts), "      ")
    else:
        yield "      offer: none"


def _flow(words: Sequence[str] | Collection[str]) -> str:
    return f"[{', '.join(words)}]"


def _offer(offer: pb.Offer, texts: Texts) -> dict[str, str]:
    lines = {"kind": enum_name(pb.OfferKind.DESCRIPTOR, offer.kind)}
    lines["approved_amount"] = amount_text(offer.approved_amount)
    if offer.HasField("max_amount"):
        lines["max_amount"] = amount_text(offer.max_amount)
    lines |= {"term_months": str(offer.term_months)} if offer.term_months else {}
    lines |= {"monthly_rate": offer.monthly_rate} if offer.monthly_rate else {}
    lines |= {"tier": json.dumps(offer.tier)} if offer.tier else {}
    lines |= {"binding": json.dumps(offer.binding)} if offer.binding else {}
    lines |= {"term_binding": json.dumps(offer.term_binding)} if offer.term_binding else {}
    return lines | {name: _value(offer.outputs[name], texts) for name in sorted(offer.outputs)}
