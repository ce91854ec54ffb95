"""The catalogue against its slow reference, over made-up applicants, two hundred with EXAMPLES=all.

Each is asked for 20 factors, drawn by its seed. `make oracle` takes ten thousand; all factors, or
other applicants: `ORACLE_FACTORS=300 ORACLE_FIRST=10000 ORACLE_APPLICANTS=2000 pytest
tests/unit/factors/test_oracle.py`.
"""

from __future__ import annotations

import os
from collections import Counter
from decimal import Decimal
from random import Random

import pytest

from decision_service.domain.factor import FactorValue
from decision_service.domain.needs import Needs
from decision_service.domain.values import OF_FACTORS, Cause, Missing
from decision_service.factors.compute import compute
from decision_service.factors.registry import catalogue, data_names
from tests.fakes import examples
from tests.oracles.applicants import applicant
from tests.oracles.factors import Answer, names, reference
from tests.oracles.factors.applicant import Wait

APPLICANTS = int(os.environ.get("ORACLE_APPLICANTS", "200" if examples.ALL else "80"))
FIRST = int(os.environ.get("ORACLE_FIRST", examples.FIRST))
FACTORS_EACH = int(os.environ.get("ORACLE_FACTORS", "20"))
PARTS = 4
SHOWN = 20
TOLERANCE = Decimal("1e-28")

# These may name further taints: of months that are looked at although a whole kind is spoilt.
FURTHER_TAINTS = {"employment.status", "employment.started_since_backed"}


def cause_of(missing: Missing) -> Cause | Wait:
    """A cause in the reference's words: what is awaited with its month, source and due date."""
    if missing.cause is not Cause.NOT_YET_POSTED:
        return missing.cause
    assert missing.month is not None
    return Wait(missing.month, missing.source or "", missing.due)


def answer_of(factor: FactorValue) -> Answer:
    """What the service says, in the reference's words."""
    if factor.value is None:
        return {cause_of(missing) for missing in factor.missing}
    return factor.value


def same(name: str, ours: Answer, theirs: Answer) -> bool:
    """Equal in type and value; decimals to 28 digits, since sums may be taken in any order."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, Decimal) and isinstance(theirs, Decimal):
        return abs(ours - theirs) <= TOLERANCE * max(abs(theirs), Decimal(1))
    if isinstance(ours, set) and isinstance(theirs, set) and name in FURTHER_TAINTS:
        more = ours - theirs
        return theirs <= ours and all(isinstance(one, Wait) or one.tainted for one in more)
    return ours == theirs


def disagreements(seed: int, chosen: list[str]) -> list[str]:
    """One line for each factor on which the two differ for the applicant of a seed."""
    case = applicant(seed)
    needs = Needs(tuple(chosen), case.policy, case.term_months)
    ours = compute(case.snapshot, needs, case.as_of).values
    theirs = reference(case.snapshot, case.policy, case.as_of, chosen, case.term_months)
    answers = {name: (answer_of(ours[name]), theirs[name]) for name in chosen}
    return [
        f"{name} seed {seed}: computed {shown(computed)}, reference {shown(expected)}"
        for name, (computed, expected) in answers.items()
        if not same(name, computed, expected)
    ]


def shown(answer: Answer) -> str:
    """An answer for a person; causes in text order."""
    if isinstance(answer, set):
        return "missing " + " ".join(sorted(map(str, answer)))
    return str(answer)


def test_every_factor_of_the_catalogue_has_a_reference() -> None:
    """The catalogue and its reference name the same factors of a snapshot."""
    assert sorted(data_names(tuple(catalogue()))) == sorted(names())


@pytest.mark.timeout(max(600, APPLICANTS * FACTORS_EACH // 100))
@pytest.mark.parametrize("part", range(PARTS))
def test_the_catalogue_agrees_with_its_reference(part: int) -> None:
    """Every value, and every set of causes, is what the slow reference says."""
    everything = sorted(names())
    found: list[str] = []
    for seed in range(FIRST + part, FIRST + APPLICANTS, PARTS):
        chosen = Random(seed).sample(everything, min(FACTORS_EACH, len(everything)))
        found += disagreements(seed, chosen)
        if len(found) >= SHOWN:
            break
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "seed", [264, 1120, 1467, 4571, 4909, 8358, 16160, 21812, 30031, 30354, 50095, 50541, 61400]
)
def test_the_two_agree_where_they_once_did_not(seed: int) -> None:
    """Every factor of applicants on whom the two once differed is equal now."""
    assert disagreements(seed, sorted(names())) == []


@pytest.mark.long
def test_the_applicants_reach_every_kind_of_answer() -> None:
    """The applicants give every factor a value and every cause a chance, or they prove little."""
    causes: Counter[Cause] = Counter()
    valued: Counter[str] = Counter()
    for seed in range(90):
        case = applicant(seed)
        told = reference(case.snapshot, case.policy, case.as_of, None, case.term_months)
        for name, answer in told.items():
            if isinstance(answer, set):
                causes.update(Cause.NOT_YET_POSTED if isinstance(c, Wait) else c for c in answer)
            else:
                valued[name] += 1
    assert set(valued) == set(names())
    assert set(causes) == set(OF_FACTORS)
