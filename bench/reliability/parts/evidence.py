"""Thousands of scenarios of good and bad evidence: never wrong, hardly ever over-careful."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE

import msgspec

from bench.reliability.evidence.scenarios import Tally
from bench.reliability.score import Score
from bench.reliability.setting import Setting
from tests.e2e.service import ROOT

PART = "evidence"
SCENARIOS = 2_000
SHOWN = 5
OVER_REFERRED = 0.001


async def run(setting: Setting, score: Score, _seconds: float) -> None:
    """Play as many as the run's length asks for, in a process of its own."""
    goal = setting.options.scaled(SCENARIOS, 100)
    arguments = ["--seed", str(setting.options.seed), "--count", str(goal)]
    if setting.options.sabotage:
        arguments += ["--sabotage", setting.options.sabotage]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.reliability.evidence", *arguments, cwd=ROOT, stdout=PIPE
    )
    told, _ = await process.communicate()
    report(score, msgspec.json.decode(told, type=Tally), goal)


def report(score: Score, tally: Tally, goal: int) -> None:
    """The lines of a tally."""
    played = tally.clean + tally.tainted
    score.judged(PART, "scenarios in virtual time", played, f">= {goal}", kept=played >= goal)
    outcomes = ", ".join(f"{name} {count}" for name, count in tally.outcomes.items())
    score.told(PART, "their answers", outcomes)
    score.none(PART, f"wrong approvals, of {tally.tainted} tainted", tally.wrong_approvals)
    score.none(PART, f"wrong declines, of {tally.tainted} tainted", tally.wrong_declines)
    score.told(PART, "tainted, decided and true without", tally.still_decided)
    bound = OVER_REFERRED * tally.clean
    score.judged(
        PART,
        f"other than clean, of {tally.clean} clean",
        tally.over_referred,
        "<= 0.1 %",
        kept=tally.over_referred <= bound,
    )
    score.notes += tally.wrong[:SHOWN]
