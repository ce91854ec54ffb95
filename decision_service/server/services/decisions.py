"""The DecisionService: requests checked and read, decisions as clients read them, and the RPCs.

The same code makes the recorded bytes and every later view.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import TypeAlias
from unicodedata import category

import msgspec
from msgspec.structs import replace

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import rollout_service_pb2 as rollout_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import values_pb2
from decision_service.casework.letters import StoredNotice
from decision_service.casework.recourse import FindRecourse
from decision_service.casework.review_results import ReadReviewChain, ReviewChain
from decision_service.decide.application import Application, is_recorded_in_full
from decision_service.decide.decide import CallContext, DecideApplication
from decision_service.decide.replay import (
    ReadDecisions,
    Recorded,
    ReplayDecision,
    Replayed,
    WhichRules,
)
from decision_service.domain.decision import (
    Arm,
    Decision,
    ListAnswer,
    Outcome,
    RequestFields,
    StageTrace,
    Verdict,
)
from decision_service.domain.factor import Factors, Input, Observed, Value
from decision_service.domain.person import (
    LONGEST_EMAIL,
    LONGEST_NAME,
    LONGEST_PHONE,
    TYPED_PHONE,
    GivenApplicant,
)
from decision_service.domain.ports import Clock, Filter, PagePosition, ReplyStyle, StoredEntry
from decision_service.domain.values import Missing, Money, Month
from decision_service.runtime.failpoints import Point, reach
from decision_service.server.services.applicants import lacking_fields, link_request
from decision_service.server.services.notices import notice_message
from decision_service.server.services.reviews import chain_message
from decision_service.server.transport.context import CallInfo, RpcContext
from decision_service.server.transport.page_tokens import make_token, page_size, read_token
from decision_service.server.transport.wire import (
    Fields,
    Mapper,
    Problems,
    WireError,
    check_decision_id,
    check_product,
    check_reference,
    check_user_id,
    in_language,
    money_from_message,
    numbers_of,
    of_given,
    request_id_in,
    value_from_message,
)

SERVICE = service_pb.DESCRIPTOR.services_by_name["DecisionService"]
_LONGEST = 200
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}", re.ASCII)
_MOST_WAIT = 300.0
_VIEWS = frozenset(pb.DecisionView.values())
_EMAIL = re.compile(r"\s*\S+@[^\s@]+\s*")
_PHONE_DIGITS = range(7, 21)
_TEXTS = {
    "name": (LONGEST_NAME, "a name in letters"),
    "phone": (LONGEST_PHONE, "a number of 7 to 20 digits, with + before a country code"),
    "email": (LONGEST_EMAIL, "an address with an @"),
}
_FIRST_BIRTH = 1900
_EARLIEST_ZONE = timedelta(hours=14)
"""How long before UTC a day begins somewhere."""

_STYLES = {full: ReplyStyle(full=full) for full in (False, True)}
"""What a caller wants who names no languages."""

RESERVED = ("requested_amount", "requested_term_months")
COMPARED = (
    "outcome", "refer_kind", "reasons", "data_requests", "scores", "offer", "conditions",
    "override", "factor_values", "rule_traces", "tags", "withheld_tags", "connect",
)  # fmt: skip
"""The fields of a decision that a replay is compared by."""

_OF_VERDICT = (
    "outcome", "refer_kind", "reasons", "data_requests", "scores", "offer", "conditions", "tags",
    "connect",
)  # fmt: skip
_OF_FULL_VIEW = ("inputs", "factor_values", "rule_traces", "withheld_tags", "list_answers")
_ADDED_LATER = (
    *("recourse", "review", "income_months"),
    *("outcome_in_force", "approved_amount_in_force"),
)


def _kinds_of(decision: Decision) -> object:
    return decision.factors and sorted(decision.factors.kinds.items())


def _month_of(missing: Missing) -> str | None:
    return None if missing.month is None else str(Month(missing.month))


def _unknown_version() -> dict[str | None, int]:
    return {None: 0}


DECISIONS = Mapper(
    {
        pb.Decision: {
            **dict.fromkeys((*_OF_VERDICT, *_OF_FULL_VIEW, *_ADDED_LATER, "override")),
            "data_quality": lambda decision: decision,
            "as_of_date": "as_of.date",
            "create_time": "created",
            "expire_time": "expires",
        },
        pb.DataQuality: {
            "fetched_time": "fetched",
            "accounts": of_given("factors", "sources"),
            "kinds": _kinds_of,
        },
        pb.AccountUse: {"account_id": "id", "sync_time": "synced"},
        pb.KindQuality: {"data_kind": itemgetter(0), "status": itemgetter(1)},
        pb.Reason: {"message": None},
        pb.Condition: {"text": None},
        pb.DataRequest: {"cause": "missing"},
        values_pb2.MissingCause: {
            "tainted": "cause.tainted",
            "data_kind": "kind",
            "source_id": "source",
            "account_error_code": "account_error",
            "month": _month_of,
            "due_date": "due",
        },
        pb.Evidence: {"record_count": "records", "record_ids": "top", "source_ids": "sources"},
        service_pb.ListDecisionsRequest: {
            "create_time_from": "created_from",
            "create_time_before": "created_before",
        },
        pb.RuleTrace: {"rule": "id", "stage_outcome": None, "component": None},
        pb.ListAnswer: {"list_digest": "digest"},
        pb.Recourse: {
            "kind": "answer",
            "decide_again_on": "day",
            "approved_amount": "approved",
            "may_be_told": "told",
        },
        pb.FactorChange: {
            "value": "now",
            "steps": lambda change: round(change.steps, 2),
            "may_be_told": "told",
        },
    }
)


class Decided(msgspec.Struct, frozen=True):
    """What a filter asks of the reply, in which no store can search; empty means any."""

    reason: str
    version: int
    arm: str
    outcome_in_force: Outcome | None = None
    approved_amount_from: Money | None = None
    approved_amount_to: Money | None = None

    @property
    def asks(self) -> bool:
        return self != _ANY

    @property
    def asks_in_force(self) -> bool:
        found = (self.outcome_in_force, self.approved_amount_from, self.approved_amount_to)
        return found != (None, None, None)

    def fits(self, decision: pb.Decision) -> bool:
        """Whether a decision with what counts of it is one of those asked for."""
        wanted = self.outcome_in_force and numbers_of(pb.Outcome.DESCRIPTOR)[self.outcome_in_force]
        return (
            self.version in {0, decision.ruleset_ref.version}
            and self.arm in {"", decision.assignment.arm}
            and (not self.reason or any(one.code == self.reason for one in decision.reasons))
            and wanted in {None, decision.outcome_in_force}
            and self._fits_amount(decision)
        )

    def _fits_amount(self, decision: pb.Decision) -> bool:
        least = self.approved_amount_from
        most = self.approved_amount_to
        if least is None and most is None:
            return True
        if not decision.HasField("approved_amount_in_force"):
            return False
        amount = money_from_message(decision.approved_amount_in_force)
        if any(one is not None and one.currency != amount.currency for one in (least, most)):
            return False
        is_enough = least is None or least.minor <= amount.minor
        return is_enough and (most is None or amount.minor <= most.minor)


_ANY = Decided("", 0, "")
"""What asks for nothing of the reply."""


def filter_from(request: service_pb.ListDecisionsRequest) -> tuple[Filter, Decided]:
    with Problems(request) as problems:
        for field in ("user_id", "application_id", "customer_ref", "product", "any_id", "reason"):
            if len(getattr(request, field)) > _LONGEST:
                problems.add(field, f"is longer than {_LONGEST} characters")
        if request.arm not in {"", *Arm}:
            problems.add("arm", f"is no arm: it must be {' or '.join(Arm)}")
        _check_version(problems, "version", request.version)
        return (
            DECISIONS.read(Filter, request, problems),
            DECISIONS.read(Decided, request, problems),
        )


def application_from(
    request: service_pb.CreateDecisionRequest, languages: tuple[str, ...], now: datetime
) -> Application:
    """The application of a request; raises FieldInvalid with every malformed field."""
    with Problems() as problems:
        check_user_id(problems, request.user_id)
        check_product(problems, request.product)
        request_id = request_id_in(request.request_id)
        check_reference(problems, "request_id", request_id)
        check_reference(problems, "application_id", request.application_id)
        check_reference(problems, "customer_ref", request.customer_ref)
        wait = _wait_seconds(request, problems) if request.HasField("wait_timeout") else 0.0
        inputs = inputs_from(request, problems)
        applicant = None
        if request.HasField("applicant"):
            applicant = applicant_from(request.applicant, (now + _EARLIEST_ZONE).date(), problems)
        full = full_view(request.view, problems)
    kept = {name: getattr(request, name) for name in RequestFields.__struct_fields__}
    return Application(
        **kept | {"request_id": request_id},
        inputs=inputs,
        wait_timeout=wait,
        applicant=applicant,
        style=ReplyStyle(full=full, languages=languages) if languages else _STYLES[full],
    )


def applicant_from(
    message: service_pb.ApplicantDetails, today: date, problems: Problems
) -> GivenApplicant:
    """Who applies; what cannot be compared is noted, and never repeated."""
    for name, (most, form) in _TEXTS.items():
        text: str = getattr(message, name)
        if len(text) > most:
            problems.add(f"applicant.{name}", f"has {len(text):,} characters: send at most {most}")
        elif text and not _can_be(name, text):
            problems.add(
                f"applicant.{name}",
                f"must be {form}, without control or hidden characters: leave it out where you do "
                "not know it",
            )
    field = "applicant.birth_date"
    born = None
    if message.birth_date:
        born = problems.date(field, message.birth_date)
        if born is not None and not date(_FIRST_BIRTH, 1, 1) <= born <= today:
            when = "in the future" if born > today else f"before {_FIRST_BIRTH}"
            problems.add(field, f"is {when}: send the date of birth, or leave it out")
    return GivenApplicant(message.name, born, message.phone, email=message.email)


def _can_be(name: str, text: str) -> bool:
    """Whether a text can be a name, a phone number or an address; zeros alone fill a field."""
    if any(category(one) in {"Cc", "Cf"} for one in text):
        return False
    if name == "name":
        return any(map(str.isalpha, text))
    if name == "email":
        return bool(_EMAIL.fullmatch(text))
    digits = [one for one in text if one.isdigit()]
    return bool(TYPED_PHONE.fullmatch(text)) and len(digits) in _PHONE_DIGITS and {*digits} != {"0"}


def replay_from(
    request: service_pb.ReplayDecisionRequest, problems: Problems
) -> tuple[WhichRules, dict[str, Input]]:
    ref = request.ruleset_ref
    check_decision_id(problems, request.decision_id)
    if ref.ruleset:
        check_product(problems, ref.ruleset, "ruleset_ref.ruleset")
    _check_version(problems, "ruleset_ref.version", ref.version)
    return DECISIONS.read(WhichRules, ref, problems), inputs_from(request, problems)


def _check_version(problems: Problems, field: str, version: int) -> None:
    if version < 0:
        problems.add(field, f"is {version}: it must be a version, or 0")


def full_view(view: int, problems: Problems) -> bool:
    if view not in _VIEWS:
        problems.add("view", f"is {view}, which is no DecisionView")
    return view == pb.DECISION_VIEW_FULL


def _wait_seconds(request: service_pb.CreateDecisionRequest, problems: Problems) -> float:
    wait = request.wait_timeout
    seconds = wait.seconds + wait.nanos / 1e9
    if not 0 <= seconds <= _MOST_WAIT or abs(wait.nanos) > 999_999_999:
        problems.add("wait_timeout", f"must lie within 0 and {_MOST_WAIT:.0f} seconds")
    return seconds


def inputs_from(
    request: service_pb.CreateDecisionRequest
    | service_pb.ReplayDecisionRequest
    | rules_pb.EvaluateRulesetRequest
    | rollout_pb.ExplainAssignmentRequest,
    problems: Problems,
) -> dict[str, Input]:
    """The inputs sent, amount and term among them; malformed ones are noted."""
    inputs: dict[str, Input] = {}
    amount = problems.money(request, "requested_amount")
    if amount is not None:
        inputs["requested_amount"] = amount
    if request.HasField("requested_term_months"):
        inputs["requested_term_months"] = request.requested_term_months
    if request.inputs:
        inputs.update(_named(request.inputs, problems))
    return inputs


def _named(
    sent: Mapping[str, values_pb2.InputValue], problems: Problems
) -> Iterator[tuple[str, Input]]:
    for name, message in sent.items():
        if not _NAME.fullmatch(name):
            problems.add("inputs", "has a name that is not lower-case letters, digits and _")
        elif name in RESERVED:
            problems.add(f"inputs.{name}", f"must be sent as the field {name} of the request")
        else:
            yield from _sent(f"inputs.{name}", message, problems)


def _sent(
    field: str, message: values_pb2.InputValue, problems: Problems
) -> Iterator[tuple[str, Input]]:
    """The value with the day and the consent of its observation, where they are sent."""
    day = None
    consent = message.consent_reference
    if message.observed_on:
        day = problems.date(f"{field}.observed_on", message.observed_on)
    elif consent:
        what = "is missing: send the day of what the consent_reference is about"
        problems.add(f"{field}.observed_on", what)
    if len(consent) > _LONGEST:
        problems.add(f"{field}.consent_reference", f"is longer than {_LONGEST} characters")
    for name, value in read_value(field, message, problems):
        yield name, value if day is None else Observed(value, day, consent)


def read_value(
    field: str, message: values_pb2.InputValue, problems: Problems
) -> Iterator[tuple[str, Value]]:
    """The name below the field's first point with its value, or nothing where it is malformed."""
    try:
        yield field.partition(".")[2] or field, value_from_message(message)
    except WireError as error:
        problems.add(field, f"is malformed: {error}")


