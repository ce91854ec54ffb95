"""Rule evaluation: beside other engines, answers compared first, and of applicants with gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Protocol

from bench.figures import report, timed_together
from bench.ours import Ours
from bench.reference import Answer, answer, applicants
from bench.shipped import ShippedLoan
from decision_service.rules.evaluate import evaluate

COUNT = 300
ROUNDS = 15
GAPS = (1, 2, 5, 10, 30)
GAP_ROUNDS = 60
PEERS = {
    "zen-engine": ("bench.zen_peer", "ZenPeer"),
    "cel-expr-python": ("bench.cel_peer", "CelPeer"),
    "rule-engine": ("bench.rule_engine_peer", "RuleEnginePeer"),
}


class Peer(Protocol):
    """An engine with the reference set loaded; `package` is what its version is asked of."""

    name: str
    package: str

    def prepare(self, values: dict[str, int]) -> Any:
        """The values as the engine takes them."""

    def evaluate(self, prepared: Any) -> Any:
        """The engine's own result, without a trace where it can do without."""

    def answer(self, prepared: Any) -> Answer:
        """The result in the common form."""


def compare(peers: Sequence[Peer]) -> None:
    """Stop where an engine does not give the obvious answer: wrong ones are not timed."""
    for values in applicants(COUNT):
        expected = answer(values)
        for peer in peers:
            got = peer.answer(peer.prepare(values))
            if not _same(got, expected):
                raise SystemExit(f"{peer.name} answers {got}, expected {expected}")


def _same(got: Answer, expected: Answer) -> bool:
    known = got.multiple is None or expected.multiple is None or got.multiple == expected.multiple
    return known and (got.user_state, got.score, got.band) == (
        expected.user_state,
        expected.score,
        expected.band,
    )


def installed() -> list[Peer]:
    """The peers that can be imported; of the others it says so."""
    found: list[Peer] = []
    for package, (module, name) in PEERS.items():
        try:
            found.append(getattr(import_module(module), name)())
        except ImportError:
            print(f"{package} is not installed and left out; `make bench` installs it.")
    return found


def run() -> None:
    """Print the tables."""
    beside_peers()
    with_gaps()


def with_gaps() -> None:
    """The shipped loan with trace: applicants with ever more gaps, beside complete ones."""
    loan = ShippedLoan()
    every = len(loan.ruleset.needs.factors)
    peopled = {f"{gaps} of {every} factors missing": loan.with_gaps(gaps) for gaps in GAPS}
    peopled = {"complete": loan.complete, **peopled, "46 % with gaps": loan.population()}
    decide = partial(evaluate, loan.ruleset)
    works = {f"shipped loan, {who}": _each(decide, people) for who, people in peopled.items()}
    timings = timed_together(works, len(loan.complete), GAP_ROUNDS)
    report("rules with gaps", timings, "shipped loan, complete", ["msgspec"])


def beside_peers() -> None:
    """The reference set."""
    ours, peers = Ours(), installed()
    compare([ours, *peers])
    facts = [ours.prepare(values) for values in applicants(COUNT)]
    missing = [ours.without_one(values) for values in applicants(COUNT)]
    works: dict[str, Callable[[], object]] = {
        "ours, with the raw trace": _each(ours.evaluate, facts),
        "ours, one missing, with the raw trace": _each(ours.evaluate, missing),
        "ours, and the whole trace in words": _each(ours.traced, facts),
    }
    yardstick = next(iter(works))
    for peer in peers:
        prepared = [peer.prepare(values) for values in applicants(COUNT)]
        works[peer.name] = _each(peer.evaluate, prepared)
        if peer.name == "zen-engine":
            yardstick = f"{peer.name}, with trace"
            works[yardstick] = _each(partial(peer.evaluate, trace=True), prepared)
    timings = timed_together(works, COUNT, ROUNDS)
    report("rules", timings, yardstick, [peer.package for peer in (ours, *peers)])


def _each(evaluate: Callable[[Any], object], cases: Sequence[Any]) -> Callable[[], object]:
    return lambda: [evaluate(case) for case in cases]
