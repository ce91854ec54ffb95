"""Replays the corpus: through client, store and CreateDecision, and once more purely."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.fakes.examples import ALL
from tests.kits.postgres import Postgres
from tests.records import adapter
from tests.records.adapter import Json
from tests.records.replay import (
    SUMS,
    Book,
    differences,
    lay_out,
    names,
    read_book,
    read_texts,
    replay,
    sums,
)

ON_POSTGRES = ("ordinary_advance", "ordinary_loan_v2", "refused", "segments")
SAME_PEOPLE = ("stories_loan_v1_2", "stories_loan_v1_3")
"""Those of two other books at other times; the rules alone decide on them in every run."""
ON_SQLITE = [name for name in names() if ALL or name not in SAME_PEOPLE]
OF_SERVICE = ("assignment", "review", "recourse", "replays_to_the_same")
"""What the service adds to a verdict."""

_book = cache(read_book)
_texts = cache(read_texts)


def steps_of(book: Book) -> Iterator[tuple[str, int, Json, Json]]:
    """Each step with its record, its place and its expected answer."""
    for record, steps in book.given["records"].items():
        for place, (step, answer) in enumerate(zip(steps, book.expected[record], strict=True)):
            yield record, place, step, answer


def pure_differences(book: Book, rules: Path) -> Iterator[str]:
    """Where the rules in a folder come to another verdict; where a cap decided, no verdict is."""
    for record, place, _, answer in steps_of(book):
        facts = book.facts[record][place]
        if facts is not None and "override" not in answer:
            expected = {name: one for name, one in answer.items() if name not in OF_SERVICE}
            made = adapter.decide_purely(rules, facts)
            made = {name: one for name, one in made.items() if name not in OF_SERVICE}
            yield from differences(expected, made, f"{book.name}.{record}[{place}]")


def book_with(record: str) -> Book:
    book = next(one for one in map(_book, names()) if record in one.expected)
    parts = ({record: one[record]} for one in (book.facts, book.expected))
    given = {**book.given, "records": {record: book.given["records"][record]}}
    return Book(book.name, given, *parts)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Json]:
    """The answers to the books, each by a service of its own on SQLite."""
    books, folder = map(_book, ON_SQLITE), tmp_path_factory.mktemp("books")
    return {name: one[0] for name, one in asyncio.run(replay(books, _texts(), folder)).items()}


@pytest.mark.long
@pytest.mark.parametrize("name", ON_SQLITE)
def test_the_service_answers_as_it_did(name: str, answered: Mapping[str, Json]) -> None:
    """Each step of each record: decisions, letters, reviews, loans, erasures and refusals."""
    assert not [*differences(_book(name).expected, answered[name])]


@pytest.mark.long
def test_postgresql_answers_the_same(postgres: Postgres, tmp_path: Path) -> None:
    """Fifty decisions, with what follows them."""
    decided = 0
    for name in ON_POSTGRES:
        book = _book(name)
        found = asyncio.run(replay([book], _texts(), tmp_path, postgres.migrated()))
        assert not [*differences(book.expected, found[name][0], name)]
        decided += sum("outcome" in answer for _, _, _, answer in steps_of(book))
    assert decided >= 50


@pytest.mark.long
@pytest.mark.parametrize("name", names())
def test_rules_alone_come_to_the_same_verdict(name: str, tmp_path: Path) -> None:
    """What was read, sent and known gives the factors, and these the verdict."""
    rules = lay_out(_book(name), _texts(), tmp_path) / "rules"
    assert not [*pure_differences(_book(name), rules)]


@pytest.mark.long
def test_every_decision_is_replayed_to_itself() -> None:
    """The service's own replay gave the recorded answer, factors and trace each time."""
    replayed = [
        answer.get("replays_to_the_same")
        for book in map(_book, names())
        for _, _, step, answer in steps_of(book)
        if step["do"] == "apply" and "outcome" in answer
    ]
    assert replayed
    assert all(replayed)


