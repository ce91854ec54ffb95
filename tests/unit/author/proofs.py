"""Versions that are proved about: small and shipped ones, edits of these, and made-up people."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from random import Random

import yaml
from msgspec.structs import replace

from decision_service.author.constants import FigureSetter
from decision_service.author.folder import find_version
from decision_service.author.mutants import figures, next_to, operators
from decision_service.author.proofs import questions
from decision_service.author.proofs.comparison import Claim, Incomparable, compared, unchecked
from decision_service.author.proofs.counterexamples import Walk, possible
from decision_service.author.proofs.people import TODAY as DAY
from decision_service.author.proofs.people import PersonValues, facts_of
from decision_service.author.proofs.questions import Period, verdict_on
from decision_service.author.proofs.report import factor_model
from decision_service.author.proofs.search import prove
from decision_service.domain.decision import Outcome
from decision_service.domain.values import AsOf
from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import read_rules
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import evaluate
from decision_service.rules.inputs import bind_inputs
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import run_cases
from decision_service.rules.tests_file import parse_cases
from tests.unit.rules.kit import ROOT, rules, stages

TODAY = date(2026, 11, 27)
ALL = bool(os.environ.get("PROVE_ALL"))
"""Whether also those claims are proved that need more than a few seconds: `make prove`."""

MONTHS = "id: short, when: income.months_24m < {least}, then: DECLINE, reason: SHORT"
OFFER = """\
offer:
  max_amount: {share} * income.conservative_6m
  approved_amount: min(inputs.requested_amount, floor(offer.max_amount, 500))
  minimum_amount: 1000
  reason: SMALL
"""


def small(least=6, share="1.5", *more):
    """A version that approves from so many months on, a share of the income."""
    return loosely(small_text(share, *more, least=least))


def small_text(share="1.5", *more, least=6, lines=""):
    """Its text, perhaps with further lines of the offer."""
    gate = rules(
        MONTHS.format(least=least), "id: rest, when: income.months_24m >= 0, then: APPROVE"
    )
    further = f"  {lines}\n" if lines else ""
    return stages(gate, *more, tail=OFFER.format(share=share) + further)


def loosely(text):
    """The ruleset of a text with the real factors, whatever the checks of its logic say."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text)
    found = compile_ruleset(files, catalogue(), checks=())
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


@cache
def shipped(word):
    """A shipped version's files and ruleset."""
    return find_version(word, ROOT / "rules")


def edited(word, **figures):
    """A shipped version with figures set to other values; `__` stands for a point."""
    named = {name.replace("__", "."): value for name, value in figures.items()}
    return FigureSetter(shipped(word).files, catalogue()).compiled(named)[0]


def proved(question, seconds=100.0):
    """The result of a question, on the day of the tests, in so many seconds of one core."""
    end = time.process_time() + seconds
    return prove(question, TODAY, lambda: end - time.process_time())


def asked(old, new, claim, where=""):
    """A claim about two versions."""
    return compared(old, new, Claim(claim), factor_model(old, new), where)


def claimed(old, new, claim, where=""):
    """The result of a claim about two versions."""
    return proved(asked(old, new, claim, where))


def kept(ruleset, name):
    """Whether a version keeps the guarantee of a name, as a question."""
    guarantee = next(g for g in ruleset.guarantees if g.name == name)
    return questions.kept(ruleset, guarantee, factor_model(ruleset))


def rewritten(word, before, after):
    """A shipped version in whose text something stands in the place of something else."""
    files = shipped(word).files
    assert before in files.text
    text = files.text.replace(before, after, 1)
    found = compile_ruleset(replace(files, text=text), catalogue(), checks=())
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


RANK = {Outcome.DECLINE: 0, Outcome.REFER: 1, Outcome.APPROVE: 2}
_WALK = 30
"""The people of one walk, which goes on from a worse outcome now and then."""

_GO_ON = 0.03
_DRAWS = 4
_FIGURE = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?")


def walk_of(question, text, seed):
    """Made-up people at the figures of a text."""
    figures = [Decimal(figure) for figure in _FIGURE.findall(text)]
    return Walk(question, Period(TODAY, None), figures, seed)


def attack(questions, text, count, seed):
    """The cases that each question of one version was put to, and who broke which: none should.

    So many people are drawn, at the figures of the text. Of a guarantee of two verdicts somebody
    is no case whose value cannot be a better one.
    """
    rng, cases, broken = Random(seed), Counter(), []
    walk = walk_of(questions[0], text, seed)
    for person, first in judged_people(walk, count, rng):
        for number, question in enumerate(questions):
            changed = _changed(question, walk, person)
            if changed is None:
                continue
            cases[number] += 1
            if changed and question.moved[0][1] and first.outcome is Outcome.DECLINE:
                continue  # nothing is worse than that
            if question.judged(person, changed, TODAY, first) is not None:
                broken.append((question, person, changed))
    return cases, broken


