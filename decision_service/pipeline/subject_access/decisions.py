"""A decision as the person it was made of is told it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import asdict

from decision_service.domain.factor import FactorValue
from decision_service.domain.money import Money
from decision_service.domain.own_facts import DAYS, History, OwnFacts
from decision_service.notices.render.text import text
from decision_service.pipeline.decide.record_codec import (
    StoredFacts,
    decode_facts,
    factors_from_wire,
    inputs_from_wire,
)
from decision_service.pipeline.notices.ports import StoredNotice
from decision_service.pipeline.ports import StoredEntry
from decision_service.pipeline.subject_access.disclosure import Disclosure
from decision_service.pipeline.subject_access.plain import Plain, fields, plain
from decision_service.pipeline.subject_access.ports import (
    PersonRecord,
    Row,
    StoredDecision,
    TellReply,
)
from decision_service.pipeline.subject_access.reviews import review_record

_ENTRY = (
    "application_id", "customer_ref", "caller", "request_id", "ruleset_digest", "plan_digest",
    "snapshot_id",
)  # fmt: skip
"""What a recorded reply lacks, or an old one may lack."""


def decision_record(stored: StoredDecision, tell: TellReply) -> PersonRecord:
    """The record of a decision with all that belongs to it."""
    entry, facts = stored.entry, decode_facts(stored.entry.facts)
    factors = None if facts.factors is None else factors_from_wire(facts.factors)
    values = () if factors is None else tuple(factors.values.values())
    disclosed = Disclosure.of((one.name for one in values), facts.own)
    content: dict[str, Any] = {
        **tell(entry.reply, disclosed),
        **_entry(entry),
        "inputs": plain(inputs_from_wire(facts.inputs)),
        "languages": plain(facts.languages),
        "factor_values": [_factor(one) for one in values if disclosed.tells(one.name)],
        "own_records": _own(facts.own, disclosed),
        **_rows(stored.tables, _currency(facts)),
        "letters": [_letter(one) for one in stored.notices],
        "reviews": [review_record(one) for one in stored.reviews],
    }
    if factors is not None:
        content["oldest_used_sync"] = plain(factors.oldest_used_sync)
    return PersonRecord("decision", entry.decision_id, content)


def _entry(entry: StoredEntry) -> Mapping[str, Plain]:
    return {name: plain(getattr(entry, name)) for name in _ENTRY}


def _factor(one: FactorValue) -> Mapping[str, Plain]:
    evidence = {name: told for name, told in fields(asdict(one.evidence)).items() if told}
    return {
        "name": one.name,
        "value": plain(one.value),
        "missing": plain(one.missing),
        "evidence": evidence,
    }


def _own(own: OwnFacts, disclosed: Disclosure) -> Mapping[str, Plain]:
    """What the service's own records said, unless another person's are counted with them."""
    told: dict[str, Plain] = {"match": plain(own.match)}
    if not disclosed.shared and own.history is not None:
        told["history"] = _counted(own.history)
    return {name: one for name, one in told.items() if one is not None}


def _counted(history: History) -> dict[str, Any]:
    """The figures, with the days of the windows beside the counts."""
    told = fields(asdict(history))
    for name in ("applications", "approvals", "declines"):
        told[name] = {f"{days}_days": one for days, one in zip(DAYS, told[name], strict=True)}
    return told


def _currency(facts: StoredFacts) -> str | None:
    """The currency of the decision, of which rows hold amounts."""
    if facts.own.history is not None:
        return facts.own.history.currency
    sent = inputs_from_wire(facts.inputs).values()
    return next((one.currency for one in sent if isinstance(one, Money)), None)


def _rows(tables: Mapping[str, Sequence[Row]], currency: str | None) -> Mapping[str, Plain]:
    """The rows of each table as what they are."""
    told = {name: [fields(row, currency) for row in rows] for name, rows in tables.items()}
    return {
        "history": told["history"],
        "rollout": told["arm_decisions"],
        "loan_reports": told["loan_outcomes"],
        "trials": told["shadow_results"],
    }


def _letter(notice: StoredNotice) -> Mapping[str, Plain]:
    told: dict[str, Any] = {
        "letter_id": notice.notice_id,
        "kind": notice.letter.kind,
        "language": notice.letter.language,
        "made": notice.made,
        "texts_digest": notice.template_digest,
        "text": text(notice.letter),
    }
    if notice.sent is not None:
        told |= {"sent": notice.sent.at, "channel": notice.sent.channel}
    return fields(told)
