"""How far two names agree: the same words, words that may be left out, slips, married names."""

from __future__ import annotations

from collections import Counter

from rapidfuzz.distance import OSA

from decision_service.domain.person import MatchGrade
from decision_service.matching.names import PersonName, full_words, sounded

SHORTEST_WITH_A_SLIP = 5
SHORTEST_EXCHANGED = 4
"""From so many letters on two neighbours may have changed places."""
LONG = 9
"""From so many letters on a word may differ by two slips."""


def name_grade(one: PersonName, other: PersonName) -> MatchGrade:
    """EXACT for equal normal forms, CLOSE where nothing in the names contradicts."""
    if not (one.says_enough and other.says_enough):
        return MatchGrade.UNKNOWN
    if one.normal_form == other.normal_form:
        return MatchGrade.EXACT
    if one.suffix and other.suffix and one.suffix != other.suffix:
        return MatchGrade.DIFFERENT
    close = _one_holds_the_other(one, other) or _married(one, other) or _married(other, one)
    return MatchGrade.CLOSE if close else MatchGrade.DIFFERENT


def same_first_name(one: PersonName, other: PersonName) -> bool:
    """Whether both begin with the same given name, which no initial is."""
    return bool(full_words(one.given[:1])) and one.given[:1] == other.given[:1]


def is_slip(one: str, other: str) -> bool:
    """Whether two words differ as a mistyped one does, and not as Mario and Maria do.

    Of any length where they sound alike, as Cruz and Kruz do.
    """
    if one != other and sounded(one) == sounded(other):
        return True
    shorter = min(len(one), len(other))
    exchanged = sorted(one) == sorted(other)
    shortest = SHORTEST_EXCHANGED if exchanged else SHORTEST_WITH_A_SLIP
    if shorter < shortest or _differ_in_gender(one, other):
        return False
    most = 2 if shorter >= LONG else 1
    return 0 < OSA.distance(one, other, score_cutoff=most) <= most


def _differ_in_gender(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return longer == shorter + "a" or (one[:-1] == other[:-1] and {one[-1], other[-1]} == {*"ao"})


def _one_holds_the_other(one: PersonName, other: PersonName) -> bool:
    """Whether two words or more agree, and what is left over stands on one side alone."""
    if "".join(one.words) == "".join(other.words):
        return True
    mine, yours = Counter(one.words), Counter(other.words)
    agreeing = len(full_words([*(mine & yours).elements()]))
    mine, yours = mine - yours, yours - mine
    slip = _slip(mine, yours)
    if slip is not None:
        agreeing += 1
        mine, yours = mine - Counter(slip), yours - Counter(slip)
    if agreeing > 1 and mine and yours:
        mine, yours = _without_initials(mine, yours), _without_initials(yours, mine)
    return not (mine and yours)


def _slip(mine: Counter[str], yours: Counter[str]) -> tuple[str, str] | None:
    """The one pair of words, first in the alphabet, of which one is a mistyped other."""
    pairs = ((*sorted((a, b)),) for a in mine for b in yours if is_slip(a, b))
    first, second = min(pairs, default=("", ""))
    return (first, second) if first else None


def _without_initials(mine: Counter[str], yours: Counter[str]) -> Counter[str]:
    """What is left of `mine` once each initial on one side has its word on the other."""
    short, long = _letters(mine, initials=True), _letters(mine, initials=False)
    short -= _letters(yours, initials=False)
    long -= _letters(yours, initials=True)
    return short + long


def _letters(words: Counter[str], *, initials: bool) -> Counter[str]:
    """First letters, of the initials or of the other words."""
    return Counter(word[0] for word in words.elements() if (len(word) == 1) is initials)


def _married(maiden: PersonName, married: PersonName) -> bool:
    """Whether the same given name goes on with the maiden surname as the middle name."""
    if not same_first_name(maiden, married) or len(married.words) < 3:
        return False
    return bool(full_words(maiden.surname[-1:])) and maiden.surname[-1] == married.words[-2]
