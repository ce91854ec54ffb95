"""What holds of every name, birth date and contact."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.person import FoundPerson, GivenApplicant, MatchGrade
from decision_service.factors.match import (
    birth_date_grade,
    email_grade,
    grades,
    name_grade,
    normal_email,
    read_name,
    recognised_by,
)

PIECES = ("Juan", "Juana", "Maria", "Ma.", "P.", "q", "Perez", "Pérez", "Peres", "Santos", "dela")
PIECES += ("Cruz", "Сruz", "CRUZ", "Kruz", "Santos-Cruz", "-")
PIECES += (",", "Jr.", "III", "Mr.", "Jonathan", "Jonatan", "")
NAMES = st.lists(st.sampled_from(PIECES), max_size=7).map(" ".join) | st.text(max_size=40)
DATES = st.dates(date(1900, 1, 1), date(2030, 12, 31))
EMAILS = st.sampled_from(
    ["a.b@gmail.com", "ab@gmail.com", "ab+c@GMAIL.com", "ab+d@x.ph", "AB@x.ph"]
)


@given(NAMES, NAMES)
def test_names_agree_both_ways(one: str, other: str) -> None:
    """Symmetry."""
    assert name_grade(read_name(one), read_name(other)) == name_grade(
        read_name(other), read_name(one)
    )


@given(NAMES)
def test_a_name_that_says_enough_is_exactly_itself(name: str) -> None:
    """In any case."""
    expected = MatchGrade.EXACT if read_name(name).says_enough else MatchGrade.UNKNOWN
    assert name_grade(read_name(name), read_name(name)) is expected


@given(NAMES, NAMES)
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


@given(NAMES, NAMES)
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


@given(st.lists(NAMES, max_size=3), NAMES, NAMES)
def test_one_different_name_is_never_outweighed(others: list[str], mine: str, theirs: str) -> None:
    """Whatever further records say."""
    given_, found = GivenApplicant(mine), [FoundPerson(name) for name in (*others, theirs)]
    if grades(given_, found[-1:]).name is MatchGrade.DIFFERENT:
        assert grades(given_, found).name is MatchGrade.DIFFERENT
