"""The terms of made-up rulesets beside the evaluator.

`make oracle` compares 100,000 cases (`PROVE_CASES`), of as many rulesets as there are fifties of
cases; without it 600 are compared, the first of them.
"""

from __future__ import annotations

import os

import pytest

from tests.oracles.rule_facts import facts
from tests.oracles.rulesets import CATALOGUE, ruleset_text
from tests.unit.proofs.agreement import Encoding
from tests.unit.ruleset.generated import loosely_compiled

CASES = int(os.environ.get("PROVE_CASES", "600"))
PER_RULESET = 50
CHUNKS = 4


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_terms_compute_what_the_evaluator_decides(chunk):
    """Outcome, offer lines and conditions are equal, whatever is missing for whatever cause."""
    for seed in range(chunk, CASES // PER_RULESET, CHUNKS):
        text = ruleset_text(seed)
        ruleset, encodings = loosely_compiled(text), {}
        for number in range(seed * PER_RULESET, (seed + 1) * PER_RULESET):
            given = facts(text, number)
            day = given[2].date
            start = ruleset.program.timeline.at(day).start
            if start not in encodings:
                encodings[start] = Encoding(ruleset, CATALOGUE, day)
            one = encodings[start]
            assert one.computed(*given) == one.evaluated(*given), f"ruleset {seed}, facts {number}"
