"""A claim as a query to a solver, its check by the evaluator, and two verdicts compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from decision_service.author.proofs.encoding import (
    Encoded,
    encode,
    fails,
    holds,
    known,
    literal,
    present,
)
from decision_service.author.proofs.laws import Ceiling, ceilings_of
from decision_service.author.proofs.people import (
    TODAY,
    FactorModel,
    People,
    PersonCondition,
    PersonValues,
    Variant,
    facts_of,
)
from decision_service.author.proofs.ruleset import EncodedVerdict, encode_ruleset
from decision_service.author.proofs.terms import Builder, Term
from decision_service.domain.decision import Component, Outcome, Verdict
from decision_service.domain.factor import ValueType
from decision_service.domain.values import Money
from decision_service.rules.construct import Trace
from decision_service.rules.evaluate import evaluate
from decision_service.rules.keys import AMOUNT, MAXIMUM, MINIMUM, RATE, TERM, TIER
from decision_service.rules.language.types import Symbol, reads
from decision_service.rules.law import PriceLaw
from decision_service.rules.program import CompiledRuleset, Guarantee

OFFER_LINES = (MAXIMUM, AMOUNT, TERM, RATE, TIER)
_OTHER = "other "


@dataclass(frozen=True, slots=True)
class Period:
    """The days on which parameters stay as they are; the last period has no end."""

    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class Query:
    """Whether any of these people breaks the claim; `changed` is what differs a second time."""

    people: People
    broken: Term
    constraints: Sequence[Term]
    changed: Mapping[str, Encoded]


@dataclass(frozen=True, slots=True)
class Question:
    """A claim about rules: of no person the verdicts by `rulesets` are `broken`.

    `sides` say what each verdict is of. By the second of the rules the same person is decided with
    the `moved` values higher (1), lower (-1) or missing (0). It leaves out people of whom `where`
    is true. On the days of `starts` the claim changes, as rules do with their parameters.
    """

    name: str
    rulesets: Sequence[CompiledRuleset]
    sides: Sequence[str]
    world: FactorModel
    broken: Callable[..., Term]
    moved: Sequence[tuple[Symbol, int]] = ()
    where: PersonCondition | None = None
    starts: frozenset[date] = frozenset()

    def pose(self, period: Period, fixed: Mapping[str, Any]) -> Query:
        """The question with some values fixed; raises NotEncodable."""
        people = self._people(fixed)
        b = people.builder
        verdicts = [encode_ruleset(self.rulesets[0], people, period.start)]
        others = second_values(self.moved, people)
        again = Variant(people, others) if others else None
        verdicts += [encode_ruleset(r, again or people, period.start) for r in self.rulesets[1:]]
        outside = b.true if self.where is None else b.not_(holds(b, self.where.encoded(people)))
        firsts = {name: people.variables[name].value for name in others}
        differs = _moved_term(b, self.moved, firsts, others=others)
        broken = b.and_(outside, differs, self.broken(b, *verdicts))
        return Query(people, broken, self._lawful(people, period, again), changed=others)

    def judged(
        self,
        person: PersonValues,
        changed: Mapping[str, Any],
        day: date,
        /,
        first: Verdict | None = None,
    ) -> Sequence[Verdict] | None:
        """The verdicts by which a person breaks the claim; None where it holds of the person.

        `first` may be given where the person was judged by the first of the rules before.
        """
        b = Builder()
        other = PersonValues({**person.values, **changed}, person.answers)
        if self.where is not None and self.where.truth(person) is True:
            return None
        firsts = {name: known(b, person.values[name]) for name in changed}
        others = {name: known(b, other.values[name]) for name in changed}
        if _moved_term(b, self.moved, firsts, others=others) is b.false:
            return None
        verdicts = [first or verdict_on(person, self.rulesets[0], day)]
        verdicts += [verdict_on(other, ruleset, day) for ruleset in self.rulesets[1:]]
        pairs = zip(verdicts, self.rulesets, strict=True)
        found = [known_verdict(b, verdict, ruleset, day=day) for verdict, ruleset in pairs]
        broken = self.broken(b, *found)
        return verdicts if broken is b.true else None

    def _people(self, fixed: Mapping[str, Any]) -> People:
        return People(
            Builder(),
            self.world.catalogue,
            self.rulesets[0].currency,
            required=required(self.rulesets),
            bounds=inputs_of(self.rulesets),
            dated=dated(self.rulesets),
            fixed=fixed,
        )

    def _lawful(self, people: People, period: Period, second: Variant | None) -> list[Term]:
        """Ranges of variables, the laws, also of the same person a `second` time, and the day."""
        b = people.builder
        found = list(self.world.kept(people, second))
        today = people.variables.get(TODAY)
        if today is not None:
            found.append(b.le(b.number(period.start.toordinal()), today.value.term))
            if period.end is not None:
                found.append(b.lt(today.value.term, b.number(period.end.toordinal())))
        return [*people.constraints, *found]


def second_values(moved: Sequence[tuple[Symbol, int]], people: People) -> Mapping[str, Encoded]:
    """What the same person has the second time: another value, or none for a cause it can have."""
    again = replace(people, prefix=_OTHER, variables={}, answers={}, constraints=[])
    found: dict[str, Encoded] = {}
    for name, way in ((symbol.name, way) for symbol, way in moved):
        symbol = people.variables[name].symbol
        sent = name.removeprefix("inputs.")
        if not way:
            found[name] = _hidden(people, name)
        else:
            found[name] = again.factor(symbol) if sent == name else again.sent(sent, symbol)
    people.constraints += again.constraints
    return found


def _hidden(people: People, name: str) -> Encoded:
    b = people.builder
    value = people.variables[name].value
    causes = people.catalogue[name].causes if name in people.catalogue else ()
    tainted = b.truth(any(cause.tainted for cause in causes))
    if not all(cause.tainted for cause in causes) and tainted is b.true:
        tainted = b.flag(f"{_OTHER}{name} is tainted")
    return Encoded(b.true, tainted, value.term)


def _moved_term(
    b: Builder,
    moved: Sequence[tuple[Symbol, int]],
    firsts: Mapping[str, Encoded],
    others: Mapping[str, Encoded],
) -> Term:
    """Whether all that moves is there at first, and is the second time as it moves."""
    found = b.and_(*(b.not_(value.is_missing) for value in firsts.values()))
    for symbol, way in moved:
        one = firsts[symbol.name]
        other = others[symbol.name]
        pair = (one.term, other.term) if way > 0 else (other.term, one.term)
        if way:
            order = b.implies(*pair) if symbol.type is ValueType.FLAG else b.le(*pair)
            found = b.and_(found, order, b.not_(other.is_missing))
    return found


@dataclass(frozen=True, slots=True)
class KnownValues:
    """The values of one evaluation by slot."""

    builder: Builder
    values: Sequence[Any]

    def read(self, slot: int) -> Encoded:
        return known(self.builder, self.values[slot])


@dataclass(frozen=True, slots=True)
class KnownLines(Mapping[str, Encoded]):
    """The lines of one offer; most claims look at one of them."""

    builder: Builder
    plain: Mapping[str, Any]

    def __getitem__(self, name: str) -> Encoded:
        return present(self.builder, literal(self.builder, self.plain[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.plain)

    def __len__(self) -> int:
        return len(self.plain)


def known_verdict(
    b: Builder, verdict: Verdict, ruleset: CompiledRuleset, day: date
) -> EncodedVerdict:
    """The evaluator's verdict on one person, for the laws that claims are made of."""
    trace = verdict.raw_trace
    offer = verdict.offer
    assert isinstance(trace, Trace)  # noqa: S101  the evaluator's own
    lines: dict[str, Any] = {}
    if offer is not None:
        lines = {**{name: getattr(offer, name) for name in OFFER_LINES}, **offer.outputs}
    plain = {n: v.minor if isinstance(v, Money) else v for n, v in lines.items()}
    return EncodedVerdict(
        b.truth(verdict.outcome is Outcome.APPROVE),
        b.truth(verdict.outcome is Outcome.REFER),
        b.truth(verdict.outcome is Outcome.DECLINE),
        offered=b.truth(offer is not None),
        lines=KnownLines(b, {n: v for n, v in plain.items() if v not in (None, "")}),
        conditions={condition.id: b.true for condition in verdict.conditions},
        values=KnownValues(b, trace.values),
        valid=verdict.valid_until,
        legal=b.truth(_refers_legally(trace, ruleset)),
        day=day,
    )


