"""Proofs about seeded edits of the shipped products: what is proved, attacked, and how long it takes."""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

from decision_service.author.folder import find_version
from decision_service.author.proofs.comparison import Claim
from decision_service.author.proofs.questions import Question, all_kept
from decision_service.author.proofs.report import factor_model
from decision_service.author.proofs.search import (
    Counterexample,
    Proved,
    Result,
    Undecided,
    prove,
)
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.laws import laws_of
from tests.unit.author.proofs import (
    SEED,
    SHIPPED,
    attack,
    edit_of,
    questions_about,
    refuting,
    shipped,
)

ROOT = Path(__file__).parents[1]
TODAY = date(2026, 11, 27)
LIMIT = 6.0


def ask(question: Question) -> tuple[Result, float]:
    """The answer to a claim, and the seconds of one core that it took."""
    started = time.process_time()
    result = prove(question, TODAY, lambda: started + LIMIT - time.process_time())
    return result, time.process_time() - started


def guarantees() -> Iterator[tuple[str, Question]]:
    """Those of the shipped products, which `make prove-short` proves."""
    laws = laws_of(read_rules(ROOT / "rules")).by_name
    for product in SHIPPED:
        ruleset = find_version(product, ROOT / "rules").ruleset
        world = factor_model(ruleset)
        yield from ((product, question) for question in all_kept(ruleset, world, laws))


def attacked(proved: Sequence[tuple[str, Question]], count: int) -> int:
    """How often so many made-up people break guarantees that are proved, product by product."""
    broken = 0
    for product, some in groupby(proved, lambda pair: pair[0]):
        questions = [question for _, question in some]
        started = time.process_time()
        _, found = attack(questions, shipped(product).files.text, count, SEED)
        broken += len(found)
        seconds = time.process_time() - started
        words = f"{len(questions)} guarantees, {len(found)} broken"
        print(f"{seconds:6.1f} s  {count} people, {product}: {words}", flush=True)
    return broken


def run(
    edits_count: int = 200, begin: int = 0, people: int = 10_000, attacks: int = 100_000
) -> None:
    """Ask every claim about each edit, attack what is proved and the guarantees, print times by kind."""
    times: dict[str, list[float]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for number in range(begin, edits_count):
        word, edit, new = edit_of(number)
        questions = list(questions_about(shipped(word).ruleset, new))
        results = {Claim(q.name): ask(q) for q in questions}
        started = time.process_time()
        met = refuting(questions, word, people) if questions else {}
        seconds = time.process_time() - started
        kind = edit.split(":")[0]
        answers = {claim: _answer(result) for claim, (result, _) in results.items()}
        wrong = [claim for claim in met if answers[claim] == "PROVED"]
        counts.update(answers.values())
        counts["refused"] += len(Claim) - len(questions)
        counts["met"] += sum(answers[claim] == "COUNTEREXAMPLE" for claim in met)
        counts["wrong"] += len(wrong)
        times[kind] += [seconds for _, seconds in results.values()]
        words = " ".join(f"{claim} {answer}" for claim, answer in answers.items()) or "refused"
        print(f"{number} {word} {edit}: {words}; {seconds:.1f} s of people", end="")
        print(f"; WRONG: {', '.join(wrong)}" if wrong else "", flush=True)
    _print(times)
    print(
        f"{edits_count - begin} edits, {len(Claim)} claims each: {counts['refused']} refused, ",
        end="",
    )
    print(f"{counts['PROVED']} PROVED, {counts['COUNTEREXAMPLE']} COUNTEREXAMPLE, ", end="")
    print(
        f"{counts['UNDECIDED']} UNDECIDED; {people} people each refute {counts['wrong']} of those ",
        end="",
    )
    print(f"that are PROVED, {counts['met']} of those that have a COUNTEREXAMPLE")
    if attacks:
        print(f"{attacked([*guarantees()], attacks)} guarantees broken")


def _answer(result: Result) -> str:
    words = {Proved: "PROVED", Counterexample: "COUNTEREXAMPLE", Undecided: "UNDECIDED"}
    return words[type(result)]


def _print(times: dict[str, list[float]]) -> None:
    print(f"{'kind':<12}{'claims':>6}{'median':>9}{'longest':>9}")
    for name, some in sorted(times.items()):
        if some:
            print(f"{name:<12}{len(some):>6}{statistics.median(some):>8.1f}s{max(some):>8.1f}s")
