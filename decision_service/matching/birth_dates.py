"""How far two birth dates agree."""

from __future__ import annotations

from datetime import date

from decision_service.domain.person import MatchGrade


def birth_date_grade(one: date | None, other: date | None) -> MatchGrade:
    """CLOSE only where day and month are exchanged, or one digit of `yyyy-MM-dd` differs."""
    if one is None or other is None:
        return MatchGrade.UNKNOWN
    if one == other:
        return MatchGrade.EXACT
    close = _exchanged(one, other) or _digits_apart(one, other) == 1
    return MatchGrade.CLOSE if close else MatchGrade.DIFFERENT


def _exchanged(one: date, other: date) -> bool:
    return one.year == other.year and (one.month, one.day) == (other.day, other.month)


def _digits_apart(one: date, other: date) -> int:
    return sum(a != b for a, b in zip(one.isoformat(), other.isoformat(), strict=True))
