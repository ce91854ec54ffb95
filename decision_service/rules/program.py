"""A compiled ruleset: its files, where values come from, and its parts in order."""

from __future__ import annotations

import hashlib
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from decision_service.domain.decision import Component, ListAnswer, Outcome
from decision_service.domain.factor import FactorValue, Input, Observed, ValueType, value_sent
from decision_service.domain.needs import Needs
from decision_service.domain.values import Cause, Missing, Money, shown_first
from decision_service.rules.construct import Runner, State, Trace
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.evaluation import Evaluate
from decision_service.rules.language.types import Literal, Node, Symbol
from decision_service.rules.language.values import Gap, Unknown, to_runtime, unknown
from decision_service.rules.wording import Wording

_DAY = timedelta(days=1)
# Unicode's category of what nobody sees, such as a zero-width space that was pasted along.
_INVISIBLE = "Cf"

WAITING = "waiting"
"""What `recourse` names besides factors: the day from which an applicant is approved."""

_NOT_FETCHED = FactorValue("", None, (Missing(Cause.NOT_FETCHED),))


class ListQuestion(NamedTuple):
    """What a rule asks of a list: whether an input's value (name without prefix) is on it."""

    list: str
    input: str


class KeyList(msgspec.Struct, frozen=True):
    """Folded keys, hashed where there is a `salt`, by last day (None: always)."""

    name: str
    digest: str
    keys: Mapping[str, date | None]
    salt: str = ""

    def answer(self, question: ListQuestion, value: str, day: date) -> ListAnswer:
        """Whether a value counts as listed on a day in the ruleset's zone."""
        key = folded(value)
        # Hashed after folding, as the author of the list did.
        key = hashed(key, self.salt) if self.salt else key
        last = self.keys.get(key)
        listed = key in self.keys and (last is None or day <= last)
        # From then on the answer is another one, and so may the decision be.
        ends = last + _DAY if listed and last is not None else None
        return ListAnswer(self.name, question.input, listed, digest=self.digest, ends=ends)


def folded(key: str) -> str:
    """A key without case, invisible characters and needless blanks; widths and ligatures alike."""
    # Twice, since folding case can undo the form. A list that misses `acme-017 ` shows it too late.
    plain = _compatible(_compatible(key).casefold())
    visible = "".join(c for c in plain if unicodedata.category(c) != _INVISIBLE)
    return " ".join(visible.split())


def _compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def hashed(key: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}:{key}".encode("utf-8", "surrogatepass")).hexdigest()


class _Amount:
    """The class of no value: money is taken in minor units."""


class _Figure:
    """The class of no value: numbers are looked at before they are taken."""


class _Dated:
    """The class of no value: of what was observed outside the age is looked at first."""


# One comparison of classes takes most values; those of a class of no value are looked at.
_KINDS: Mapping[ValueType, type] = {
    ValueType.INTEGER: int,
    ValueType.NUMBER: _Figure,
    ValueType.MONEY: _Amount,
    ValueType.TEXT: str,
    ValueType.FLAG: bool,
    ValueType.DATE: date,
}


class IntakeEntry(NamedTuple):
    """One name that is filled in; values of the class `kind` are taken as they are."""

    key: str
    slot: int
    kind: type
    symbol: Symbol

    @classmethod
    def of(cls, key: str, symbol: Symbol) -> IntakeEntry:
        return cls(key, symbol.slot, _KINDS[symbol.type], symbol)


class InputEntry(NamedTuple):
    """One input that is filled in; `max_age` is in days, None where its age does not matter."""

    key: str
    slot: int
    kind: type
    symbol: Symbol
    max_age: int | None

    @classmethod
    def of(cls, key: str, symbol: Symbol, max_age: int | None) -> InputEntry:
        kind = _KINDS[symbol.type] if max_age is None else _Dated
        return cls(key, symbol.slot, kind, symbol, max_age)


class AnswerEntry(NamedTuple):
    """The slot of a list's answer about the input whose value is in the slot `about`."""

    question: ListQuestion
    slot: int
    about: int


