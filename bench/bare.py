"""The bare evaluator on the applicants of a store: the yardstick of a report over them."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from statistics import fmean

from decision_service.author.backtest.replica import KeyRange, StoreReader
from decision_service.rollout_running.compare import recorded_case
from decision_service.rollout_running.pairs import DecidedCase
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.program import CompiledRuleset

APPLICANTS = 2_000
EVER = KeyRange(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def bare(store_url: str, product: str, seconds: float, jobs: int) -> float:
    """Evaluations a second of one of so many processes at once, as the report has them."""
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        return fmean(pool.map(partial(evaluations, product, seconds), [store_url] * jobs))


def evaluations(product: str, seconds: float, store_url: str) -> float:
    """Evaluations a second of the rules that decided, on values that are read already."""
    people = asyncio.run(recorded(store_url, product))
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for ruleset, facts in people:
            evaluate(ruleset, facts)
        count += len(people)
    return count / (time.perf_counter() - begun)


async def recorded(store_url: str, product: str) -> list[tuple[CompiledRuleset, Facts]]:
    """The first applicants of a store, with the rules that decided on them."""
    reader = await StoreReader.open(store_url)
    try:
        archive = RulesetArchive(reader, Rulebook, CompilationThread())
        page = await reader.applicants(product, EVER, EVER.since, None, APPLICANTS)
        cases = [await recorded_case(one.entry, archive, frozenset()) for one in page]
    finally:
        await reader.aclose()
    return [(one.ruleset, _facts(one)) for one in cases if isinstance(one, DecidedCase)]


def _facts(case: DecidedCase) -> Facts:
    made = case.decision
    return Facts(case.factors.values, made.inputs, made.as_of, answers=made.answers)
