"""Every key of the shipped versions changed: what is proved of the change, nobody refutes."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
import yaml
from msgspec.structs import replace

from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Outcome
from decision_service.factors.registry import catalogue
from decision_service.pipeline.trial.everybody import everybody
from decision_service.proofs.claims.comparison import Claim, Incomparable
from decision_service.proofs.person import facts_of
from decision_service.proofs.results import Proved
from decision_service.ruleset.compile.compiler import OPTIONAL, REQUIRED, compile_ruleset
from decision_service.ruleset.figures.setting import FigureSetter, FiguresUnfit
from decision_service.ruleset.run.evaluator import evaluate
from decision_service.ruleset.run.inputs import bind_inputs
from tests.unit.proofs.people import Walk
from tests.unit.proofs.versions import asked, proved, shipped

NEAR_MIDNIGHT = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
"""The first of December in Manila, the last of November in Jakarta."""

PEOPLE, SECONDS, FIGURES = 300, 2.0, 12
OTHER = {
    "title": "Another title",
    "time_zone": "Asia/Jakarta",
    "currency": "USD",
    "valid_for": "13d",
    "max_age": "34d",
    "partial": "use",
    "combine_income": "max",
    "one_of": ["new", "existing", "former"],
    "text": {"en": "Another text"},
    "because": "of another reason",
    "regulatory": "Another ground",
    "tell": ["waiting"],
}
"""Another value for keys whose values are no numbers and no flags."""

UNTOUCHED = {"ruleset", "version", "type", "params", "derived", "stages", "offer"}
"""Whose other values name another version, do not fit, or are figures, which are moved below."""


def changes(node, path=()):
    """Every key of the file's own sections, with the tree's way to it and another value."""
    for key, value in node.items():
        if key in UNTOUCHED:
            continue
        if key in OTHER:
            yield (*path, key), OTHER[key]
        elif isinstance(value, bool):
            yield (*path, key), not value
        elif isinstance(value, int | float):
            yield (*path, key), value + 1
        elif isinstance(value, dict):
            yield from changes(value, (*path, key))
        elif isinstance(value, list) and path == ():
            yield (key,), value[:-1]


def changed(word, path, value):
    """The version with another value; None where that does not compile."""
    tree = yaml.safe_load(shipped(word).files.text)
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    if value == []:
        del node[path[-1]]
    files = replace(
        shipped(word).files, text=yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)
    )
    return compile_ruleset(files, catalogue(), checks=()).ruleset


def ways(word):
    """The keys of a version, those of one reason for all."""
    tree = yaml.safe_load(shipped(word).files.text)
    reasons = tree["reasons"]
    tree["reasons"] = {code: reasons[code] for code in sorted(reasons)[:1]}
    return [*changes(tree)]


def decided(ruleset, person):
    """The verdict on an application near midnight; None where it is refused unseen."""
    as_of = AsOf.at(NEAR_MIDNIGHT, ruleset.zone)
    facts = replace(facts_of(person, ruleset, as_of.date), as_of=as_of)
    if bind_inputs(ruleset, facts.inputs).problems:
        return None
    return evaluate(ruleset, facts)


RANK = {Outcome.DECLINE: 0, Outcome.REFER: 1, Outcome.APPROVE: 2}


def gains(old, new):
    """Whether the second verdict is the better one for an applicant."""
    ranks = [0 if verdict is None else RANK[verdict.outcome] for verdict in (old, new)]
    offers = [None if verdict is None else verdict.offer for verdict in (old, new)]
    more = None not in offers and offers[1].approved_amount > offers[0].approved_amount
    return ranks[1] > ranks[0] or more


def told(verdict):
    """All that a lender does by a verdict."""
    if verdict is None:
        return None
    conditions = {condition.id for condition in verdict.conditions}
    return verdict.outcome, verdict.offer, conditions, verdict.valid_until


BROKEN = {
    Claim.TIGHTENS: gains,
    Claim.LOOSENS: lambda old, new: gains(new, old),
    Claim.EQUIVALENT: lambda old, new: told(old) != told(new),
}


def refuting(claim, old, new, text):
    """Somebody of whom a claim is not so, among people with the inputs of either version."""
    for ruleset, seed in ((old, 1), (new, 2)):
        walk = Walk((ruleset,), everybody(ruleset), [text], Random(seed))
        for number in range(PEOPLE):
            walk.begin() if number % 20 == 0 else None
            person = walk.step()
            if BROKEN[claim](decided(old, person), decided(new, person)):
                return person
    return None


def refuted(word, new):
    """The claims that are proved of a change, and that somebody refutes."""
    old, found = shipped(word).ruleset, []
    for claim in BROKEN:
        try:
            question = asked(old, new, claim)
        except Incomparable:
            continue
        if isinstance(proved(question, SECONDS), Proved):
            found += [claim] if refuting(claim, old, new, shipped(word).files.text) else []
    return found


WORDS = ("gig-advance-ph@1", "personal-loan-ph@2")


@pytest.mark.long
@pytest.mark.parametrize(("word", "path", "value"), [(w, *way) for w in WORDS for way in ways(w)])
def test_nobody_refutes_what_is_proved_of_a_changed_key(word, path, value):
    """Whatever key of the file changes: it is encoded, or the claim is refused by name."""
    new = changed(word, path, value)
    if new is None:
        pytest.skip("it does not compile")
    assert refuted(word, new) == []


@pytest.mark.long
@pytest.mark.parametrize("word", WORDS)
def test_nobody_refutes_what_is_proved_of_a_moved_figure(word):
    """Nor whatever figure of parameters, helper lines, stages and the offer moves."""
    setter = FigureSetter(shipped(word).files, catalogue())
    for at in Random(7).sample([n for n in setter.names if ".reason" not in n], FIGURES):
        try:
            new, _ = setter.compiled({at: setter.nearby(at)})
        except FiguresUnfit:
            continue
        assert refuted(word, new) == [], at


def test_every_section_of_a_rule_file_is_changed():
    """A new section must be encoded, or refused by name, and so be changed here."""
    figures = {"params", "derived", "stages", "offer"}
    changed_keys = {path[0] for word in WORDS for path, _ in ways(word)}
    decide_nothing = {"ruleset", "version", "uses", "tags"}
    assert changed_keys | figures | decide_nothing == {*REQUIRED, *OPTIONAL}


def test_the_search_refutes_what_was_proved_before():
    """A term that the old version refuses, and a day that begins later, are found by it."""
    word = "personal-loan-ph@1"
    text, old = shipped(word).files.text, shipped(word).ruleset
    bounds = changed(word, ("inputs", "requested_term_months", "min"), 1)
    assert refuting(Claim.TIGHTENS, old, bounds, text)
    zone = changed(word, ("time_zone",), "Asia/Jakarta")
    assert refuting(Claim.EQUIVALENT, old, zone, text)
