"""Terms of made-up rulesets in every construct, computed for a person, and what is decided."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from msgspec.structs import replace

from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import ValueType
from decision_service.domain.values import Cause, Money
from decision_service.rules.evaluate import Facts, evaluate, load
from decision_service.rules.language.values import Unknown, exactly
from decision_service.workbench.proofs.people import People
from decision_service.workbench.proofs.questions import dated
from decision_service.workbench.proofs.ruleset import encode_ruleset
from decision_service.workbench.proofs.terms import Builder, Op, Term
from tests.oracles.rule_facts import facts
from tests.oracles.rulesets import CATALOGUE, ruleset_text
from tests.unit.rules.kit import loosely_compiled

PER_RULESET = 50
LIST, INPUT = "known", "customer_type"
ASKED = f"inputs.{INPUT} in lists.{LIST}"
WHENS = (ASKED, f"not ({ASKED})", f"{ASKED} and inputs.first_loan", f"inputs.first_loan or {ASKED}")
LISTED = """\
stages:
  - name: listed
    component: KNOCKOUT
    rules:
      - {{id: listed, when: "{when}", then: {then}, reason: SHORT}}
"""

FIXED = ("approved_amount", "max_amount", "term_months", "monthly_rate")


class Computer:
    """Computes terms of one set of variables by number, each term once."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._known: dict[int, Any] = {}

    def value(self, term: Term) -> Any:
        """A term's value: bool, int, Decimal or, of exact terms, Fraction."""
        waiting = [term]
        while waiting:
            top = waiting[-1]
            if top.number in self._known:
                waiting.pop()
                continue
            needed = [t for t in self._needed(top) if t.number not in self._known]
            if needed:
                waiting += needed
                continue
            self._known[top.number] = self._computed(waiting.pop())
        return self._known[term.number]

    def _needed(self, term: Term) -> tuple[Term, ...]:
        if term.op is Op.ITE and term.args[0].number in self._known:
            return (term.args[1 if self._known[term.args[0].number] else 2],)
        if term.op is Op.ITE:
            return term.args[:1]
        return term.args[2:] if term.op is Op.BRACKET else term.args

    def _computed(self, term: Term) -> Any:
        if term.op is Op.CONST:
            return term.value
        if term.op is Op.VAR:
            return self._variables[term.value]
        given = [self._known.get(arg.number) for arg in term.args]
        if term.op is Op.APPLY:
            return term.value.compute(*given)
        if term.op is Op.ITE:
            return given[1] if given[0] else given[2]
        return _operated(term, given)


