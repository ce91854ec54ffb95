"""Every factor against its slow reference, and short ways against long ways."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.needs import ClassRule, Needs, TransactionClass
from decision_service.domain.snapshot import Transaction
from decision_service.domain.values import OF_FACTORS, Cause, Missing
from decision_service.factors.answer import five, five_of, heaviest, top_weights
from decision_service.factors.compute import compute
from decision_service.factors.registry import catalogue, data_names
from decision_service.factors.tally import (
    BUCKET_OF,
    FOREIGN,
    REPAID,
    UNMAPPED,
    Classifier,
    Stretch,
    page_of,
)
from tests.fakes.examples import ALL, examples
from tests.fakes.examples import FIRST as FIRST_SEED
from tests.oracles.applicants import applicant
from tests.oracles.factors import Answer, names, reference
from tests.oracles.factors.applicant import Wait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decision_service.domain.factor import FactorValue

APPLICANTS = int(os.environ.get("ORACLE_APPLICANTS", "200" if ALL else "80"))

FIRST = int(os.environ.get("ORACLE_FIRST", FIRST_SEED))

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


BITS = (
    "fee",
    "Fees",
    "cof",
    "cash",
    "CASH",
    "out",
    "outs",
    " ",
    " ",
    "-",
    "_",
    "\n",
    "7",
    "Straße",
)

TEXTS = st.lists(st.sampled_from(BITS), max_size=7).map("".join)

RULES = st.lists(
    st.builds(
        ClassRule,
        st.just("grab_*"),
        st.lists(TEXTS, max_size=2).map(tuple),
        st.sampled_from((-1, 0, 1)),
        st.sampled_from(
            (TransactionClass.FEE, TransactionClass.EARNING, TransactionClass.REVERSAL)
        ),
    ),
    max_size=4,
)

SIZES = st.lists(st.sampled_from((0, 5, 5, 6, 7, 90)), max_size=24)


@dataclass(frozen=True, slots=True)
class Named:
    """A record of which only the id counts."""

    id: str


class Heap:
    """Some weights that can be seen to be looked at."""

    def __init__(self, weights: list[tuple[int, str]]) -> None:
        self.weights = weights
        self.opened = False

    @property
    def peak(self) -> int:
        return max(-weight for weight, _ in self.weights)

    def top(self) -> Sequence[tuple[int, str]]:
        """The five heaviest, opened."""
        self.opened = True
        return sorted(self.weights)[:5]


WEIGHTS = st.tuples(st.integers(-6, 0), st.sampled_from("abcdefghijkl"))

HEAPS = st.lists(
    st.lists(WEIGHTS, min_size=1, max_size=8, unique_by=lambda w: w[1]).map(Heap), max_size=5
)


def sign(amount: int) -> int:
    """1 of a credit, -1 of a debit, 0 of nothing."""
    return (amount > 0) - (amount < 0)


def words_of(text: str) -> str:
    """A text's words in one case, a blank before each."""
    return "".join(f" {word}" for word in re.findall(r"[^\W_]+", text.casefold())) or " "


def bucket(rules: Sequence[ClassRule], text: str, sign: int) -> int:
    """The first fitting rule's bucket, found by taking every text apart."""
    for rule in rules:
        said = not rule.words or any(words_of(w) in words_of(text) for w in rule.words)
        if said and rule.sign in (0, sign):
            lent = rule.gives is TransactionClass.LOAN
            return REPAID if lent and sign < 0 else BUCKET_OF[rule.gives]
    return UNMAPPED


@settings(max_examples=examples(150), deadline=None)
@given(RULES, st.lists(TEXTS, max_size=5))
def test_classes_follow_the_words(rules: list[ClassRule], texts: list[str]) -> None:
    """A description has the class that comparing it word by word gives, whatever came before it."""
    classifier = Classifier("grab_ph", rules)
    for text in texts:
        assert classifier.signed(text) == tuple(bucket(rules, text, sign) for sign in (0, 1, -1))


@settings(max_examples=examples(150), deadline=None)
@given(SIZES, st.integers(1, 40), st.randoms(use_true_random=False))
def test_the_heaviest_of_many(sizes: list[int], times: int, shuffler: Random) -> None:
    """The five heaviest are those that sorting all of them by size and id puts first."""
    many = sizes * times
    names = [f"r{n}" for n in range(len(many))]
    shuffler.shuffle(names)
    shuffler.shuffle(many)
    everything = sorted((-size, name) for size, name in zip(many, names, strict=True))
    assert list(top_weights([Named(n) for n in names], many)) == everything[:5]


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 0), st.sampled_from("abcdefgh")), max_size=16))
def test_a_spread_record_is_shown_once(weights: list[tuple[int, str]]) -> None:
    """Of a record that stands among the weights several times only its heaviest part counts."""
    expected = list(dict.fromkeys(name for _, name in sorted(weights)))[:5]
    assert list(heaviest(weights)) == expected


@settings(max_examples=examples(150), deadline=None)
@given(HEAPS, st.lists(WEIGHTS, max_size=8))
def test_heaps_are_looked_into_where_they_may_tell(
    heaps: list[Heap], weights: list[tuple[int, str]]
) -> None:
    """The five heaviest of known weights and of heaps are those of all their records together."""
    everything = [*weights, *(weight for heap in heaps for weight in heap.weights)]
    assert list(five_of(weights, heaps)) == list(five(everything))


def test_a_heap_that_cannot_matter_is_not_looked_into() -> None:
    """Five weights above all that a heap may hold leave it closed."""
    heap = Heap([(-4, "low")])
    assert [name for _, name in five_of([(-5, name) for name in "abcde"], [heap])] == list("abcde")
    assert not heap.opened


DAYS = st.integers(0, 40).map(lambda n: date(2026, 9, 20) + timedelta(days=n))

MOVES = st.lists(
    st.tuples(DAYS, st.sampled_from(["fee", "cash", "?"]), st.integers(-3, 3)), max_size=25
)

CLASSIFIER = Classifier(
    "grab_ph",
    [
        ClassRule("*", ("cash",), 0, TransactionClass.WITHDRAWAL),
        ClassRule("*", ("fee",), -1, TransactionClass.FEE),
        ClassRule("*", ("fee",), 1, TransactionClass.EARNING),
    ],
)


@settings(max_examples=examples(150), deadline=None)
@given(MOVES, st.lists(st.tuples(DAYS, DAYS), min_size=1, max_size=4))
def test_a_stretch_adds_up_its_days(
    moves: list[tuple[date, str, int]], periods: list[tuple[date, date]]
) -> None:
    """Counts, sums and edges of any stretches, asked one after another, are those of its days."""
    records = [Transaction(f"t{n}", "g", d, w, "PHP", a) for n, (d, w, a) in enumerate(moves)]
    page = page_of(records, CLASSIFIER, "PHP")
    for begins, before in periods:
        stretch = Stretch([page], begins, before)
        inside = [r for r in records if begins <= r.date < before]
        placed = [(CLASSIFIER.signed(r.description)[sign(r.amount)], r.amount) for r in inside]
        for place in range(FOREIGN):
            amounts = [amount for found, amount in placed if found == place]
            assert stretch.tally.counts[place] == len(amounts)
            assert stretch.tally.sums[place] == sum(amounts)
        assert stretch.tally.turnover == sum(abs(r.amount) for r in inside)
        days = [r.date for r in inside]
        assert stretch.edges() == ((min(days), max(days)) if days else None)
