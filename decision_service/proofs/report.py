"""A counterexample as people see it: in what it is not typical, and as a rule test."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.language.evaluation.kleene import Unknown
from decision_service.proofs.person import Person, facts_of, noon
from decision_service.proofs.questions import Question, inputs_of, required
from decision_service.proofs.search import Counterexample
from decision_service.proofs.typical import typical
from decision_service.ruleset.figures.case_text import case_text


def untypical(question: Question, found: Counterexample) -> Sequence[str]:
    """The names in which the person is not typical."""
    currency, catalogue = question.rulesets[0].currency, question.world.catalogue
    factors = {e.symbol.name: e.symbol for r in question.rulesets for e in r.program.intake.factors}
    named = [*factors.values(), *inputs_of(question.rulesets).values()]
    needed, names = required(question.rulesets), []
    for symbol in named:
        value = found.person.values.get(symbol.name)
        sent = symbol.name.removeprefix("inputs.")
        if sent != symbol.name and sent not in needed:
            alike = isinstance(value, Unknown)
        else:
            alike = value == typical(symbol, catalogue.get(symbol.name), currency, found.day)
        if not alike:
            names.append(symbol.name)
    return sorted(names)


def case_of(question: Question, found: Counterexample) -> str:
    """The person as a case of the last of the rules, which expects what these decide."""
    ruleset = question.rulesets[-1]
    person = Person({**found.person.values, **found.changed}, found.person.answers)
    facts = facts_of(person, ruleset, found.day)
    inputs = {name: facts.inputs.get(name) for name in ruleset.inputs}
    lists = {
        answer.list: [str(facts.inputs[answer.input])] if answer.listed else []
        for answer in facts.answers
    }
    day = noon(found.day, ruleset)
    verdict = found.verdicts[-1]
    return case_text("found by a proof", day, inputs, facts.factors, lists, verdict)