def judged_people(walk, count, rng):
    """Persons with the verdict of the rules, among them many who are not declined."""
    last, rank = walk.typical, 0
    for number in range(count):
        if number % _WALK == 0:
            last, rank = walk.typical, 0
        person = walk.other(last)
        if not possible(walk.question, person, {}):
            continue
        verdict = verdict_on(person, walk.question.rulesets[0], TODAY)
        yield person, verdict
        if RANK[verdict.outcome] >= rank or rng.random() < _GO_ON:
            last, rank = person, RANK[verdict.outcome]


def _changed(question, walk, person):
    """The values that the same person has a second time, none where once is enough.

    None where the person cannot have such values.
    """
    for _ in range(_DRAWS if question.moved else 1):
        changed = walk.changed(person, question.moved)
        if changed is None or any(person.values[name] != value for name, value in changed.items()):
            break
    else:
        return None if question.moved else {}
    second = PersonValues({**person.values, **(changed or {})})
    return None if changed and question.world.broken(second) else changed


SEED = 20261127
SHIPPED = ("personal-loan-ph@1", "personal-loan-ph@2", "gig-advance-ph@1")
OTHER = {
    "title": "Another title",
    "time_zone": "Asia/Jakarta",
    "currency": "USD",
    "valid_for": "13d",
    "max_age": "34d",
    "one_of": ["new", "existing", "former"],
    "text": {"en": "Another text"},
    "because": "of another reason",
    "regulatory": "Another ground",
    "recourse": ["waiting"],
}
"""Another value for keys whose values are no numbers and no flags."""

UNTOUCHED = {"ruleset", "version", "type", "params", "derived", "stages", "offer"}
"""Whose other values name another version, do not fit, or are figures, which other edits move."""

DECIDING = ("params", "derived", "stages", "offer", "conditions")
WORDS = {"id", "name", "text", "because", "unit", "component", "title"}
"""Keys whose values are words for people."""

GONE = object()
FIRST, LATER = date(2026, 1, 1), date(2026, 12, 15)


def header(node, path=()):
    """Every key of the file's own sections, with the tree's way to it and another value."""
    for key, value in node.items():
        if key in UNTOUCHED:
            continue
        if key in OTHER:
            yield (*path, key), "Another text" if path[:1] == ("tags",) else OTHER[key]
        elif isinstance(value, bool):
            yield (*path, key), not value
        elif isinstance(value, int | float):
            yield (*path, key), value + 1
        elif isinstance(value, dict):
            yield from header(value, (*path, key))
        elif isinstance(value, list) and path == ():
            yield (key,), value[:-1]


def with_one_reason(text):
    """The tree of a file, with one reason for all."""
    tree = yaml.safe_load(text)
    return {**tree, "reasons": dict(sorted(tree["reasons"].items())[:1])}


def _below(node, path):
    """Everything that decides, below a node, with the way to it."""
    yield path, node
    pairs = enumerate(node) if isinstance(node, list) else ()
    for key, value in node.items() if isinstance(node, dict) else pairs:
        if key not in WORDS and not str(value).startswith("tables/"):
            yield from _below(value, (*path, key))


def _deciding(tree):
    return [pair for name in DECIDING if name in tree for pair in _below(tree[name], (name,))]


