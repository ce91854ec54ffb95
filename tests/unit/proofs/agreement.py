"""A ruleset's terms computed for one person, beside the evaluator's verdict on the same facts."""

from __future__ import annotations

from msgspec.structs import replace

from decision_service.domain.factor import ValueType
from decision_service.domain.values import Cause, Money
from decision_service.rules.evaluate import Facts, evaluate, load
from decision_service.rules.language.values import Unknown, exactly
from decision_service.workbench.proofs.people import People
from decision_service.workbench.proofs.ruleset import encode_ruleset
from decision_service.workbench.proofs.terms import Builder
from tests.unit.proofs.computer import Computer

FIXED = ("approved_amount", "max_amount", "term_months", "monthly_rate")


class Encoding:
    """The terms of a ruleset on a day, for any facts of that day."""

    def __init__(self, ruleset, catalogue, day):
        causes = {n: replace(s, causes=frozenset(Cause)) for n, s in catalogue.items()}
        self.ruleset = ruleset
        self.people = People(Builder(), causes, ruleset.currency, frozenset(), {})
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
            offer = {n: value(v.term) for n, v in lines.items() if not value(v.gone)}
        return outcome, offer, {n for n, when in of.conditions.items() if value(when)}

    def _variables(self, factors, inputs, as_of):
        intake, values = (
            self.ruleset.program.intake,
            list(load(self.ruleset, factors, as_of).values),
        )
        intake.load_inputs(inputs, values)
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
