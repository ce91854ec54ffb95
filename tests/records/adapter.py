"""All that knows the service of today: it starts it, asks it, and says its answers plainly."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import grpc
import msgspec
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.type.money_pb2 import Money as MoneyMessage
from grpc_status import rpc_status

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.app.wiring import Service, start
from decision_service.decide.codec import decode_facts, read_snapshot, value_from_wire
from decision_service.decide.conclude import judge, with_answers
from decision_service.domain.decision import Assignment, Decision, EnrolmentReason, Outcome, Verdict
from decision_service.domain.person import OwnFacts
from decision_service.domain.ports import Clock, ReplyStyle
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf
from decision_service.factors.compute import compute, needs_with
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.evaluate import traces
from decision_service.runtime.config import load
from decision_service.server.services.decisions import decision_fields
from decision_service.store.keys import IDENTITY_KEYS
from tests.e2e.team import Metadata, Team

Json = Any


def plain(value: object) -> Json:
    """A struct as a mapping of its fields, without those that have their default."""
    if isinstance(value, msgspec.Struct):
        known = _defaults(type(value))
        pairs = ((name, getattr(value, name)) for name in known)
        return {name: plain(one) for name, one in pairs if one != known[name] or one is False}
    if isinstance(value, list | tuple):
        return [*map(plain, value)]
    return msgspec.to_builtins(value)


def typed(kind: Any, value: Json) -> Any:
    """A value of this type from its plain form."""
    origin, arguments = get_origin(kind), get_args(kind)
    if value is None:
        return None
    if origin in (Union, UnionType):
        [kind] = [one for one in arguments if one is not type(None)]
        return typed(kind, value)
    if origin is tuple and arguments[-1] is ...:
        return tuple(typed(arguments[0], one) for one in value)
    if origin is tuple:
        return tuple(typed(*pair) for pair in zip(arguments, value, strict=True))
    struct = origin or kind
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
        hints = _fields(struct)
        given = arguments[0] if arguments else None
        return struct(**{name: typed(_filled(hints[name], given), v) for name, v in value.items()})
    return msgspec.convert(value, kind)


@cache
def _defaults(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {one.name: one.default for one in msgspec.structs.fields(struct)}


@cache
def _fields(struct: type) -> dict[str, Any]:
    return get_type_hints(struct)


def _filled(kind: Any, given: Any) -> Any:
    """A field's type, with the one type that its struct was given."""
    variables = getattr(kind, "__parameters__", ())
    if isinstance(kind, TypeVar):
        return given
    return kind[given] if variables and given is not None else kind


_PEOPLE = {
    "los": "decide outcomes onboard_all", "ana": "review read", "ben": "review_second review read",
}  # fmt: skip
_ACTS = {
    "see": "GetReview", "claim": "ClaimReview", "release": "ReleaseReview", "note": "AddReviewNote",
    "ask": "RequestReviewData", "again": "DecideAgain", "complete": "CompleteReview",
    "confirm": "ConfirmReview", "reject": "ConfirmReview", "contest": "RequestReview",
}  # fmt: skip
_ASKED = ("user_id", "product", "requested_term_months", "customer_ref", "applicant")
_LENT = ("disbursed_amount", "instalment", "repaid_amount")
_LOAN = ("loan_id", "as_of_date", "disburse_date", "overdue_days", *_LENT)