def _refers_legally(trace: Trace, ruleset: CompiledRuleset) -> bool:
    pairs = zip(trace.closing, ruleset.program.closing, strict=True)
    legal = [c for c, stage in pairs if c and stage.component is Component.LEGAL]
    return any(f.outcome is Outcome.REFER for conclusion in legal for f in conclusion.findings)


def periods(
    rulesets: Sequence[CompiledRuleset], today: date, more: Iterable[date] = ()
) -> Sequence[Period]:
    """From a day on, ending where a parameter changes, or on one of `more` days."""
    starts = {s for r in rulesets for s in r.program.timeline.starts} | {*more}
    begins = [today, *sorted(s for s in starts if s > today)]
    return [Period(s, e) for s, e in zip(begins, [*begins[1:], None], strict=True)]


def inputs_of(rulesets: Sequence[CompiledRuleset]) -> Mapping[str, Symbol]:
    """The inputs that all rules accept, by name without prefix, with the tightest bounds."""
    found: dict[str, Symbol] = {}
    for ruleset in rulesets:
        for entry in ruleset.program.intake.inputs:
            one = entry.symbol
            other = found.get(entry.key)
            found[entry.key] = one if other is None else _tightest(one, other)
    return found


def _tightest(one: Symbol, other: Symbol) -> Symbol:
    lows = [s.lower for s in (one, other) if s.lower is not None]
    highs = [s.upper for s in (one, other) if s.upper is not None]
    labels = one.labels or other.labels
    if one.labels and other.labels:
        labels = tuple(label for label in one.labels if label in other.labels)
    low = max(lows, default=None)
    high = min(highs, default=None)
    return Symbol(one.name, one.type, one.slot, lower=low, upper=high, labels=labels)