class Intake(msgspec.Struct, frozen=True):
    """The slots of factors, inputs and lists' answers; equal intakes of `of` are one object."""

    currency: str
    factors: tuple[IntakeEntry, ...]
    inputs: tuple[InputEntry, ...]
    answers: tuple[AnswerEntry, ...] = ()

    @classmethod
    def of(
        cls,
        currency: str,
        factors: Sequence[Symbol],
        inputs: Sequence[InputEntry],
        answers: Sequence[AnswerEntry] = (),
    ) -> Intake:
        taken = tuple(IntakeEntry.of(symbol.name, symbol) for symbol in factors)
        # Rules that differ in figures alone share one object, so that `load` may ask by `is`.
        return _interned(cls(currency, taken, tuple(inputs), tuple(answers)))

    def load_factors(
        self,
        factors: Mapping[str, FactorValue],
        values: list[Any],
        entries: Iterable[IntakeEntry] | None = None,
    ) -> None:
        get = factors.get
        currency = self.currency
        for key, slot, kind, symbol in self.factors if entries is None else entries:
            # What was not computed is a failure and refers: it must not be read as absent.
            found = get(key, _NOT_FETCHED)
            value: Any = found.value
            if value.__class__ is kind:
                values[slot] = value
            elif value is None:
                values[slot] = _without_value(key, found)
            elif kind is _Amount and value.__class__ is Money and value.currency == currency:
                values[slot] = value.minor
            else:
                values[slot] = _looked_at(symbol, value, currency)

    def copy_factors(self, loaded: Sequence[Any], values: list[Any]) -> None:
        for entry in self.factors:
            slot = entry.slot
            values[slot] = loaded[slot]

    def load_more(self, factors: Mapping[str, FactorValue], values: list[Any]) -> None:
        """Fill in these factors over what is there; the others stay."""
        known = [entry for entry in self.factors if entry.key in factors]
        self.load_factors(factors, values, known)

    def load_inputs(self, inputs: Mapping[str, Input], day: date, values: list[Any]) -> None:
        """Fill in what was sent; on the day some of what was observed outside is too old."""
        get = inputs.get
        for key, slot, kind, symbol, max_age in self.inputs:
            value = get(key)
            if value.__class__ is kind:
                values[slot] = value
            elif value is None:
                values[slot] = _not_sent(symbol.name)
            elif max_age is not None and not is_fresh(value, max_age, day):
                values[slot] = _too_old(symbol.name, value, day)
            else:
                values[slot] = _looked_at(symbol, value_sent(value), self.currency)

    def load_answers(self, answers: Iterable[ListAnswer], values: list[Any]) -> None:
        """Fill in lists' answers after the inputs; about one not sent there is none."""
        if not self.answers:
            return
        found = {(one.list, one.input): one.listed for one in answers}
        for question, slot, about in self.answers:
            sent = values[about]
            # The answer is missing for the input's own cause.
            if sent.__class__ is Unknown:
                values[slot] = sent
            elif question in found:
                values[slot] = found[question]
            else:
                # A list that is gone has not said that the key is not on it.
                values[slot] = unknown(f"lists.{question.list}", Cause.NOT_FETCHED)


@lru_cache(64)
def _interned(intake: Intake) -> Intake:
    """One object for all that are equal: rulesets that differ in figures alone share it."""
    return intake


def _looked_at(symbol: Symbol, value: Any, currency: str) -> Any:
    """Take plain numbers as they are; convert or check all else."""
    if value.__class__ is Decimal and symbol.type is ValueType.NUMBER and value.is_finite():
        return value
    return to_runtime(symbol.name, value, symbol.type, currency=currency)


def _without_value(name: str, found: FactorValue) -> Unknown:
    causes = found.missing
    if len(causes) == 1:
        return Unknown((), Gap(name, causes[0]))
    return Unknown((), Gap(name, shown_first(causes or _NOT_FETCHED.missing)))


def is_fresh(given: Input, max_age: int, day: date) -> bool:
    """Whether what was observed outside counts on a day; what has no day of its own is too old."""
    return isinstance(given, Observed) and 0 <= (day - given.day).days <= max_age


def _too_old(name: str, given: Input, day: date) -> Unknown:
    age = f"{(day - given.day).days} days old" if isinstance(given, Observed) else "of no day"
    return Unknown((), Gap(name, Missing(Cause.STALE, detail=age)))


@lru_cache(1024)
def _not_sent(name: str) -> Unknown:
    """The same for every application that lacks the input, which is most where it is optional."""
    return unknown(name, Cause.NOT_SENT)


class ParamPeriod(msgspec.Struct, frozen=True):
    """Parameters by slot from a day on: Unknown before their first value, `ByLabel` if by label."""

    start: date | None
    values: tuple[Any, ...]
    ends: date | None


