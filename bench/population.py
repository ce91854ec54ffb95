"""The judged population by the shipped rules: who is referred, and which bad people are approved.

Bands and limits are set on the odd seeds and judged on the even ones, so that they are not fitted
to the people they are judged by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from json import dumps

from bench.figures import versions_of
from bench.people.judge import (
    ADVANCE,
    GOOD,
    LOAN,
    NOT_READY,
    Figures,
    Judged,
    figures,
    judge,
    shown_as,
)
from bench.shipped import RULES
from bench.tables import Cell, show
from decision_service.domain.decision import Outcome
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.rulebook import Rulebook
from decision_service.standin.formats import start_of

_SEEDS = 20
_HALVES = {"all": (0, 1), "odd": (1,), "even": (0,)}
_DAYS = (3, 10, 17, 28)
"""Days of the month: before and after paydays, before and after the 15th, on which schemes post."""


def run(
    loan: str = "1,3",
    advance: str = "1,2",
    half: str = "all",
    seeds: int = _SEEDS,
    month: str = "2026-12",
    json: bool = False,
) -> None:
    """Print the figures of each pair of versions, and what it refers and approves wrongly.

    `loan` and `advance` are versions, of which the first are one pair, the second another.
    """
    year, number = (int(part) for part in month.split("-"))
    days = [date(year, number, day) for day in _DAYS]
    pairs = list(zip(_numbers(loan), _numbers(advance), strict=True))
    book = _rulebook(days[0])
    rulesets = [
        {
            name: (book.product(name), book.product(name).version(version))
            for name, version in ((LOAN, one), (ADVANCE, other))
        }
        for one, other in pairs
    ]
    chosen = [seed for seed in range(1, seeds + 1) if seed % 2 in _HALVES[half]]
    found = list(judge(rulesets, chosen, days))
    names = [f"loan v{one}, advance v{other}" for one, other in pairs]
    if json:
        _print_json(found, names)
        return
    what = f"{len(chosen)} seeds ({half}) × 400 people × {len(days)} days of {month}"
    rows = [_row(name, figures(found, place)) for place, name in enumerate(names)]
    show("population", what, rows, versions_of(), _NOTES)
    for place, name in enumerate(names):
        for part in (LOAN, ADVANCE):
            of_part = [one for one in found if one.product == part]
            _profiles(f"{name}: {part}", of_part, place)
            _reasons(f"{name}: {part}", of_part, place)


_NOTES = (
    "people are counted once over the days: a bad one counts who is approved on any, a good one who is on each",
    "the interval is Wilson's of the share of bad people, 95 %",
)


def _row(name: str, found: Figures) -> dict[str, Cell]:
    referred = found.outcomes.get(Outcome.REFER, 0)
    low, high = found.interval
    return {
        "rules": name,
        "decisions": found.decided,
        "APPROVE %": _percent(found.outcomes.get(Outcome.APPROVE, 0), found.decided),
        "REFER %": _percent(referred, found.decided),
        "DECLINE %": _percent(found.outcomes.get(Outcome.DECLINE, 0), found.decided),
        "not ready %": _percent(found.outcomes.get(NOT_READY, 0), found.decided),
        "good of REFER %": _percent(found.referred_good, referred),
        "good on each day %": _percent(found.good_approved, found.good),
        "plain in full %": _percent(found.plain_in_full, found.plain),
        "bad approved": f"{found.bad_approved} of {found.bad}",
        "share %": f"{100 * low:.1f} … {100 * high:.1f}",
    }


def _profiles(title: str, found: Sequence[Judged], place: int) -> None:
    """A row for each profile: outcomes of its applications, and people approved on any day."""
    by_profile: dict[tuple[str, str], list[Judged]] = {}
    for one in found:
        by_profile.setdefault((shown_as(one.profile), one.label.truth), []).append(one)
    print(
        f"\n{title}: profiles ({'approve':>8} {'refer':>8} {'decline':>8} {'not ready':>9} %, people approved)"
    )
    for (profile, truth), applications in sorted(by_profile.items(), key=_by_truth):
        outcomes = Counter(one.answers[place].outcome for one in applications)
        shares = [_percent(outcomes.get(one, 0), len(applications)) for one in _OUTCOMES]
        lent = {
            (one.seed, one.number)
            for one in applications
            if one.answers[place].outcome == Outcome.APPROVE
        }
        people = {(one.seed, one.number) for one in applications}
        cut = {(one.seed, one.number) for one in applications if not one.answers[place].in_full}
        line = " ".join(f"{share:>8.1f}" for share in shares)
        said = f"of {len(people)} on a day {len(lent)}, in full on each {len(people - cut)}"
        print(f"  {truth:<11}{profile:<34}{line}   {said}")


_OUTCOMES = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE, NOT_READY)


def _by_truth(item: tuple[tuple[str, str], object]) -> tuple[str, str]:
    (profile, truth), _ = item
    return truth, profile


def _reasons(title: str, found: Sequence[Judged], place: int) -> None:
    """The reasons of referrals: how many name it, of good people, and first of them."""
    referred = [one for one in found if one.answers[place].outcome == Outcome.REFER]
    named, good, alone, profiles = Counter[str](), Counter[str](), Counter[str](), {}
    for one in referred:
        for reason in one.answers[place].reasons:
            named[reason] += 1
            if one.label.truth == GOOD:
                good[reason] += 1
                profiles.setdefault(reason, Counter())[shown_as(one.profile)] += 1
                alone[reason] += len(one.answers[place].reasons) == 1
    print(f"\n{title}: reasons of {len(referred)} referrals (all, of good people, good alone)")
    for reason, count in named.most_common():
        most = profiles.get(reason, Counter()).most_common(3)
        whose = ", ".join(f"{profile} {times}" for profile, times in most)
        print(f"  {reason:<28}{count:>7}{good[reason]:>7}{alone[reason]:>7}   {whose}")


def _print_json(found: Sequence[Judged], names: Sequence[str]) -> None:
    shown = []
    for place, name in enumerate(names):
        row = _row(name, figures(found, place))
        bad = dict(figures(found, place).bad_by_profile)
        by_reason = Counter(
            reason
            for one in found
            if one.answers[place].outcome == Outcome.REFER
            for reason in one.answers[place].reasons
        )
        shown.append({**row, "bad approved by profile": bad, "referred by reason": by_reason})
    print(dumps(shown))


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _rulebook(day: date) -> Rulebook:
    loading = load_rules(read_rules(RULES), start_of(day))
    if loading.rulebook is None:
        raise SystemExit("\n".join(problem.message for problem in loading.errors))
    return loading.rulebook