def _operated(term: Term, given: list[Any]) -> Any:
    match term.op:
        case Op.NOT:
            return not given[0]
        case Op.AND:
            return all(given)
        case Op.OR:
            return any(given)
        case Op.BRACKET:
            return given[2] <= given[3] if term.value is Op.LE else given[2] < given[3]
        case Op.LE | Op.LT | Op.EQ:
            return _compared(term.op, given[0], given[1])
        case Op.FLOOR:
            return _plain(_exact(given[0]) // term.value * term.value)
        case Op.SCALE:
            return _plain(_exact(given[0]) * term.value)
    return _plain(_exact(given[0]) + _exact(given[1]))


def _compared(op: Op, left: Any, right: Any) -> bool:
    if isinstance(left, bool):
        return left is right
    left, right = _exact(left), _exact(right)
    if op is Op.EQ:
        return bool(left == right)
    return bool(left <= right) if op is Op.LE else bool(left < right)


def _exact(value: Any) -> Fraction:
    return Fraction(value)


def _plain(value: Fraction) -> int | Decimal | Fraction:
    """A whole number as int, one with few decimals as Decimal; functions take no fractions."""
    if value.denominator == 1:
        return int(value)
    return Decimal(value.numerator) / value.denominator


class Encoding:
    """The terms of a ruleset on a day, for any facts of that day."""

    def __init__(self, ruleset, catalogue, day):
        causes = {n: replace(s, causes=frozenset(Cause)) for n, s in catalogue.items()}
        self.ruleset = ruleset
        self.people = People(Builder(), causes, ruleset.currency, frozenset(), {}, dated([ruleset]))
        self.verdict = encode_ruleset(ruleset, self.people, day)

    def computed(self, factors, inputs, as_of, answers=()):
        """Outcome, offer and conditions of the terms."""
        with exactly():
            known = self._variables(factors, inputs, as_of)
            computer = Computer({**known, **self._answered(answers)})
            return self._seen(computer.value)

    def _seen(self, value):
        of = self.verdict
        outcome = "APPROVE" if value(of.approved) else "DECLINE" if value(of.declined) else "REFER"
        offer = None
        if value(of.offered):
            lines = {n: v for n, v in of.lines.items() if n not in ("minimum_amount", "tier")}
            offer = {n: value(v.term) for n, v in lines.items() if not value(v.is_missing)}
        return outcome, offer, {n for n, when in of.conditions.items() if value(when)}

    def _variables(self, factors, inputs, as_of):
        intake, values = (
            self.ruleset.program.intake,
            list(load(self.ruleset, factors, as_of).values),
        )
        intake.load_inputs(inputs, as_of.date, values)
        slots = {e.symbol.name: e.slot for e in (*intake.factors, *intake.inputs)}
        found = {}
        for name, variable in self.people.variables.items():
            raw = values[slots[name]]
            gone = isinstance(raw, Unknown)
            found[f"{name} is gone"], found[f"{name} is tainted"] = gone, gone and raw.tainted
            found[name] = self._number(variable, raw)
        return found

    def _answered(self, answers):
        """What lists say; one that says nothing is not there."""
        listed, found = {(a.list, a.input): a.listed for a in answers}, {}
        for question in self.people.answers:
            name = f"{question.input} in {question.list}"
            answer = listed.get((question.list, question.input))
            found[name], found[f"{name} lost"] = answer is True, answer is None
        return found

    def _number(self, variable, raw):
        if isinstance(raw, Unknown):
            return False if variable.type is ValueType.FLAG else 0
        if isinstance(raw, str):
            return self.people.builder.text(raw).value
        return raw.toordinal() if variable.type is ValueType.DATE else raw

    def evaluated(self, factors, inputs, as_of, answers=()):
        """Outcome, offer and conditions of the evaluator, as `computed` gives them."""
        verdict = evaluate(self.ruleset, Facts(factors, inputs, as_of, answers=tuple(answers)))
        offer = verdict.offer
        if offer is not None:
            found = {**{n: getattr(offer, n) for n in FIXED}, **offer.outputs}
            given = {n: v for n, v in found.items() if v is not None}
            offer = {n: self._plain(v) for n, v in given.items()}
        return str(verdict.outcome), offer, {c.id for c in verdict.conditions}

    def _plain(self, value):
        if isinstance(value, Money):
            return value.minor
        return self.people.builder.text(value).value if isinstance(value, str) else value


def text_of(seed):
    """A ruleset's text; every second one asks a list, too."""
    text, rng = ruleset_text(seed), Random(seed)
    if seed % 2:
        return text
    listed = LISTED.format(when=rng.choice(WHENS), then=rng.choice(["REFER", "DECLINE"]))
    return text.replace("stages:\n", listed, 1)


def differing(seed):
    """The first case of a ruleset of which terms and evaluator say different things."""
    text = text_of(seed)
    ruleset, encodings = loosely_compiled(text), {}
    for number in range(seed * PER_RULESET, (seed + 1) * PER_RULESET):
        given = facts(text, number)
        start = ruleset.program.timeline.at(given[2].date).start
        if start not in encodings:
            encodings[start] = Encoding(ruleset, CATALOGUE, given[2].date)
        one, answers = encodings[start], _answers(ruleset, given[1], Random(number))
        if one.computed(*given, answers) != one.evaluated(*given, answers):
            return number
    return None


def _answers(ruleset, inputs, rng):
    """What a list says of an input, where it is there and the input was sent."""
    listed = rng.choice([True, False, None])
    if not ruleset.questions or listed is None or INPUT not in inputs:
        return ()
    return (ListAnswer(LIST, INPUT, listed, "", None),)