class ProtoReplyEncoder:
    """The `ReplyEncoder` of `decide`: a serialized CreateDecisionResponse."""

    def encode(self, decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> bytes:
        """The response's bytes, the same for equal arguments: serialization is deterministic."""
        fields = decision_fields(decision, style, traces)
        response = service_pb.CreateDecisionResponse(decision=fields)
        return response.SerializeToString(deterministic=True)


def decision_fields(decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> Fields:
    """As its caller wants it, traces in FULL view only, in the first language that there is."""
    verdict = decision.verdict
    override = decision.override
    fields = DECISIONS.fields(pb.Decision, decision) | verdict_fields(verdict, style.languages)
    if (connect := decision.connect) is not None:
        fields["connect"] = {
            "provider_types": connect.types,
            "lacking": lacking_fields(connect.lacking, style.languages),
            "link_token_request": link_request(decision.user_id, connect, style.languages),
        }
    if override is not None:
        fields["override"] = {
            "kind": override.kind,
            "cap": override.cap,
            **_concluded(override.verdict, style.languages),
        }
    if style.full:
        fields |= full_fields(
            decision.inputs,
            decision.factors,
            traces,
            withheld_tags=verdict.withheld_tags,
            answers=decision.answers,
        )
    return fields


def verdict_fields(verdict: Verdict, languages: Sequence[str]) -> Fields:
    conditions = [
        {"id": one.id, "text": in_language(one.texts, languages)} for one in verdict.conditions
    ]
    return _concluded(verdict, languages) | DECISIONS.fields(
        pb.Decision,
        data_requests=verdict.data_requests,
        scores=verdict.scores,
        offer=verdict.offer,
        conditions=conditions,
        tags=verdict.told_tags,
    )


def _concluded(verdict: Verdict, languages: Sequence[str]) -> Fields:
    fields = DECISIONS.fields(pb.Override, outcome=verdict.outcome, refer_kind=verdict.refer_kind)
    fields["reasons"] = [
        DECISIONS.fields(pb.Reason, reason, message=in_language(reason.texts, languages))
        for reason in verdict.reasons
    ]
    return fields


def full_fields(
    inputs: Mapping[str, Input],
    factors: Factors | None,
    traces: Sequence[StageTrace],
    withheld_tags: Sequence[str],
    answers: Sequence[ListAnswer],
) -> Fields:
    """What only the FULL view has: inputs, factor values by name, traces in file order."""
    return DECISIONS.fields(
        pb.Decision,
        inputs=inputs,
        factor_values=() if factors is None else [v for _, v in sorted(factors.values.items())],
        rule_traces=[
            DECISIONS.fields(
                pb.RuleTrace,
                rule,
                stage=stage.name,
                stage_outcome=stage.concluded,
                component=stage.component,
            )
            for stage in traces
            for rule in stage.rules
        ],
        withheld_tags=withheld_tags,
        list_answers=answers,
    )


LettersOf: TypeAlias = Callable[[str], Awaitable[Sequence[StoredNotice]]]
"""The letters of a decision, oldest first."""


class DecisionServicer(msgspec.Struct, frozen=True):
    """Translates between the wire and the use cases; callers read their own decisions."""

    decide: DecideApplication
    read: ReadDecisions
    replay: ReplayDecision
    recourse: FindRecourse
    clock: Clock
    chain: ReadReviewChain
    letters: LettersOf
    _versions: dict[str | None, int] = msgspec.field(default_factory=_unknown_version)

    async def create_decision(
        self, request: service_pb.CreateDecisionRequest, context: RpcContext
    ) -> bytes:
        info = context.info
        deadline = self.clock.monotonic() + info.seconds
        application = application_from(request, info.languages, self.clock.now())
        stored = await self.decide(application, CallContext(info.caller, deadline, info.person))
        self._trail(info, stored)
        reply = await self._in_view(stored, application)
        reach(Point.BEFORE_REPLY)
        return reply

    async def get_decision(
        self, request: service_pb.GetDecisionRequest, context: RpcContext
    ) -> service_pb.GetDecisionResponse:
        info = context.info
        decision_id = request.decision_id
        with Problems() as problems:
            full = full_view(request.view, problems)
            check_decision_id(problems, decision_id)
        recorded = await self.read.get(decision_id, full=full, scope=info.scope)
        self._trail(info, recorded.entry)
        message = recorded_message(recorded, full=full)
        sought = full and not request.without_recourse
        recourse = await self.recourse(recorded) if sought else None
        if recourse is not None:
            message.recourse.CopyFrom(DECISIONS.message(pb.Recourse, recourse))
        if full:
            months = await self.read.income_months(recorded)
            message.MergeFrom(DECISIONS.message(pb.Decision, income_months=months))
        chain = await self.chain(decision_id, recorded.entry.outcome)
        _add_outcome_in_force(message, chain)
        notices = await self.letters(decision_id) if request.with_notices else ()
        return service_pb.GetDecisionResponse(
            decision=message, notices=[notice_message(one) for one in notices]
        )

    async def list_decisions(
        self, request: service_pb.ListDecisionsRequest, context: RpcContext
    ) -> service_pb.ListDecisionsResponse:
        chosen, decided = filter_from(request)
        chosen = replace(chosen, caller=context.info.scope)
        after = read_token((chosen, decided), request.page_token, PagePosition)
        size = page_size(request.page_size)

        async def fitting(entries: Sequence[StoredEntry]) -> Sequence[bool]:
            # What counts is read of the reviews, which a search by recorded fields alone needs not.
            if decided.asks_in_force:
                return [decided.fits(one) for one in await self._with_outcomes(entries)]
            return [decided.fits(basic_message(one)) for one in entries]

        page = await self.read.list(chosen, after, size, fitting if decided.asks else None)
        return service_pb.ListDecisionsResponse(
            decisions=await self._with_outcomes(page.entries),
            next_page_token=make_token((chosen, decided), page.next),
        )

    async def _with_outcomes(self, entries: Sequence[StoredEntry]) -> Sequence[pb.Decision]:
        """Decisions in BASIC view, each with what counts of it now."""
        chains = await self.chain.of_all({one.decision_id: one.outcome for one in entries})
        found = []
        for entry in entries:
            message = basic_message(entry)
            _add_outcome_in_force(message, chains.get(entry.decision_id))
            found.append(message)
        return found

    async def replay_decision(
        self, request: service_pb.ReplayDecisionRequest, context: RpcContext
    ) -> service_pb.ReplayDecisionResponse:
        with Problems() as problems:
            full = full_view(request.view, problems)
            which, inputs = replay_from(request, problems)
        scope = context.info.scope
        replayed = await self.replay(request.decision_id, which, scope, inputs)
        recorded = recorded_message(replayed.recorded, full=True)
        message = _replayed_message(replayed, recorded)
        reply = compared(recorded, message)
        if not full:
            _strip(reply.decision)
        return reply

    async def _in_view(self, stored: StoredEntry, application: Application) -> bytes:
        """The reply to a request, which may have been recorded for the same one in another view."""
        full = application.style.full
        if is_recorded_in_full(stored.content, application) == full:
            return stored.reply
        recorded = await self.read.get(stored.decision_id, full=full)
        decision = recorded_message(recorded, full=full)
        reply = service_pb.CreateDecisionResponse(decision=decision)
        return reply.SerializeToString(deterministic=True)

    def _trail(self, info: CallInfo, entry: StoredEntry) -> None:
        info.decision_id = entry.decision_id
        info.trailing.append(("x-decision-id", entry.decision_id))
        version = self._versions.get(entry.ruleset_digest)
        if version is None:  # read from one reply of each rule set, 0 where none decided
            version = basic_message(entry).ruleset_ref.version
            self._versions[entry.ruleset_digest] = version
        if version:
            info.trailing.append(("x-ruleset-version", str(version)))


def basic_message(entry: StoredEntry) -> pb.Decision:
    """The recorded decision without what only the FULL view has."""
    message = service_pb.CreateDecisionResponse.FromString(entry.reply).decision
    _strip(message)
    return message


def _add_outcome_in_force(message: pb.Decision, chain: ReviewChain | None) -> None:
    """What counts of a decision beside what was recorded; `chain` is of one with reviews."""
    current = None if chain is None else chain.current
    if chain is not None:
        message.review.CopyFrom(chain_message(chain))
    if current is None or (current.at is None and current.decision_id == message.decision_id):
        message.outcome_in_force = message.outcome
        if message.outcome == pb.OUTCOME_APPROVE and message.offer.HasField("approved_amount"):
            message.approved_amount_in_force.CopyFrom(message.offer.approved_amount)
        return
    added = DECISIONS.message(
        pb.Decision,
        outcome_in_force=current.outcome,
        approved_amount_in_force=current.amount or current.by_rules,
    )
    message.MergeFrom(added)


def recorded_message(recorded: Recorded, *, full: bool) -> pb.Decision:
    """The recorded decision in the view asked for; in FULL it shows the recorded values."""
    message = basic_message(recorded.entry)
    if full:
        facts = recorded.facts
        added = full_fields(
            facts.sent,
            None if recorded.decision is None else recorded.decision.factors,
            recorded.traces,
            withheld_tags=facts.withheld_tags,
            answers=facts.answers,
        )
        message.MergeFrom(pb.Decision(**added))
    return message


def compared(recorded: pb.Decision, replayed: pb.Decision) -> service_pb.ReplayDecisionResponse:
    """A replay with what differs; by another version of the engine it has changed, no more."""
    fields = [name for name in COMPARED if getattr(replayed, name) != getattr(recorded, name)]
    reply = service_pb.ReplayDecisionResponse(decision=replayed)
    if recorded.engine_version == replayed.engine_version:
        reply.differing_fields.extend(fields)
    else:
        reply.decided_by_engine_version = recorded.engine_version
        reply.changed_fields.extend(fields)
    return reply


def _replayed_message(replayed: Replayed, recorded: pb.Decision) -> pb.Decision:
    decision = replayed.decision
    if decision.ruleset_ref is None:
        return pb.Decision.FromString(recorded.SerializeToString())
    style = ReplyStyle(full=True, languages=replayed.recorded.facts.languages)
    return pb.Decision(**decision_fields(decision, style, replayed.traces))


def _strip(message: pb.Decision) -> None:
    for field in ("factor_values", "rule_traces", "inputs", "withheld_tags"):
        message.ClearField(field)
