"""The short ways that factors take over long histories give what the long ways give."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.needs import ClassRule, TransactionClass
from decision_service.domain.snapshot import Transaction
from decision_service.factors.answer import five, five_of, heaviest, top_weights
from decision_service.factors.tally import (
    BUCKET_OF,
    FOREIGN,
    REPAID,
    UNMAPPED,
    Classifier,
    Stretch,
    page_of,
)
from tests.fakes.examples import examples

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
