"""Made-up rulesets with cases, in every construct, for comparing terms with the evaluator."""

from __future__ import annotations

from random import Random

from decision_service.domain.decision import ListAnswer
from tests.oracles.rule_facts import facts
from tests.oracles.rulesets import CATALOGUE, ruleset_text
from tests.unit.proofs.agreement import Encoding
from tests.unit.ruleset.generated import loosely_compiled

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
