"""Case files: exported decisions by ranges of time, and the record that a judgement reads."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from decision_service.author.backtest.replica import KeyRange, RangeCounts, RecordedApplicant
from decision_service.author.backtest.sums import KnownLoan
from decision_service.decide.codec import (
    StoredFacts,
    encode_facts,
    inputs_to_wire,
    observations_to_wire,
    pack_factors,
)
from decision_service.domain.decision import (
    Arm,
    Assignment,
    EnrolmentReason,
    ListAnswer,
    OfferKind,
    Outcome,
    ReferKind,
)
from decision_service.domain.factor import (
    Factors,
    FactorSpec,
    FactorValue,
    Input,
    Observed,
    SourceUse,
    Value,
    ValueType,
)
from decision_service.domain.ports import PagePosition, StoredEntry, StoredText
from decision_service.domain.values import Cause, DataReason, Missing, Money, exponent
from decision_service.factors.registry import known_factors
from decision_service.rollout.impact import Side
from decision_service.rulebook.archive import files_from_body
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.inputs import bind_inputs
from decision_service.rules.language.values import has_type
from decision_service.rules.program import CompiledRuleset
from decision_service.store.columns import from_microseconds, microseconds


class AmountLine(msgspec.Struct, frozen=True):
    amount: Decimal
    currency: str

    @property
    def money(self) -> Money:
        """The amount in minor units; raises ValueError where it is finer than those."""
        minor = self.amount.scaleb(exponent(self.currency))
        if minor != minor.to_integral_value():
            raise ValueError("an amount is finer than its currency")
        return Money(self.currency, int(minor))


class DayLine(msgspec.Struct, frozen=True):
    date: date


class CauseLine(msgspec.Struct, frozen=True):
    cause: Cause
    reason: DataReason


class MissingLine(msgspec.Struct, frozen=True):
    missing: tuple[CauseLine, ...]


class AnswerLine(msgspec.Struct, frozen=True):
    list: str
    input: str
    listed: bool
    digest: str


class CaseOffer(msgspec.Struct, frozen=True):
    """The terms offered, amounts in major units; `outputs` are further lines of the offer."""

    offer_kind: str = ""
    approved_amount: Decimal | None = None
    currency: str = ""
    outputs: Mapping[str, Any] = {}


class ConclusionLine(msgspec.Struct, frozen=True):
    outcome: Outcome
    refer_kind: str = ""
    reasons: tuple[str, ...] = ()


class CaseLine(ConclusionLine, frozen=True, kw_only=True):
    """An exported decision; fields that no judgement reads are skipped.

    `decision` and `unit` are words for decision and applicant. `override` is what the rules
    concluded where something else was decided. `observed` has the days of inputs that a source
    outside observed. `loan_bad` is None where no loan is known.
    """

    decision: str
    unit: str
    product: str
    decided: datetime
    digest: str = ""
    arm: str = ""
    inputs: Mapping[str, Any] = {}
    observed: Mapping[str, date] = {}
    factors: Mapping[str, Any] = {}
    providers: tuple[str, ...] = ()
    list_answers: tuple[AnswerLine, ...] = ()
    offer: CaseOffer | None = None
    override: ConclusionLine | None = None
    loan_bad: bool | None = None

    @property
    def side(self) -> Side:
        """What the rules concluded then; raises ValueError where the line does not say it."""
        concluded = self.override or self
        kind = ReferKind(concluded.refer_kind) if concluded.refer_kind else None
        if concluded.outcome is not Outcome.APPROVE or self.offer is None:
            return Side(concluded.outcome, kind, codes=concluded.reasons)
        amount = self.offer.approved_amount
        reduced = self.offer.offer_kind == OfferKind.REDUCED
        approved = None if amount is None else AmountLine(amount, self.offer.currency).money.minor
        instalment = self.offer.outputs.get("instalment")
        paid = None if instalment is None else value_of(instalment)
        minor = paid.minor if isinstance(paid, Money) else None
        return Side(
            concluded.outcome,
            kind,
            approved,
            instalment=minor,
            reduced=reduced,
            codes=concluded.reasons,
        )


_DECODER = msgspec.json.Decoder(CaseLine, float_hook=Decimal)


class LineBroken(ValueError):
    """A line holds no exported decision; the message says why."""


def parsed(line: bytes) -> CaseLine:
    """The decision of a line; raises LineBroken."""
    try:
        case = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LineBroken(f"the line is no exported decision ({error})") from None
    if case.decided.tzinfo is None:
        raise LineBroken("`decided` names no time zone")
    return case


def value_of(given: Any) -> Value:
    """A value as a line writes it: numbers are Decimal; raises ValueError for anything else."""
    if isinstance(given, bool | str | Decimal):
        return given
    if isinstance(given, int):
        return Decimal(given)
    if isinstance(given, dict) and "date" in given:
        return msgspec.convert(given, DayLine).date
    return msgspec.convert(given, AmountLine).money


def entry_of(line: CaseLine, ruleset: CompiledRuleset | None) -> StoredEntry:
    """The decision as a store has it, without factor values where these cannot be read."""
    try:
        reply = msgspec.json.encode(line.side)
        facts = b"" if ruleset is None else encode_facts(_facts(line, ruleset))
    except (ValueError, ArithmeticError):
        reply = b""
        facts = b""
    return StoredEntry(
        decision_id=line.decision,
        caller="",
        request_id="",
        content=b"",
        user_id=line.unit,
        product=line.product,
        application_id="",
        customer_ref="",
        outcome=line.outcome,
        created=line.decided,
        reply=reply,
        facts=facts,
        ruleset_digest=line.digest or None,
        plan_digest=None,
        snapshot_id=None,
    )


def _facts(line: CaseLine, ruleset: CompiledRuleset) -> StoredFacts:
    sent = {name: _sent(name, line) for name in line.inputs}
    today = line.decided.astimezone(ruleset.zone).date()
    bound = bind_inputs(ruleset, sent, today, also_known=frozenset(sent))
    if bound.problems or any(name not in line.factors for name in ruleset.needs.factors):
        raise ValueError("the line lacks what the rules of the decision read")
    answers = (ListAnswer(a.list, a.input, a.listed, digest=a.digest) for a in line.list_answers)
    specs = known_factors()
    known = {name: specs[name] for name in line.factors if name in specs}
    values = {name: _factor(spec, line.factors[name]) for name, spec in known.items()}
    sources = (SourceUse("", provider, "", synced=None, used=True) for provider in line.providers)
    return StoredFacts(
        instant=line.decided,
        zone=ruleset.zone.key,
        assignment=Assignment(  # of which a line has the arm alone
            rollout=line.product,
            enrolled=True,
            enrolment_reason=EnrolmentReason.IN_STAGE,
            plan_digest="",
            stage="",
            percent=0,
            arm=Arm(line.arm) if line.arm else None,
        ),
        inputs=inputs_to_wire({**sent, **bound.values}),
        observations=observations_to_wire(sent),
        packed_factors=pack_factors(Factors(values, {}, tuple(sources), oldest_used_sync=None)),
        answers=tuple(answers),
    )


def _sent(name: str, line: CaseLine) -> Input:
    value = value_of(line.inputs[name])
    day = line.observed.get(name)
    return value if day is None else Observed(value, day)


def _factor(spec: FactorSpec, given: Any) -> FactorValue:
    if isinstance(given, dict) and "missing" in given:
        causes = msgspec.convert(given, MissingLine).missing
        return FactorValue(spec.name, None, tuple(Missing(c.cause, c.reason) for c in causes))
    value = value_of(given)
    if spec.type is ValueType.INTEGER and isinstance(value, Decimal) and value == int(value):
        value = int(value)
    if not has_type(value, spec.type):
        raise ValueError(f"{spec.name} is no {spec.type}")
    return FactorValue(spec.name, value)


LONGEST = 1 << 20
"""Bytes of a line above which it is no exported decision."""


class CasePosition(NamedTuple):
    created: int
    decision: str
    unit: str
    decided: bool
    begin: int


class BrokenLine(msgspec.Struct, frozen=True):
    """A line, from 1, that is not counted, and why."""

    number: int
    why: str


class CaseFile:
    """A product's decisions in a file, oldest first; raises OSError where it cannot be read."""

    def __init__(self, file: Path, product: str) -> None:
        self.positions: list[CasePosition] = []
        self.others = 0
        self.broken: list[BrokenLine] = []
        self._seen: set[str] = set()
        with file.open("rb") as source:
            for number, (begin, line) in enumerate(_lines(source), 1):
                try:
                    if line.strip():
                        self._take(begin, line, product)
                except LineBroken as error:
                    self.broken.append(BrokenLine(number, str(error)))
        self.positions.sort()

    def _take(self, begin: int, line: bytes, product: str) -> None:
        if len(line) > LONGEST:
            raise LineBroken(f"the line has more than {LONGEST:,} bytes")
        case = parsed(line)
        if case.product != product:
            self.others += 1
            return
        if case.decision in self._seen:
            raise LineBroken(f"decision {case.decision} is in the file again")
        self._seen.add(case.decision)
        decided = case.outcome is not Outcome.NOT_ENROLLED
        created = microseconds(case.decided)
        self.positions.append(
            CasePosition(created, case.decision, case.unit, decided=decided, begin=begin)
        )