def required(rulesets: Sequence[CompiledRuleset]) -> frozenset[str]:
    return frozenset(n for r in rulesets for n, spec in r.inputs.items() if spec.required)


def dated(rulesets: Sequence[CompiledRuleset]) -> frozenset[str]:
    """The inputs that may be too old."""
    return frozenset(n for r in rulesets for n, spec in r.inputs.items() if spec.max_age)


def verdict_on(person: PersonValues, ruleset: CompiledRuleset, day: date) -> Verdict:
    return evaluate(ruleset, facts_of(person, ruleset, day))


def better_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    approved = b.and_(other.approved, b.not_(one.approved))
    return b.or_(approved, b.and_(one.declined, b.not_(other.declined)))


def more_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    """Whether both make an offer, and the other one is of more money."""
    pair = [v.lines.get(AMOUNT) for v in (one, other)]
    if pair[0] is None or pair[1] is None:
        return b.false
    return b.and_(one.offered, other.offered, b.lt(pair[0].term, pair[1].term))


def other_price_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    """Whether the rate differs, or a fee or instalment of the same amount over the same term."""

    def unlike(*names: str) -> Term:
        firsts = {name: one.lines[name] for name in names if name in one.lines}
        others = {name: other.lines[name] for name in names if name in other.lines}
        return b.or_(*_other_lines(b, firsts, others))

    fees = {*one.lines, *other.lines} - {*OFFER_LINES, MINIMUM}
    same_loan = b.not_(unlike(AMOUNT, TERM))
    differs = b.or_(unlike(RATE), b.and_(same_loan, unlike(*fees)))
    return b.and_(one.offered, other.offered, differs)


def other_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    """Whether outcome, offer, conditions or the time for which it holds differ."""
    if one.valid != other.valid:
        return b.true
    outcomes = ((one.approved, other.approved), (one.declined, other.declined))
    unlike = [b.not_(b.eq(*pair)) for pair in (*outcomes, (one.offered, other.offered))]
    both = b.and_(one.offered, other.offered)
    unlike += [b.and_(both, line) for line in _other_lines(b, one.lines, other.lines)]
    for name in sorted({*one.conditions, *other.conditions}):
        pair = [v.conditions.get(name, b.false) for v in (one, other)]
        unlike.append(b.not_(b.eq(*pair)))
    return b.or_(*unlike)