# What is an answer, by message: no digests, no advice in words, no count of calls.
_ANSWERS = """
Decision: outcome refer_kind reasons data_requests scores offer conditions ruleset_ref assignment
  data_quality factor_values rule_traces expire_time inputs list_answers tags withheld_tags
  override recourse review connect
Reason: code message component factor actual required points_lost regulatory_text actual_value
  required_value
DataRequest: factor cause
MissingCause: cause reason data_kind source_id account_error_code month due_date
Score: scorecard score best_score band
Offer: kind approved_amount max_amount term_months monthly_rate tier binding outputs term_binding
Condition: id text
RulesetRef: ruleset version
Assignment: enrolment_reason arm arm_reason stage
DataQuality: accounts kinds
AccountUse: account_id provider_id status used error_code sync_time
KindQuality: data_kind status
FactorValue: name value missing
RuleTrace: stage stage_outcome rule truth effect reason
ListAnswer: list input listed
Override: kind outcome cap
Recourse: kind changes decide_again_on approved_amount may_be_told
FactorChange: factor value needed may_be_told
Connect: provider_types
DecisionReview: state outcome approved_amount role term_months instalment expire_time
Review: decided_outcome kind origin tags queue requested_amount due_time overdue state claimed_by
  awaited_kinds result completed_by confirmed_by end_reason decided_again_as events term_months
  instalment failed_checks
ReviewResult: outcome approved_amount reason explanation
ReviewEvent: who action text data_kinds result decision_id
Notice: kind language title text
RecordOutcomeResponse: receipt newest_as_of_date
EraseApplicantResponse: revoked_accounts erased_snapshots
"""
_SHOWN = {name: names.split() for name, names in re.findall(r"(\w+): ([^:]+)(?=\n)", _ANSWERS)}
_PACKAGE, _FULL = "decision_service.api.v1", "DECISION_VIEW_FULL"


@asynccontextmanager
async def house(
    folder: Path, vendor: str, clock: Clock, store_url: str = ""
) -> AsyncIterator[House]:
    """A service in this process on the rules in `folder/rules`, with a new store."""
    team = Team(folder)
    callers = {name: team.hire(name, *roles.split()) for name, roles in _PEOPLE.items()}
    IDENTITY_KEYS.add(folder / "identity-keys")
    settings = {
        "SMILE_MODE": "sandbox", "SMILE_BASE_URL": vendor, "SMILE_API_KEY": "k",
        "SMILE_API_SECRET": "s", "GRPC_ADDRESS": "127.0.0.1:0", "HTTP_ADDRESS": "127.0.0.1:0",
        "ADMIN_ADDRESS": "127.0.0.1:0",
        "STORE_URL": store_url or f"sqlite:///{folder / 'decisions.db'}",
        "RULES_DIR": str(folder / "rules"), "AUTH_TOKENS_FILE": str(team.path),
        "IDENTITY_KEY_FILE": str(folder / "identity-keys"), "DRAIN_DELAY": "0s",
    }  # fmt: skip
    chosen = load(environ={f"DECISION_{name}": value for name, value in settings.items()})
    service = await start(chosen, clock=clock)
    try:
        await service.core.source.refresh_providers()
        async with grpc.aio.insecure_channel(service.address) as channel:
            yield House(service, channel, callers)
    finally:
        await service.stop()