def test_the_expected_answers_are_those_that_were_fixed() -> None:
    assert SUMS.read_text(encoding="utf-8").splitlines() == [*sums()]


@pytest.mark.long
def test_the_corpus_has_what_it_promises() -> None:
    """Four hundred decisions, all outcomes and kinds of referral, and all that may follow."""
    decided, seen = 0, Counter[str | None]()
    for book in map(_book, names()):
        for _, _, step, answer in steps_of(book):
            decided += step["do"] == "apply" and "outcome" in answer
            seen[answer.get("refer_kind") or answer.get("outcome") or answer.get("reason")] += 1
            placed, changed = answer.get("assignment", {}), answer.get("override", {})
            seen.update((placed.get("arm_reason"), changed.get("kind")))
            if "refused" not in answer:
                seen[step.get("act") or f"{step['do']} {answer.get('kind', '')}".strip()] += 1
    assert decided >= 400
    wanted = "APPROVE DECLINE NOT_ENROLLED DATA SCORE POLICY LEGAL DATA_NOT_READY INPUT_INVALID"
    wanted += " SNAPSHOT_ERASED CHALLENGER PINNED CAPPED"
    assert set(wanted.split()) <= seen.keys()
    acts = "see claim release note ask again complete confirm reject contest"
    assert set(acts.split()) <= seen.keys()
    letters = ("APPROVAL", "COUNTER_OFFER", "ADVERSE_ACTION", "INCOMPLETE")
    assert {"loan", "erase", *(f"letter {kind}" for kind in letters)} <= seen.keys()


PLANTED = {
    "bin": ("loan-steady-payroll-and-sss", r'12\]", points: 60', '12]", points: 59', ".scores"),
    "order of reasons": (
        "loan-half-a-month-stays-half",
        r"(?s)(\n  INCOME_FELL:.*?priority: )\d",
        r"\g<1>9",
        ".reasons",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize(("record", "old", "new", "where"), PLANTED.values(), ids=PLANTED)
def test_a_change_of_the_rules_is_seen(record, old, new, where, tmp_path):
    book = book_with(record)
    rules = lay_out(book, _texts(), tmp_path) / "rules"
    assert not [*pure_differences(book, rules)]
    rules = lay_out(book, _texts(), tmp_path / "planted") / "rules"
    file = rules / "personal-loan-ph" / "v1.yaml"
    planted, times = re.subn(old, new, file.read_text(encoding="utf-8"), count=1)
    assert times == 1
    file.write_text(planted, encoding="utf-8")
    found = [*pure_differences(book, rules)]
    assert any(f"]{where}" in one for one in found), found


@pytest.mark.long
def test_a_change_of_a_factor_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, right = "income.months_24m", adapter.compute

    def wrong(*given: Any) -> Any:
        factors = right(*given)
        value = factors.values[name]
        more = replace(value, value=value.value + 1)
        return replace(factors, values={**factors.values, name: more})

    monkeypatch.setattr(adapter, "compute", wrong)
    book = book_with("loan-steady-payroll-and-sss")
    found = [*pure_differences(book, lay_out(book, _texts(), tmp_path) / "rules")]
    assert any(".factor_values" in one for one in found), found


def test_an_answer_that_is_missing_or_too_much_is_seen() -> None:
    """The comparison names the place of each difference, also where one side has nothing."""
    expected = {"reasons": [{"code": "A"}, {"code": "B"}], "kept": 1}
    swapped = {"reasons": [{"code": "B"}, {"code": "A"}], "kept": 1}
    places = [one.partition(":")[0] for one in differences(expected, swapped)]
    assert places == ["reasons[0].code", "reasons[1].code"]
    assert [*differences(expected, {"reasons": [], "kept": 1})]
    assert [*differences(expected, expected | {"more": 0})]
    assert not [*differences(expected, dict(expected))]