class ByLabel(msgspec.Struct, frozen=True):
    """A parameter's values in a period by label, and the one of every other label."""

    values: Mapping[Any, Any]
    other: Any

    def of(self, label: Any) -> Any:
        """The value of a label; UNKNOWN as the label is."""
        if label.__class__ is Unknown:
            # Not `other`: that is a figure for people of whom something is known.
            return label
        return self.values.get(label, self.other)


class LabelledParam(NamedTuple):
    param: str
    slot: int
    by: int


class Timeline(msgspec.Struct, frozen=True):
    starts: tuple[date, ...]
    periods: tuple[ParamPeriod, ...]

    def at(self, day: date) -> ParamPeriod:
        return self.periods[bisect_right(self.starts, day)]


class DerivedValue(NamedTuple):
    slot: int
    evaluate: Evaluate
    reads: frozenset[int]


class Stage(msgspec.Struct, frozen=True):
    """A stage, or a part that follows the stages; `derived` are evaluated when it has run."""

    name: str
    component: Component
    runner: Runner
    derived: tuple[DerivedValue, ...] = ()


class Program(msgspec.Struct, frozen=True):
    """Everything `evaluate` runs, in order; `derived` are evaluated before the first stage.

    `labelled` are the parameters by label.
    `closing` follows from the worst of the stages' outcomes; `read` are the slots that anything
    reads.
    """

    timeline: Timeline
    intake: Intake
    labelled: tuple[LabelledParam, ...]
    derived: tuple[DerivedValue, ...]
    stages: tuple[Stage, ...]
    closing: tuple[Stage, ...]
    wording: Wording
    read: frozenset[int]

    def outdated(self, inputs: Mapping[str, Input], day: date) -> Iterator[date]:
        """The first day on which each input that is read, and fresh on a day, is too old."""
        for entry in self.intake.inputs:
            given = inputs.get(entry.key)
            # An input that nothing reads ends no decision early.
            if entry.max_age is None or entry.slot not in self.read:
                continue
            if isinstance(given, Observed) and is_fresh(given, entry.max_age, day):
                yield given.day + (entry.max_age + 1) * _DAY

    def run(
        self,
        inputs: Mapping[str, Input],
        day: date,
        answers: Sequence[ListAnswer],
        state: State,
    ) -> Trace:
        """Evaluate a state that holds parameters and factors; call it inside `exactly()`."""
        values = state.values
        self.intake.load_inputs(inputs, day, values)
        self.intake.load_answers(answers, values)
        # After the inputs, whose values choose the label.
        for _, slot, by in self.labelled:
            values[slot] = values[slot].of(values[by])
        for slot, evaluate, _ in self.derived:
            values[slot] = evaluate(values)
        stages = []
        for stage in self.stages:
            # Every stage runs, whatever others concluded: a declined applicant has a score, too.
            stages.append(state.take(stage.runner.run(state)))
            for each in stage.derived:
                state.compute(*each)
        # Asked of the stages alone: what follows may refer or decline, and approves nothing.
        state.settle()
        closing = [
            state.take(stage.runner.run(state)) if state.open else None for stage in self.closing
        ]
        return Trace(values, stages, closing)


@dataclass(frozen=True, slots=True)
class Guarantee:
    """One named guarantee, of one of five kinds.

    `never` an outcome, or `always` a condition; of `monotone` names, moved their way (1: up,
    -1: down), a better value never gives a worse verdict; without the `hidden` names no applicant
    has a better one; no price is beyond a ceiling of the `law`. It is about those for which `when`
    is true, of two verdicts both times. What `must` be proved is broken where it is not decided.
    """

    name: str
    never: Outcome | None = None
    always: Node | None = None
    when: Node | None = None
    monotone: tuple[tuple[Symbol, int], ...] = ()
    hidden: tuple[Symbol, ...] = ()
    must: bool = False
    law: str = ""
    place: Place = field(default=Place("", 1, 1, end=2), compare=False)