@dataclass
class House:
    """A running service and its callers; `ids` are its own ids by what the records call them."""

    service: Service
    channel: grpc.aio.Channel
    team: Mapping[str, Metadata]
    ids: dict[str, str] = field(default_factory=dict)

    def confirm(self, at: datetime) -> None:
        """The vendor gives the time, so that a clock which a record has set is no wrong one."""
        for _ in range(2):
            self.service.core.guard.answered(at)

    async def do(self, record: str, step: Mapping[str, Json]) -> Json:
        """The plain answer to a step of a record, or its refusal."""
        try:
            answer = await getattr(self, f"_{step['do']}")(record, step)
        except grpc.RpcError as error:
            answer = _refusal(error)
        text = json.dumps(answer, ensure_ascii=False)
        for name, own in self.ids.items():
            record_of, _, short = name.partition("/")
            text = text.replace(own, short) if record_of == record and own else text
        return json.loads(text)

    async def facts(self, record: str, name: str) -> Json:
        """All that a decision rested on, in plain field names; None where nothing was read."""
        store = self.service.core.store
        entry = await store.get(self.ids.get(f"{record}/{name}", ""))
        if entry is None or entry.snapshot_id is None:
            return None
        body = await store.snapshot(entry.user_id, entry.snapshot_id)
        facts = decode_facts(entry.facts)
        return {
            "product": entry.product, "version": facts.assignment.version,
            "at": facts.instant.isoformat(), "zone": facts.zone, "own": plain(facts.own),
            "inputs": facts.inputs, "snapshot": plain(read_snapshot(body or b"")),
        }  # fmt: skip

    async def _ask(self, call: str, who: str = "los", **fields: Any) -> Any:
        service, _, name = call.partition("/")
        asked, told = _message(f"{name}Request"), _message(f"{name}Response")
        path = f"/{_PACKAGE}.{service}Service/{name}"
        send = self.channel.unary_unary(path, asked.SerializeToString, told.FromString)
        return await send(asked(**fields), metadata=self.team[who])

    async def _apply(self, record: str, step: Mapping[str, Json]) -> Json:
        reply = await self._ask(
            "Decision/CreateDecision",
            request_id=_uuid(record, step),
            requested_amount=_money(step.get("amount")),
            inputs={
                name: {kind: _money(one) if kind == "money" else one for kind, one in value.items()}
                for name, value in step.get("inputs", {}).items()
            },
            view=_FULL,
            **{name: step[name] for name in _ASKED if name in step},
        )
        made = self.ids[f"{record}/{step['name']}"] = reply.decision.decision_id
        again = await self._ask("Decision/ReplayDecision", decision_id=made, view=_FULL)
        answer = _plain(reply.decision)
        same = _plain(again.decision) == answer and not again.differing_fields
        return answer | {"replays_to_the_same": same}

    def _of(self, record: str, step: Mapping[str, Json]) -> str:
        return self.ids.get(f"{record}/{step['of']}", "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV")

    async def _read(self, record: str, step: Mapping[str, Json]) -> Json:
        asked = {"view": _FULL, "without_recourse": not step.get("recourse")}
        found = await self._ask("Decision/GetDecision", decision_id=self._of(record, step), **asked)
        return _plain(found.decision)

    async def _replay(self, record: str, step: Mapping[str, Json]) -> Json:
        asked = {"decision_id": self._of(record, step), "view": _FULL}
        return _plain((await self._ask("Decision/ReplayDecision", **asked)).decision)

    async def _letter(self, record: str, step: Mapping[str, Json]) -> Json:
        asked = {"decision_id": self._of(record, step), "language": step["language"]}
        return _plain((await self._ask("Notice/GetNotice", **asked)).notice)

    async def _review(self, record: str, step: Mapping[str, Json]) -> Json:
        act, who, decision = step["act"], step["who"], self._of(record, step)
        review = self.ids[f"{record}/review of {step['of']}"] = f"rev_{decision[4:]}-1"
        fields = {k: step[k] for k in ("text", "reason", "explanation", "data_kinds") if k in step}
        fields |= {"decision_id": decision} if act == "contest" else {"review_id": review}
        if act not in {"see", "claim", "release", "again"}:
            fields["request_id"] = _uuid(record, step)
        if act == "complete":
            fields |= {"outcome": f"OUTCOME_{step['outcome']}"}
            fields |= {"approved_amount": _money(step.get("amount"))}
        if act in {"confirm", "reject"}:
            seen = (await self._ask("Review/GetReview", who, review_id=review)).review
            fields |= {"etag": seen.etag, "reject": act == "reject"}
        found = (await self._ask(f"Review/{_ACTS[act]}", who, **fields)).review
        while _field(found, "state") == "DECIDING_AGAIN":  # the service does it meanwhile
            await asyncio.sleep(0.05)
            found = (await self._ask("Review/GetReview", who, review_id=review)).review
        self.ids[f"{record}/{step.get('name')}"] = found.decided_again_as
        return _plain(found)

    async def _loan(self, record: str, step: Mapping[str, Json]) -> Json:
        told = {name: step[name] for name in _LOAN if name in step}
        told |= {name: _money(told[name]) for name in told if name in _LENT}
        told |= {"decision_id": self._of(record, step), "status": f"LOAN_STATUS_{step['status']}"}
        return _plain(await self._ask("Outcome/RecordOutcome", outcome=told))

    async def _erase(self, _: str, step: Mapping[str, Json]) -> Json:
        return _plain(await self._ask("Applicant/EraseApplicant", user_id=step["user_id"]))


