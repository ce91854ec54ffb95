"""The terms of made-up rulesets beside the evaluator.

`make oracle` compares 100,000 cases (`PROVE_CASES`), of as many rulesets as there are fifties of
cases; without it 600 are compared, the first of them.
"""

from __future__ import annotations

import os

import pytest

from decision_service.workbench.proofs.encoding import NotEncodable
from tests.unit.proofs.agreement import PER_RULESET, differing

CASES = int(os.environ.get("PROVE_CASES", "600"))
CHUNKS = 4


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_terms_compute_what_the_evaluator_decides(chunk):
    """Outcome, offer and conditions are equal, whatever is missing; few rulesets are refused."""
    seeds, refused = range(chunk, CASES // PER_RULESET, CHUNKS), []
    for seed in seeds:
        try:
            assert differing(seed) is None, f"ruleset {seed}"
        except NotEncodable:
            refused.append(seed)
    assert len(refused) <= len(seeds) // 50, refused