def bound(tree):
    """What an input may be: wider, narrower, or anything."""
    for name, spec in tree["inputs"].items():
        for key in {"min", "max"} & {*spec}:
            yield from ((("inputs", name, key), v) for v in (spec[key] * 2, spec[key] // 2, GONE))
        if "one_of" in spec:
            yield ("inputs", name, "one_of"), spec["one_of"][:-1]
        yield ("inputs", name, "required"), not spec.get("required", False)


def figure(tree):
    """Every figure of what decides, a step to either side."""
    for path, value in _deciding(tree):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield from ((path, yaml.safe_load(text)) for text in next_to(str(value)))
        for token in figures(value) if isinstance(value, str) else ():
            for text in () if token.label else next_to(token.text):
                yield path, f"{value[: token.start]}{text}{value[token.end :]}"


def operator(tree):
    for path, value in _deciding(tree):
        for token, other in operators(value) if isinstance(value, str) else ():
            yield path, f"{value[: token.start]}{other}{value[token.end :]}"


def outcome(tree):
    """Every outcome of a rule, band or missing value."""
    for path, value in _deciding(tree):
        if path[-1] in ("then", "when_missing"):
            yield from ((path, v) for v in ("APPROVE", "REFER", "DECLINE", "SKIP") if v != value)


def order(tree):
    """Two neighbours of a list change places."""
    for path, value in _deciding(tree):
        for at in range(len(value) - 1 if isinstance(value, list) else 0):
            yield path, [*value[:at], value[at + 1], value[at], *value[at + 2 :]]


def removed(tree):
    """An element of a list, or a key, is gone."""
    for path, value in _deciding(tree):
        for at in range(len(value) if isinstance(value, list) else 0):
            yield path, [*value[:at], *value[at + 1 :]]
        if len(path) > 1 and isinstance(path[-1], str):
            yield path, GONE


def dated(tree):
    """A parameter has another value from a day on, or the same one."""
    for name, spec in tree["params"].items():
        if not isinstance(spec.get("value"), int | float):
            continue
        rest = {key: value for key, value in spec.items() if key != "value"}
        for text in (*next_to(str(spec["value"])), str(spec["value"])):
            values = {FIRST: spec["value"], LATER: yaml.safe_load(text)}
            yield ("params", name), {**rest, "value": values}


KINDS = (header, bound, figure, operator, outcome, order, removed, dated)


def changed(files, path, value):
    """A version's files with another value on a way, or without it."""
    tree = yaml.safe_load(files.text)
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = deepcopy(value)
    if value is GONE or value == []:
        del node[path[-1]]
    return replace(files, text=yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))


def compiled(files):
    """The version of files whatever the checks of its logic say; None where it cannot be read."""
    return compile_ruleset(files, catalogue(), checks=()).ruleset


def cells(files, rng):
    """A figure of a table's file that the version reads, a step to one side."""
    name = rng.choice([name for name in files.tables if name in files.text])
    text = files.tables[name]
    token = rng.choice([t for t in figures(text) if not t.label])
    other = f"{text[: token.start]}{rng.choice(next_to(token.text))}{text[token.end :]}"
    line = text.count("\n", 0, token.start) + 1
    return f"{name}:{line} {token.text}", replace(files, tables={**files.tables, name: other})


def edit_of(number):
    """A shipped version, one edit in words, and the version after it; drawn until it compiles."""
    rng = Random(f"{SEED} {number}")
    word = rng.choice(SHIPPED)
    files = shipped(word).files
    tree = with_one_reason(files.text)
    while True:
        kind = rng.choice([*KINDS, *([cells] if files.tables else [])])
        if kind is cells:
            words, after = cells(files, rng)
        else:
            path, value = rng.choice([*kind(tree)])
            words, after = ".".join(map(str, path)), changed(files, path, value)
            if not isinstance(value, list | dict):
                words = f"{words} gone" if value is GONE else f"{words} {value}"
        ruleset = compiled(after)
        if ruleset is not None:
            return word, f"{kind.__name__}: {words}", ruleset


NEAR_MIDNIGHT = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
"""The first of December in Manila, the last of November in Jakarta."""

AFTER_CHANGES = datetime(2027, 1, 5, 4, tzinfo=UTC)
"""After the days on which parameters of edited versions change."""

WHERE = {
    "personal-loan-ph": "income.months_24m < 6 or income.conservative_6m < 40000",
    "gig-advance-ph": "transactions.active_days_28d < 16",
}
"""Outside of which `only` is asked, by product."""

_STEPS = 4


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
        last = rng.choice(firsts) if number % _STEPS == 0 else person
        person = walk.other(last)
        while not possible(question, person, {}):
            person = walk.other(last)
        yield person, AFTER_CHANGES if number % 4 == 3 else NEAR_MIDNIGHT


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


PRICES = """\
  - name: price
    component: TABLE
    table:
      id: price
      hit: first
      when: [income.months_24m]
      give: {rate: number, fee: number, wear: number}
      rows:
        - [">= 24", 0.02, 0.05, 0.01]
        - [">= 12", 0.03, 0.03, "0.02 + 0.01 * min(income.volatility_6m, 1)"]
        - ["-", 0.04, 0.02, "0.01 * min(income.volatility_6m, 1)"]
"""
PRICED = """\
  max_amount: (2 - min(income.volatility_6m, 1)) * income.conservative_6m
  approved_amount: min(inputs.requested_amount, floor(offer.max_amount, 500))
  minimum_amount: 1000
  reason: SMALL
  term_months: 12 if income.months_24m >= 24 else 6
  monthly_rate: price.rate
  effective_rate: (price.rate + 2 * price.fee / (offer.term_months + 1)) / (1 - price.fee)
  both: price.rate + price.fee
  wear: price.wear
  fees: price.fee * offer.approved_amount
  interest: price.rate * offer.approved_amount * offer.term_months
  worn: price.wear * offer.approved_amount
  steady: income.conservative_6m * (1 - 0.1 * min(income.volatility_6m, 1))
"""


def priced_text(*guarantees):
    """A version whose prices are the cells of a table, with guarantees as flow maps."""
    gate = rules(MONTHS.format(least=6), "id: rest, when: income.months_24m >= 0, then: APPROVE")
    written = "".join(f"  - {{{line}}}\n" for line in guarantees)
    promised = f"guarantees:\n{written}" if guarantees else ""
    return stages(gate, PRICES, tail=f"offer:\n{PRICED}{promised}")
