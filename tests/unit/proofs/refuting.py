"""What is proved of two versions, attacked: all is compared that a lender does by a verdict."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from random import Random

from msgspec.structs import replace

from decision_service.domain.decision import Outcome
from decision_service.domain.values import AsOf
from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import read_rules
from decision_service.rules.evaluate import evaluate
from decision_service.rules.inputs import bind_inputs
from decision_service.rules.tests import run_cases
from decision_service.rules.tests_file import parse_cases
from decision_service.workbench.proofs.comparison import Claim, Incomparable, compared, unchecked
from decision_service.workbench.proofs.counterexamples import possible
from decision_service.workbench.proofs.people import TODAY as DAY
from decision_service.workbench.proofs.people import PersonValues, facts_of
from decision_service.workbench.proofs.report import factor_model
from tests.unit.proofs.attacks import walk_of
from tests.unit.proofs.versions import shipped
from tests.unit.rules.kit import ROOT

NEAR_MIDNIGHT = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
"""The first of December in Manila, the last of November in Jakarta."""

LATER = datetime(2027, 1, 5, 4, tzinfo=UTC)
"""After the days on which parameters of edited versions change."""

WHERE = {
    "personal-loan-ph": "income.months_24m < 6 or income.conservative_6m < 40000",
    "gig-advance-ph": "transactions.active_days_28d < 16",
}
"""Outside of which `only` is asked, by product."""

RANK = {Outcome.DECLINE: 0, Outcome.REFER: 1, Outcome.APPROVE: 2}
_WALK = 4


@cache
def tested(word):
    """The people of a shipped version's rule tests, of whom each figure has one at its edge.

    Values are those that evaluation began with.
    """
    ruleset = shipped(word).ruleset
    intake, found = ruleset.program.intake, []
    product = next(p for p in read_rules(ROOT / "rules").products if p.product == ruleset.ruleset)
    for file in product.tests:
        if f"version: {ruleset.version}\n" not in file.text:
            continue
        cases = parse_cases(file.path, file.text, ruleset, catalogue()).cases
        for result in run_cases(ruleset, cases):
            values = evaluate(ruleset, result.facts).raw_trace.values
            symbols = [entry.symbol for entry in (*intake.factors, *intake.inputs)]
            found.append(PersonValues({s.name: values[s.slot] for s in symbols}))
    return found


def decided(ruleset, person, moment):
    """The verdict on an application of a moment; None where it is refused unseen."""
    as_of = AsOf.at(moment, ruleset.zone)
    if isinstance(person.values.get(DAY), date):
        person = replace(person, values={**person.values, DAY: as_of.date})
    facts = replace(facts_of(person, ruleset, as_of.date), as_of=as_of)
    if bind_inputs(ruleset, facts.inputs, facts.as_of.date).problems:
        return None
    return replace(evaluate(ruleset, facts), raw_trace=())


def people(ruleset, world, word, count, seed):
    """So many people with the inputs of a ruleset, each with the moment of applying."""
    question = unchecked(ruleset, ruleset, Claim.EQUIVALENT, world)
    walk, rng = walk_of(question, shipped(word).files.text, seed), Random(seed)
    firsts = [walk.typical, *(one for one in tested(word) if possible(question, one, {}))]
    person = walk.typical
    for number in range(count):
        last = rng.choice(firsts) if number % _WALK == 0 else person
        person = walk.other(last)
        while not possible(question, person, {}):
            person = walk.other(last)
        yield person, LATER if number % 4 == 3 else NEAR_MIDNIGHT


@cache
def judged(word, count):
    """So many people with the inputs of a shipped version, and what it decides on each."""
    ruleset = shipped(word).ruleset
    found = people(ruleset, factor_model(ruleset), word, count, 1)
    return [(person, moment, decided(ruleset, person, moment)) for person, moment in found]


def _rank(verdict):
    return 0 if verdict is None else RANK[verdict.outcome]


def _offers(*verdicts):
    """Both offers; none where one is missing."""
    offers = [verdict.offer for verdict in verdicts if verdict is not None]
    return offers if len(offers) == 2 and None not in offers else None


def gains(old, new):
    """Whether the second verdict is the better one for an applicant."""
    offers = _offers(old, new)
    more = offers and offers[1].approved_amount > offers[0].approved_amount
    return _rank(new) > _rank(old) or bool(more)


def whole(verdict):
    """All that a lender does by a verdict; which term of an offer was the least is left out."""
    if verdict is None:
        return None
    offer = verdict.offer and replace(verdict.offer, binding="", term_binding="")
    conditions = {condition.id for condition in verdict.conditions}
    return verdict.outcome, offer, conditions, verdict.valid_until


def other_amount(old, new):
    """Whether two offers are of different amounts."""
    offers = _offers(old, new)
    return offers is not None and offers[0].approved_amount != offers[1].approved_amount


def other_price(old, new):
    """Whether the rate differs, or any other line of an equal loan."""
    offers = _offers(old, new)
    if offers is None:
        return False
    loans = [(offer.approved_amount, offer.term_months) for offer in offers]
    lines = loans[0] == loans[1] and offers[0].outputs != offers[1].outputs
    return offers[0].monthly_rate != offers[1].monthly_rate or lines


BROKEN = {
    Claim.TIGHTENS: gains,
    Claim.LOOSENS: lambda old, new: gains(new, old),
    Claim.EQUIVALENT: lambda old, new: whole(old) != whole(new),
    Claim.ONLY: lambda old, new: whole(old) != whole(new),
    Claim.SAME_AMOUNTS: other_amount,
    Claim.SAME_PRICE: other_price,
    Claim.APPROVES_NO_MORE: lambda old, new: _rank(new) == 2 > _rank(old),
}


def questions_about(old, new):
    """Every claim about two versions that is not refused by name."""
    world = factor_model(old, new)
    for claim in Claim:
        where = WHERE[old.ruleset] if claim is Claim.ONLY else ""
        try:
            yield compared(old, new, claim, world, where)
        except Incomparable:
            continue


def refuting(questions, word, count):
    """Of claims about a shipped version and an edited one those that a person refutes.

    So many people are those of the rule tests, with other values of some names. They have the
    inputs of either version, are often at a figure of its text, and apply when it is another day
    elsewhere, and later.
    """
    old, new = questions[0].rulesets
    found, met = {}, judged(word, count)
    if new.inputs != old.inputs:
        others = people(new, factor_model(old, new), word, count // 2, 2)
        met = [*met[: count // 2], *((*one, decided(old, *one)) for one in others)]
    for person, moment, before in met:
        after = decided(new, person, moment)
        for question in [q for q in questions if q.name not in found]:
            outside = question.where is None or question.where.truth(person) is not True
            if outside and BROKEN[question.name](before, after):
                found[question.name] = person
    return found