class RulesetFiles(msgspec.Struct, frozen=True):
    """The texts of one ruleset version.

    `path` is the version's file as messages show it (`rules/personal-loan-ph/v1.yaml`). `data`
    holds `_data/*.yaml` by file name, `tables` the product's CSV files by their path within the
    product's folder (`tables/limit.csv`); both may lack what the version does not use. `lists`
    holds lists of keys likewise (`lists/blocked.csv`, `_shared/lists/blocked.csv` for one of all
    products); None where those of its time are not known, so that any may be named. `shared` holds
    reasons and parameters of several products (`_shared/reasons.yaml`).
    `unreadable` says why tables and lists that are there could not be read.
    """

    product: str
    path: str
    text: str
    data: Mapping[str, str] = msgspec.field(default_factory=dict)
    tables: Mapping[str, str] = msgspec.field(default_factory=dict)
    unreadable: Mapping[str, str] = msgspec.field(default_factory=dict)
    lists: Mapping[str, str] | None = msgspec.field(default_factory=dict)
    shared: Mapping[str, str] = msgspec.field(default_factory=dict)


class InputSpec(msgspec.Struct, frozen=True):
    """What the loan system sends under a name; bounds are inclusive, money in major units.

    What a `source` outside observed more than `max_age` days ago is missing; None: no day is asked.
    """

    name: str
    type: ValueType
    required: bool = False
    lower: Decimal | None = None
    upper: Decimal | None = None
    labels: tuple[str, ...] = ()
    because: str = ""
    max_age: int | None = None
    source: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether every application has a value of it: what may be too old is not."""
        return self.required and self.max_age is None


class ReasonSpec(msgspec.Struct, frozen=True):
    """A reason code of the ruleset; a smaller `priority` comes first, one reason per `group`."""

    code: str
    texts: Mapping[str, str]
    regulatory: str = ""
    group: str = ""
    priority: int = 50


class TagSpec(msgspec.Struct, frozen=True):
    """A label that rules can carry: what it means to colleagues, and whether replies have it."""

    name: str
    means: str
    told: bool = True


class Step(msgspec.Struct, frozen=True):
    """A parameter's value from a day on (None: always), as evaluation wants it."""

    start: date | None
    value: Literal


class LabelValues(msgspec.Struct, frozen=True):
    """A parameter's values for one label; an empty label is every other one."""

    label: str
    steps: tuple[Step, ...]


class ParamSpec(msgspec.Struct, frozen=True):
    """A named constant whose value may change on dates; steps are in date order.

    With `by` it has a value for each label of that name, in `labels`, and no steps of its own.
    The bounds (inclusive, money in major units) and the unit guard the file against slips. They
    decide nothing, and are no part of the digest.
    """

    name: str
    type: ValueType
    steps: tuple[Step, ...]
    lower: Decimal | None = None
    upper: Decimal | None = None
    unit: str = ""
    by: str = ""
    labels: tuple[LabelValues, ...] = ()

    @property
    def series(self) -> tuple[LabelValues, ...]:
        """Its values over time, for each label; for all at once where it has none."""
        return self.labels if self.by else (LabelValues("", self.steps),)

    @property
    def every_step(self) -> tuple[Step, ...]:
        return tuple(step for each in self.series for step in each.steps)


class CompiledRuleset(msgspec.Struct, frozen=True):
    """A checked ruleset, ready to evaluate.

    `digest` is the SHA-256 of its canonical content in hex, `_data` and tables included: comments
    and layout do not change it. `valid_for` is None where the file states none. `derived` holds
    the trees of `derived.x` in the order of evaluation; `places` is where each `inputs.x`,
    `params.x`, `derived.x` and `reasons.X` is declared; `unused_reasons` are declared, and nothing
    gives them. `questions` are what its rules ask of lists; `lists` are those, as they were when it
    was loaded. They and the `guarantees` are no part of the digest. `tell` holds what of recourse
    applicants may be told: factors, and `waiting`. `lifting` are the amounts that derived
    values read and that are better when larger.
    """

    ruleset: str
    version: int
    title: str
    currency: str
    zone: ZoneInfo
    digest: str
    needs: Needs
    inputs: Mapping[str, InputSpec]
    params: Mapping[str, ParamSpec]
    reasons: Mapping[str, ReasonSpec]
    valid_for: timedelta | None
    program: Program
    derived: Mapping[str, Node]
    places: Mapping[str, Place]
    unused_reasons: frozenset[str] = frozenset()
    tags: Mapping[str, TagSpec] = msgspec.field(default_factory=dict)
    questions: tuple[ListQuestion, ...] = ()
    lists: Mapping[str, KeyList] = msgspec.field(default_factory=dict)
    guarantees: tuple[Guarantee, ...] = ()
    tell: frozenset[str] = frozenset()
    lifting: frozenset[str] = frozenset()