def _message(name: str) -> Any:
    found = descriptor_pool.Default().FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return message_factory.GetMessageClass(found)


def decide_purely(rules: Path, facts: Mapping[str, Json]) -> Json:
    """The plain verdict on facts by the rules in a folder, without client and store."""
    ruleset = _rulebook(rules).product(facts["product"]).version(facts["version"])
    as_of = AsOf.at(datetime.fromisoformat(facts["at"]), ZoneInfo(facts["zone"]))
    inputs = {name: value_from_wire(wire) for name, wire in facts["inputs"].items()}
    snapshot, own = typed(Snapshot, facts["snapshot"]), typed(OwnFacts, facts["own"])
    placed = Assignment("", True, EnrolmentReason.ALLOWED, "", "", 0)
    shell = Decision(
        request_id="",
        user_id=snapshot.user_id,
        product=facts["product"],
        decision_id="",
        created=as_of.instant,
        as_of=as_of,
        assignment=placed,
        inputs=inputs,
        verdict=Verdict(Outcome.REFER),
        engine_version="",
        own=own,
    )
    made = judge(
        with_answers(shell, ruleset),
        ruleset,
        compute(snapshot, needs_with(ruleset.needs, inputs), as_of, own),
    )
    shown = decision_fields(made, ReplyStyle(full=True), traces(ruleset, made.verdict))
    return _plain(pb.Decision(**shown))


@cache
def _rulebook(rules: Path) -> Rulebook:
    loading = load_rules(read_rules(rules), datetime.fromisoformat("2026-11-15T04:00:00+00:00"))
    assert loading.rulebook is not None, loading.errors
    return loading.rulebook


def _plain(message: Message) -> Json:
    """The fields of a message that are an answer, without ids, digests and instants of calls."""
    if isinstance(message, MoneyMessage):
        amount = message.units + Decimal(message.nanos).scaleb(-9)
        return f"{message.currency_code} {amount.normalize():f}"
    if isinstance(message, Timestamp):
        return message.ToJsonString()
    if message.DESCRIPTOR.name == "InputValue":
        kind = message.WhichOneof("value") or "text"
        return {kind: _field(message, kind)}
    found = {name: _field(message, name) for name in _SHOWN[message.DESCRIPTOR.name]}
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _field(message: Message, name: str) -> Json:
    """A field's value; an enum's without the prefix of its type, None where it is not set."""
    value, about = getattr(message, name), message.DESCRIPTOR.fields_by_name[name]
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in sorted(value.items())}
    if about.enum_type:
        first, word = about.enum_type.values_by_number[0].name, about.enum_type.values_by_number
        return word[value].name.removeprefix(first[: -len("UNSPECIFIED")]) if value else None
    if isinstance(value, Message):
        return _plain(value) if message.HasField(name) else None
    if isinstance(value, str | int):
        return value
    return [_plain(one) if isinstance(one, Message) else one for one in value]


def _refusal(error: grpc.RpcError) -> Json:
    """What was refused and why, without the sentence."""
    info, bad, status = ErrorInfo(), BadRequest(), rpc_status.from_call(error)
    for detail in status.details if status else ():
        detail.Unpack(info)
        detail.Unpack(bad)
    fields = sorted(one.field for one in bad.field_violations)
    return {"refused": error.code().name, "reason": info.reason, "fields": fields}


def _money(text: str | None) -> MoneyMessage | None:
    amount = Decimal(text[4:]) if text else Decimal(0)
    told = {"units": int(amount), "nanos": int(amount % 1 * 10**9)}
    return MoneyMessage(currency_code=text[:3], **told) if text else None


def _uuid(record: str, step: Json) -> str:
    told = (step.get(name) for name in ("do", "act", "at", "name", "of"))
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{record} {[*told]}"))
