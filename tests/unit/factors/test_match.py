"""The grades of an applicant against records, and how a person is recognised."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.person import FoundPerson, GivenApplicant, MatchGrade, MatchGrades
from decision_service.factors.match import (
    birth_date_grade,
    email_grade,
    grades,
    name_grade,
    normal_email,
    read_name,
    recognised_by,
)
from tests.kits.cases import cases

NAMES = cases("matching/names")

PEOPLE = cases("matching/people")

AGAIN = cases("matching/same_person")

BORN = date(1990, 3, 12)


@pytest.mark.parametrize(
    ("given", "found", "grade"),
    [(*pair, grade) for grade, pairs in NAMES.items() for pair in pairs],
)
def test_a_pair_of_names_has_its_grade(given: str, found: str, grade: str) -> None:
    """The same in both directions."""
    assert _name(given, found) == grade
    assert _name(found, given) == grade


@pytest.mark.parametrize("case", PEOPLE, ids=lambda case: case["about"])
def test_an_applicant_is_graded_against_all_records(case: dict) -> None:
    """The order of the records does not matter."""
    found = [_found(one) for one in case["found"]]
    expected = MatchGrades(*case["grades"].split())
    assert grades(_given(case["given"]), found) == expected
    assert grades(_given(case["given"]), found[::-1]) == expected


def test_a_number_without_a_country_code_is_of_the_country_that_is_named() -> None:
    """The Philippines unless another one is named."""
    given, found = GivenApplicant(phone="0912345678"), [FoundPerson(phones=("+84912345678",))]
    assert grades(given, found, "VN").phone == "EXACT"
    assert grades(given, found).phone != "EXACT"


@pytest.mark.parametrize(
    ("one", "other"), [pair for names in AGAIN["same"] for pair in combinations(names, 2)]
)
def test_a_person_is_recognised_however_the_name_is_written(one: str, other: str) -> None:
    """Two ways to write one name have a text in common."""
    assert recognised_by(one, BORN) & recognised_by(other, BORN)


@pytest.mark.parametrize(("one", "other"), [*combinations(AGAIN["others"], 2)])
def test_other_people_are_not_recognised(one: str, other: str) -> None:
    """Twins, and people who share two given names or a surname, have no text in common."""
    assert not recognised_by(one, BORN) & recognised_by(other, BORN)


@pytest.mark.parametrize("name", AGAIN["too_little"])
def test_too_little_of_a_name_recognises_nobody(name: str) -> None:
    """Nor does a name without a birth date."""
    assert not recognised_by(name, BORN)
    assert not recognised_by("Juan Cruz", None)


def test_nobody_is_recognised_by_another_birth_date() -> None:
    """The birth date is part of each text."""
    assert not recognised_by("Juan Cruz", BORN) & recognised_by("Juan Cruz", date(1990, 3, 13))


@pytest.mark.parametrize("text", ["Juan Cruz " * 1000, "x" * 10_000, "+" + "9" * 10_000])
def test_a_text_of_ten_thousand_characters_says_nothing(text: str) -> None:
    """Nothing of it is compared."""
    given = GivenApplicant(text, phone=text, email=f"{text}@example.ph")
    found = FoundPerson(text, phones=(text,), emails=(f"{text}@example.ph",))
    assert grades(given, [found]) == MatchGrades()
    assert not recognised_by(text, BORN)


@pytest.mark.parametrize(
    "person",
    [
        GivenApplicant("Juan Cruz", BORN, "09175551234", "juan@example.ph"),
        FoundPerson("Juan Cruz", BORN, ("09175551234",), ("juan@example.ph",), "a-1"),
    ],
    ids=lambda person: type(person).__name__,
)
def test_a_printed_person_shows_nothing(person: object) -> None:
    """Wherever it is printed: in a log, a traceback, an assertion."""
    for text in (repr(person), str(person), f"{person}", f"{[person]}"):
        assert not any(word in text for word in ("Juan", "1990", "0917", "example"))


def _name(given: str, found: str) -> str:
    return grades(GivenApplicant(given), [FoundPerson(found)]).name


def _given(case: dict) -> GivenApplicant:
    phone, email = str(case.get("phone", "")), case.get("email", "")
    return GivenApplicant(case.get("name", ""), case.get("born"), phone, email)


def _found(case: dict) -> FoundPerson:
    phones, emails = tuple(case.get("phones", ())), tuple(case.get("emails", ()))
    return FoundPerson(case.get("name", ""), case.get("born"), phones, emails)


PIECES = (
    "Juan",
    "Juana",
    "Maria",
    "Ma.",
    "P.",
    "q",
    "Perez",
    "Pérez",
    "Peres",
    "Santos",
    "dela",
)

PIECES += ("Cruz", "Сruz", "CRUZ", "Kruz", "Santos-Cruz", "-")

PIECES += (",", "Jr.", "III", "Mr.", "Jonathan", "Jonatan", "")

ANY_NAME = st.lists(st.sampled_from(PIECES), max_size=7).map(" ".join) | st.text(max_size=40)

DATES = st.dates(date(1900, 1, 1), date(2030, 12, 31))

EMAILS = st.sampled_from(
    ["a.b@gmail.com", "ab@gmail.com", "ab+c@GMAIL.com", "ab+d@x.ph", "AB@x.ph"]
)


@given(ANY_NAME, ANY_NAME)
def test_names_agree_both_ways(one: str, other: str) -> None:
    """Symmetry."""
    assert name_grade(read_name(one), read_name(other)) == name_grade(
        read_name(other), read_name(one)
    )


@given(ANY_NAME)
def test_a_name_that_says_enough_is_exactly_itself(name: str) -> None:
    """In any case."""
    expected = MatchGrade.EXACT if read_name(name).says_enough else MatchGrade.UNKNOWN
    assert name_grade(read_name(name), read_name(name)) is expected


@given(ANY_NAME, ANY_NAME)
def test_exact_names_have_one_normal_form(one: str, other: str) -> None:
    """And names with one normal form are never less than EXACT."""
    mine, yours = read_name(one), read_name(other)
    exact = name_grade(mine, yours) is MatchGrade.EXACT
    assert exact == (mine.says_enough and mine.normal_form == yours.normal_form)


@given(st.permutations(["Juan", "Carlos", "Perez"]), st.sampled_from([str.upper, str.lower]))
def test_a_person_is_recognised_with_the_surname_first(words: list[str], cased: object) -> None:
    """Whatever case and middle names."""
    *before, surname = words
    born = date(1990, 3, 12)
    texts = recognised_by(" ".join(words), born)
    assert texts == recognised_by(cased(f"{surname}, {' '.join(before)}"), born)  # type: ignore[operator]
    assert texts & recognised_by(f"{before[0]} {before[1][0]}. {surname}", born)
    assert texts & recognised_by(cased(f"{surname} {' '.join(before)}"), born)  # type: ignore[operator]


@given(ANY_NAME, ANY_NAME)
def test_names_that_are_exactly_alike_recognise_each_other(one: str, other: str) -> None:
    """Matching and recognition read order, comma, script and hyphen alike."""
    born = date(1990, 3, 12)
    mine, yours = recognised_by(one, born), recognised_by(other, born)
    if name_grade(read_name(one), read_name(other)) is MatchGrade.EXACT and mine and yours:
        assert mine & yours


@given(DATES, DATES)
def test_birth_dates_agree_both_ways(one: date, other: date) -> None:
    """EXACT for equal ones alone."""
    grade = birth_date_grade(one, other)
    assert grade is birth_date_grade(other, one)
    assert (grade is MatchGrade.EXACT) == (one == other)


@given(EMAILS, EMAILS)
def test_addresses_agree_both_ways(one: str, other: str) -> None:
    """EXACT for equal normal forms alone."""
    grade = email_grade(one, [other])
    assert grade is email_grade(other, [one])
    assert (grade is MatchGrade.EXACT) == (normal_email(one) == normal_email(other))


@given(st.lists(ANY_NAME, max_size=3), ANY_NAME, ANY_NAME)
def test_one_different_name_is_never_outweighed(others: list[str], mine: str, theirs: str) -> None:
    """Whatever further records say."""
    given_, found = GivenApplicant(mine), [FoundPerson(name) for name in (*others, theirs)]
    if grades(given_, found[-1:]).name is MatchGrade.DIFFERENT:
        assert grades(given_, found).name is MatchGrade.DIFFERENT
