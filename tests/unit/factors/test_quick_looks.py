"""The short ways that factors take over long histories give what the long ways give."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.needs import ClassRule, TransactionClass
from decision_service.factors.classes import Classifier
from decision_service.factors.evidence import heaviest, top_weights
from decision_service.factors.tally import BUCKET_OF, UNMAPPED

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


def words_of(text: str) -> str:
    """A text's words in one case, a blank before each."""
    return "".join(f" {word}" for word in re.findall(r"[^\W_]+", text.casefold())) or " "


def bucket(rules: Sequence[ClassRule], text: str, sign: int) -> int:
    """The first fitting rule's bucket, found by taking every text apart."""
    for rule in rules:
        said = not rule.words or any(words_of(w) in words_of(text) for w in rule.words)
        if said and rule.sign in (0, sign):
            return BUCKET_OF[rule.gives]
    return UNMAPPED


@settings(max_examples=150, deadline=None)
@given(RULES, st.lists(TEXTS, max_size=5))
def test_classes_follow_the_words(rules: list[ClassRule], texts: list[str]) -> None:
    """A description has the class that comparing it word by word gives, whatever came before it."""
    classifier = Classifier("grab_ph", rules)
    for text in texts:
        assert classifier[text] == tuple(bucket(rules, text, sign) for sign in (0, 1, -1))


@settings(max_examples=100, deadline=None)
@given(SIZES, st.randoms(use_true_random=False), st.data())
def test_the_heaviest_of_a_slice(sizes: list[int], shuffler: Random, data: st.DataObject) -> None:
    """The five heaviest of a slice are those that sorting all of it by size and id puts first."""
    names = [f"r{n}" for n in range(len(sizes))]
    shuffler.shuffle(names)
    first = data.draw(st.integers(0, len(sizes)))
    end = data.draw(st.integers(first, len(sizes)))
    everything = sorted((-sizes[n], names[n]) for n in range(first, end))
    assert list(top_weights([Named(n) for n in names], sizes, first, end)) == everything[:5]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 0), st.sampled_from("abcdefgh")), max_size=16))
def test_a_spread_record_is_shown_once(weights: list[tuple[int, str]]) -> None:
    """Of a record that stands among the weights several times only its heaviest part counts."""
    expected = list(dict.fromkeys(name for _, name in sorted(weights)))[:5]
    assert list(heaviest(weights)) == expected