class CaseReader:
    """Applicants of a file, read as those of a store; `texts` are the stored files of versions."""

    def __init__(self, file: Path, product: str, texts: Mapping[str, bytes]) -> None:
        self._texts = texts
        self._rules: dict[str, CompiledRuleset | None] = {}
        self._positions = CaseFile(file, product).positions
        self._firsts: dict[datetime, list[CasePosition]] = {}
        self._file = file.open("rb")

    def side(self, reply: bytes) -> Side:
        """What a line says that the rules concluded."""
        return msgspec.json.decode(reply, type=Side)

    async def aclose(self) -> None:
        self._file.close()

    async def text(self, digest: str) -> StoredText | None:
        body = self._texts.get(digest)
        return None if body is None else StoredText(digest, "ruleset", body)

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        """No person's data is in an export."""
        del user_id, snapshot_id
        nothing: bytes | None = None
        return nothing

    async def counts(self, product: str, chosen: KeyRange) -> RangeCounts:
        del product
        found = _within(self._positions, chosen)
        decided = sum(one.decided for one in found)
        edges = (from_microseconds(found[at].created) for at in ((0, -1) if found else ()))
        return RangeCounts(decided, len(found) - decided, *edges)

    async def applicants(
        self,
        product: str,
        chosen: KeyRange,
        window: datetime,
        after: PagePosition | None,
        limit: int,
    ) -> Sequence[RecordedApplicant]:
        del product
        if window not in self._firsts:
            self._firsts[window] = self._firsts_since(microseconds(window))
        found = _within(self._firsts[window], chosen)
        if after is not None:
            reached = microseconds(after.created), after.decision_id
            found = found[bisect_right(found, reached, key=itemgetter(0, 1)) :]
        return [self._applicant(one.begin) for one in found[:limit]]

    def _firsts_since(self, window: int) -> list[CasePosition]:
        firsts: dict[str, CasePosition] = {}
        for one in self._positions:
            if one.decided and one.created >= window:
                firsts.setdefault(one.unit, one)
        return [*firsts.values()]

    def _applicant(self, begin: int) -> RecordedApplicant:
        self._file.seek(begin)
        line = parsed(self._file.readline(LONGEST + 1))
        loan = None if line.loan_bad is None else KnownLoan(bad=line.loan_bad)
        return RecordedApplicant(entry_of(line, self._ruleset(line.digest)), loan)

    def _ruleset(self, digest: str) -> CompiledRuleset | None:
        if digest not in self._rules:
            body = self._texts.get(digest)
            self._rules[digest] = None
            if body is not None:
                compilation = compile_ruleset(files_from_body(body), known_factors(), checks=())
                self._rules[digest] = compilation.ruleset
        return self._rules[digest]


def _within(ordered: Sequence[CasePosition], chosen: KeyRange) -> Sequence[CasePosition]:
    since = microseconds(chosen.since)
    before = microseconds(chosen.before)
    return ordered[bisect_left(ordered, (since,)) : bisect_left(ordered, (before,))]


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each line with the byte that it begins at; of one that is too long its beginning."""
    begin = source.tell()
    while line := source.readline(LONGEST + 1):
        yield begin, line
        while not line.endswith(b"\n") and (rest := source.readline(LONGEST)):
            line = rest
        begin = source.tell()
