"""A counterexample as people see it: in what it is not typical, and as a rule test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from decision_service.domain.factor import ValueType
from decision_service.domain.money import to_major
from decision_service.domain.time import noon
from decision_service.domain.verdict import Verdict
from decision_service.language.evaluation.kleene import Unknown
from decision_service.proofs.person import PersonValues, facts_of
from decision_service.proofs.questions import Question, inputs_of, required
from decision_service.proofs.results import Counterexample
from decision_service.proofs.typical import typical
from decision_service.ruleset.figures.case_text import case_text
from decision_service.ruleset.figures.differences import parts_of
from decision_service.ruleset.figures.usual import NewCase


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
    person = PersonValues({**found.person.values, **found.changed}, found.person.answers)
    facts = facts_of(person, ruleset, found.day)
    inputs = {name: facts.inputs.get(name) for name in ruleset.inputs}
    lists = {
        answer.list: [str(facts.inputs[answer.input])] if answer.listed else []
        for answer in facts.answers
    }
    day = noon(found.day, ruleset.zone)
    verdict = found.verdicts[-1]
    case = NewCase(facts.factors, inputs, day, lists)
    return case_text("found by a proof", case, verdict)


def person_text(question: Question, found: Counterexample) -> str:
    """The person and the verdicts in a sentence: `a typical person but for …; v1: REFER`."""
    names = [n for n in untypical(question, found) if n not in found.changed]
    values = [f"{n} {shown(question, n, found.person.values[n])}" for n in names]
    values += [
        f"{n} {shown(question, n, found.person.values[n])}, then {shown(question, n, value)}"
        for n, value in found.changed.items()
    ]
    person = f"a typical person but for {'; '.join(values)}" if values else "a typical person"
    return f"{person}: {verdicts_text(question, found)}"


def verdicts_text(question: Question, found: Counterexample) -> str:
    """The verdicts, each with what it is of, and what else differs: `v1: DECLINE; v2: REFER`."""
    pairs = zip(question.sides, found.verdicts, strict=True)
    texts = [f"{side}: {verdict_text(verdict)}" for side, verdict in pairs]
    return "; ".join([*texts, *differences(found)])


def differences(found: Counterexample) -> Sequence[str]:
    """The lines of the offer, conditions and validity that differ between two verdicts."""
    if len(found.verdicts) == 1:
        return ()
    one, other = (
        {**dict(parts_of(v)), "valid until": str(v.valid_until or "none")} for v in found.verdicts
    )
    both = all(verdict.offer is not None for verdict in found.verdicts)
    names = [n for n in dict.fromkeys((*one, *other)) if both and n.startswith("offer.")]
    return [
        f"{name} {_part(one, name)}, then {_part(other, name)}"
        for name in (*names, "conditions", "valid until")
        if one.get(name) != other.get(name)
    ]


def _part(parts: Mapping[str, Any], name: str) -> str:
    value = parts.get(name) or "none"
    return value if isinstance(value, str) else ", ".join(value)


def verdict_text(verdict: Verdict) -> str:
    """An outcome, with the amount where there is an offer."""
    if verdict.offer is None:
        return str(verdict.outcome)
    return f"{verdict.outcome} of {verdict.offer.approved_amount.major:f}"


def shown(question: Question, name: str, value: Any) -> str:
    """A value as a case is written, money in major units."""
    if isinstance(value, Unknown):
        return f"missing {value.shown.missing.cause}"
    money = {
        entry.symbol.name
        for ruleset in question.rulesets
        for entry in (*ruleset.program.intake.factors, *ruleset.program.intake.inputs)
        if entry.symbol.type is ValueType.MONEY
    }
    if name in money:
        return f"{to_major(int(value), question.rulesets[0].currency):f}"
    return str(value)
