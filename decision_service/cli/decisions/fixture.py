"""A recorded decision as a file of rule tests, without anything that tells whose it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.errors import CommandError, Exit
from decision_service.domain.missing import Cause, Missing

_TAG = 8


def fixture(decision: pb.Decision, ruleset: rules_pb.Ruleset) -> str:
    """A file of one case that expects what was decided; amounts, months and dates are kept.

    `decision` is in FULL view, `ruleset` the version that made it, with its source. No id and no
    reference goes into the file; a text that the rules do not know is replaced by `text-1`, the
    same text by the same word. Raises CommandError for an applicant who was not enrolled.
    """
    if not decision.ruleset_ref.version:
        raise CommandError(
            f"{decision.decision_id} was decided by no rules (not enrolled): there is nothing that "
            "a rule test could repeat",
            Exit.FINDINGS,
        )
    return "\n".join([*_head(decision, ruleset), *_case(decision, _Texts(ruleset)), ""])


class _Texts:
    """Texts as they may leave: words of the rule file stay, any other gets a stand-in."""

    def __init__(self, ruleset: rules_pb.Ruleset) -> None:
        self._source = ruleset.source
        self._labels = {label for each in ruleset.inputs for label in each.one_of}
        self._stand_ins: dict[str, str] = {}

    def shown(self, text: str) -> str:
        known = text in self._labels or any(f"{q}{text}{q}" in self._source for q in "\"'")
        if known:
            return text
        return self._stand_ins.setdefault(text, f"text-{len(self._stand_ins) + 1}")


def _head(decision: pb.Decision, ruleset: rules_pb.Ruleset) -> Iterator[str]:
    ref = decision.ruleset_ref
    yield "# yaml-language-server: $schema=../../_schema/tests.schema.json"
    if ruleset.ref.digest != ref.digest:
        yield f"# Decided under other rules of that number (digest {ref.digest[:12]})."
    yield f"ruleset: {ref.ruleset}"
    yield f"version: {ref.version}"
    yield f"as_of: {decision.as_of_date}"
    if decision.HasField("override"):
        kind = decision.override.kind
        yield f"# {kind}: something else was decided than the rules concluded, expected here."


def _case(decision: pb.Decision, texts: _Texts) -> Iterator[str]:
    tag = hashlib.sha256(decision.decision_id.encode()).hexdigest()[:_TAG]
    yield "cases:"
    yield f"  - name: recorded decision {tag}"
    inputs = {name: _value(decision.inputs[name], texts) for name in sorted(decision.inputs)}
    yield from _map("inputs", inputs, "    ")
    factors = {each.name: _factor(each) for each in decision.factor_values}
    yield from _map("factors", factors, "    ")
    yield "    expect:"
    yield from _expected(decision, texts)


def _map(name: str, values: Mapping[str, str], indent: str) -> Iterator[str]:
    if values:
        yield f"{indent}{name}:"
        yield from (f"{indent}  {key}: {value}" for key, value in values.items())


def _factor(factor: pb.FactorValue) -> str:
    """A value as it is written in rule tests; of several causes the one that is shown."""
    if factor.HasField("value"):
        return _value(factor.value, None)
    first = min(factor.missing, key=lambda m: (not m.tainted, m.cause, m.source_id))
    usual = Missing(Cause(first.cause)).reason
    own = "" if first.reason in ("", usual) else first.reason
    return f"missing {first.cause} {own}".strip()


def _value(value: values_pb2.InputValue, texts: _Texts | None) -> str:
    match value.WhichOneof("value"):
        case "number":
            return value.number
        case "flag":
            return "true" if value.flag else "false"
        case "money":
            return _amount(value.money)
        case "date":
            return date.fromisoformat(value.date).isoformat()
    return json.dumps(value.text if texts is None else texts.shown(value.text), ensure_ascii=False)


def _amount(money: MoneyMessage) -> str:
    amount = Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
    return f"{amount.normalize():f}"


def _expected(decision: pb.Decision, texts: _Texts) -> Iterator[str]:
    """What the rules came to; the offer of an explored approval is not theirs."""
    rules = decision.override if decision.HasField("override") else decision
    yield f"      outcome: {pb.Outcome.Name(rules.outcome).removeprefix('OUTCOME_')}"
    if rules.refer_kind:
        kind = pb.ReferKind.Name(rules.refer_kind).removeprefix("REFER_KIND_")
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


def _offer(offer: pb.Offer, texts: _Texts) -> dict[str, str]:
    lines = {"kind": pb.OfferKind.Name(offer.kind).removeprefix("OFFER_KIND_")}
    lines["approved_amount"] = _amount(offer.approved_amount)
    if offer.HasField("max_amount"):
        lines["max_amount"] = _amount(offer.max_amount)
    lines |= {"term_months": str(offer.term_months)} if offer.term_months else {}
    lines |= {"monthly_rate": offer.monthly_rate} if offer.monthly_rate else {}
    lines |= {"tier": json.dumps(offer.tier)} if offer.tier else {}
    lines |= {"binding": json.dumps(offer.binding)} if offer.binding else {}
    lines |= {"term_binding": json.dumps(offer.term_binding)} if offer.term_binding else {}
    return lines | {name: _value(offer.outputs[name], texts) for name in sorted(offer.outputs)}
