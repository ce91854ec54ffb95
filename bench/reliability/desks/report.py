"""The lines of the kills beside reviewers."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from bench.reliability.desks.account import Account
from bench.reliability.desks.settling import Found
from bench.reliability.killing import Kills
from bench.reliability.score import Score


def report(
    score: Score, part: str, kills: Kills, goal: int, found: Found, accounts: Sequence[Account]
) -> None:
    """Deaths, then what must not happen, then what was decided again."""
    killed = kills.deaths.total()
    score.judged(part, "SIGKILLs beside reviewers", killed, f">= {goal}", kept=killed >= goal)
    score.told(part, "of them at", kills.by_place)
    _wrongs(score, part, found, accounts)
    _again(score, part, found, accounts)
    refused = sum((one.refused for one in accounts), Counter())
    words = ", ".join(f"{name} {count}" for name, count in refused.most_common())
    score.told(part, "refused to reviewers", words)
    score.none(part, "restarts that did not serve", len(kills.failures))
    score.notes += found.notes


def _wrongs(score: Score, part: str, found: Found, accounts: Sequence[Account]) -> None:
    missing, wrongs = found.missing, found.wrongs
    cases = sum(len(one.cases) for one in accounts)
    claims = sum(one.told.total() for one in accounts)
    answered = sum(len(one.answered) for one in accounts)
    ends = sum(len(one.ends) for one in accounts)
    counted = {
        f"referrals without a review, of {missing['referrals']}": missing["unreviewed"],
        "reviews without a decision": missing["alone"],
        f"referrals told of and lost, of {cases}": len(wrongs.not_there),
        f"claims had by two at once, of {claims}": len(wrongs.had_by_two),
        f"claims and ends told of and lost, of {claims + answered}": len(wrongs.not_recorded),
        f"ended twice, of {answered}": len(wrongs.ended_twice),
        f"steps recorded twice, of {found.steps}": len(wrongs.recorded_twice),
        "ended otherwise than the history has it": len(wrongs.not_standing),
        f"ends asked again and refused, of {ends}": found.unsettled,
        **sum((one.wrong for one in accounts), Counter()),
    }
    for name, count in counted.items():
        score.none(part, name, count)


def _again(score: Score, part: str, found: Found, accounts: Sequence[Account]) -> None:
    arrived = sum(case.arrived is not None for one in accounts for case in one.cases.values())
    wrong = len(found.wrongs.not_once_again)
    score.none(part, f"not decided again once, of {arrived}", wrong)
    if found.again:
        words = f"{statistics.median(found.again):.1f} s, {max(found.again):.1f} s"
        score.told(part, "decided again beside kills: median, longest", words)
