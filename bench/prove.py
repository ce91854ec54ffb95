"""Proofs about seeded edits of the shipped products: how long a question takes, by kind of edit."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from random import Random

from decision_service.cli.rules.version import find_version
from decision_service.factors.registry import catalogue
from decision_service.pipeline.trial.everybody import everybody
from decision_service.proofs.claims.comparison import Claim, Comparison, compared
from decision_service.proofs.claims.guarantee import Kept
from decision_service.proofs.questions import Question
from decision_service.proofs.results import Counterexample, Proved, Result, Undecided
from decision_service.proofs.search import prove
from decision_service.ruleset.figures.setting import FigureSetter, FiguresUnfit
from tests.unit.proofs.attacks import attack

SEED = 20261127
ROOT = Path(__file__).parents[1]
PRODUCTS = ("personal-loan-ph@1", "personal-loan-ph@2", "gig-advance-ph@1")
TODAY = date(2026, 11, 27)
LIMIT = 60.0
_OF_MONEY = ("limit.", "price.", "offer.", "derived.", "params.monthly_rate", "params.max_debt",
             "params.max_share", "params.smallest", "params.largest", "params.processing")  # fmt: skip
_WHERE = {
    "personal-loan-ph": "income.months_24m < 6 or income.conservative_6m < 40000",
    "gig-advance-ph": "transactions.active_days_28d < 16",
}
_CLAIMS = tuple(Claim)


def edits(count: int) -> Iterator[tuple[str, str, Claim]]:
    """Product, figure and claim, the same for one count; at least two fifths touch money."""
    rng = Random(SEED)
    setters = {
        p: FigureSetter(find_version(p, ROOT / "rules").files, catalogue()) for p in PRODUCTS
    }
    figures = [(p, n) for p, s in setters.items() for n in s.names if ".reason" not in n]
    money = [f for f in figures if f[1].startswith(_OF_MONEY)]
    for index in range(count):
        product, name = rng.choice(money if index % 5 < 2 else figures)
        yield product, name, rng.choice(_CLAIMS)


def kind(name: str) -> str:
    """The kind of an edit, by what the figure belongs to."""
    for word, told in (
        ("params.", "parameter"),
        ("derived.", "derived"),
        ("offer.", "offer"),
        ("limit.", "table"),
        ("price.", "table"),
        ("score.bands", "band"),
        ("score.", "bin"),
    ):
        if name.startswith(word):
            return told
    return "rule"


def ask(product: str, name: str, claim: Claim) -> tuple[Comparison, Result, float] | None:
    """The answer and the seconds of one core that it took; None where the edit does not compile."""
    version = find_version(product, ROOT / "rules")
    setter = FigureSetter(version.files, catalogue())
    try:
        changed, _ = setter.compiled({name: setter.nearby(name)})
    except FiguresUnfit:
        return None
    where = _WHERE[changed.ruleset] if claim is Claim.ONLY else ""
    world = everybody(version.ruleset, changed)
    question = compared(version.ruleset, changed, claim, world, where)
    started = time.process_time()
    result = prove(question, TODAY, lambda: started + LIMIT - time.process_time())
    return question, result, time.process_time() - started


def attacked(proved: Sequence[tuple[str, Question]], count: int) -> int:
    """How often so many made-up people break claims that are proved, product by product."""
    broken = 0
    by_product = sorted(proved, key=lambda pair: pair[0])
    for product, some in groupby(by_product, lambda pair: pair[0]):
        questions = [question for _, question in some]
        started = time.process_time()
        texts = [text for question in questions for text in _figures(question)]
        _, found = attack(questions, texts, count, SEED)
        broken += len(found)
        seconds = time.process_time() - started
        told = f"{len(questions)} claims proved, {len(found)} broken"
        print(f"{seconds:6.1f} s  {count} people, {product}: {told}")
    return broken


def guarantees() -> Iterator[tuple[str, Question]]:
    """Those of the shipped products, which `make prove-short` proves."""
    for product in PRODUCTS:
        ruleset = find_version(product, ROOT / "rules").ruleset
        world = everybody(ruleset)
        yield from ((f"{product}, guarantees", Kept(ruleset, g, world)) for g in ruleset.guarantees)


def _figures(question: Question) -> Iterator[str]:
    """The figures of its versions, and some that are usual."""
    params = [param for r in question.rulesets for param in r.params.values()]
    yield from (str(step.value) for param in params for step in param.every_step)
    yield " ".join(str(number) for number in (*range(13), 24, 0.5, 40, 100, 1000, 30000))


def run(edits_count: int = 200, begin: int = 0, attacks: int = 100_000) -> None:
    """Ask about each edit, attack what is proved with the guarantees, and print times by kind."""
    times: dict[str, list[float]] = defaultdict(list)
    outcomes: dict[type, int] = defaultdict(int)
    proved = [*guarantees()]
    for product, name, claim in list(edits(edits_count))[begin:]:
        found = ask(product, name, claim)
        if found is None:
            continue
        question, result, seconds = found
        if isinstance(result, Proved):
            proved.append((product, question))
        told = result.why if isinstance(result, Undecided) else ""
        print(f"{seconds:6.1f} s  {type(result).__name__:<15}{product} {name} {claim} {told}")
        outcomes[type(result)] += 1
        times[kind(name)].append(seconds if not told else LIMIT)
    wrong = attacked(proved, attacks)
    _print(times)
    every = [t for some in times.values() for t in some]
    within = [sum(t <= limit for t in every) / len(every) for limit in (5, LIMIT - 0.001)]
    counts = [outcomes[o] for o in (Proved, Counterexample, Undecided)]
    print(
        f"{counts[0]} proved, {counts[1]} refuted, {counts[2]} undecided, {wrong} wrong; ", end=""
    )
    print(f"{within[0]:.0%} within 5 s, {within[1]:.0%} within {LIMIT:.0f} s")


def _print(times: dict[str, list[float]]) -> None:
    print(f"{'kind':<12}{'edits':>6}{'median':>9}{'longest':>9}")
    for name, some in sorted(times.items()):
        print(f"{name:<12}{len(some):>6}{statistics.median(some):>8.1f}s{max(some):>8.1f}s")