def _other_lines(
    b: Builder, one: Mapping[str, Encoded], other: Mapping[str, Encoded]
) -> list[Term]:
    """Of each line, whether it differs; a line that only one offer has does where it is there."""
    found = []
    for name in sorted({*one, *other} - {MINIMUM}):
        left = one.get(name)
        right = other.get(name)
        if left is None or right is None:
            there = left or right
            found.append(b.true if there is None else b.not_(there.is_missing))
            continue
        alike = b.or_(left.is_missing, b.eq(left.term, right.term))
        found.append(b.not_(b.and_(b.eq(left.is_missing, right.is_missing), alike)))
    return found


def kept(ruleset: CompiledRuleset, guarantee: Guarantee, world: FactorModel) -> Question:
    """Whether a version keeps a guarantee; those of a law are asked ceiling by ceiling."""
    if guarantee.law:
        raise AssertionError(guarantee.name)

    def once(b: Builder, verdict: EncodedVerdict) -> Term:
        if guarantee.always is not None:
            broken = fails(b, encode(guarantee.always, verdict.values))
        elif guarantee.never is Outcome.DECLINE:
            broken = verdict.declined
        else:
            broken = verdict.referred if guarantee.never is Outcome.REFER else verdict.approved
        return b.and_(_among(b, guarantee, verdict), broken)

    def twice(b: Builder, first: EncodedVerdict, second: EncodedVerdict) -> Term:
        among = b.and_(_among(b, guarantee, first), _among(b, guarantee, second))
        if guarantee.monotone:  # the better value costs something
            worse = b.or_(better_term(b, second, first), more_term(b, second, first))
        else:  # leaving out brings money
            gained = b.or_(b.not_(first.approved), more_term(b, first, second))
            worse = b.and_(second.approved, gained)
        return b.and_(among, worse)

    moved = (*guarantee.monotone, *((symbol, 0) for symbol in guarantee.hidden))
    if not moved:
        return Question(guarantee.name, (ruleset,), ("the verdict",), world=world, broken=once)
    second_side = "with the better value" if guarantee.monotone else "with less"
    sides = ("at first" if guarantee.monotone else "with all data", second_side)
    return Question(
        guarantee.name, (ruleset, ruleset), sides, world=world, broken=twice, moved=moved
    )


def keeps_ceiling(
    ruleset: CompiledRuleset, guarantee: Guarantee, world: FactorModel, ceiling: Ceiling
) -> Question:
    """Whether a version keeps one ceiling of the law that a guarantee names."""

    def broken(b: Builder, verdict: EncodedVerdict) -> Term:
        return b.and_(_among(b, guarantee, verdict), ceiling.broken(b, verdict))

    return Question(
        f"{guarantee.name}: {ceiling.what}",
        (ruleset,),
        ("the verdict",),
        world=world,
        broken=broken,
        starts=ceiling.law.starts,
    )


def all_kept(
    ruleset: CompiledRuleset, world: FactorModel, laws: Mapping[str, PriceLaw]
) -> Iterator[Question]:
    """A question for each guarantee, and for each ceiling of the laws that they name."""
    for guarantee in ruleset.guarantees:
        if not guarantee.law:
            yield kept(ruleset, guarantee, world)
        for ceiling in ceilings_of(ruleset, laws[guarantee.law]) if guarantee.law else ():
            yield keeps_ceiling(ruleset, guarantee, world, ceiling=ceiling)


def vacuous(ruleset: CompiledRuleset, guarantee: Guarantee, world: FactorModel) -> Question:
    """Whether a guarantee applies to no person at all: its `when` is never true."""

    def among(b: Builder, verdict: EncodedVerdict) -> Term:
        return _among(b, guarantee, verdict)

    return Question(guarantee.name, (ruleset,), ("the verdict",), world=world, broken=among)


def _among(b: Builder, guarantee: Guarantee, verdict: EncodedVerdict) -> Term:
    nodes = [n for n in (guarantee.when, guarantee.always) if n is not None]
    of_offers = any(s.name.startswith("offer.") for node in nodes for s in reads(node))
    offered = verdict.offered if of_offers else b.true
    if guarantee.when is None:
        return offered
    return b.and_(offered, holds(b, encode(guarantee.when, verdict.values)))
