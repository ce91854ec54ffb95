"""What a run is asked to do."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from bench.reliability.sabotage import SABOTAGES


@dataclass(frozen=True, slots=True)
class Options:
    """`minutes` bounds the run; `slack` widens the bounds that are times, for busy machines."""

    minutes: float
    seed: int
    store: str
    sabotage: str | None
    slack: float
    only: frozenset[str]

    @property
    def share(self) -> float:
        """How much of a run of five minutes this is."""
        return self.minutes / 5.0

    def scaled(self, count: int, least: int = 1) -> int:
        """A count of the five-minute run, scaled to this one."""
        return max(least, round(count * min(self.share, 1.0)))

    def goal(self, count: int) -> int:
        """What must be reached of a count that the machine's speed decides."""
        return max(1, round(count * min(self.share, 1.0) / self.slack))


def parse(arguments: Sequence[str], parts: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.reliability", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="about how long to run")
    parser.add_argument("--seed", type=int, default=1, help="what the dice begin with")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--sabotage", choices=(*SABOTAGES, "all"), help="break one safeguard")
    parser.add_argument("--slack", type=float, default=1.0, help="factor on bounds that are times")
    parser.add_argument("--only", nargs="*", choices=parts, default=parts, help="some parts alone")
    given = parser.parse_args(arguments)
    return Options(
        given.minutes, given.seed, given.store, given.sabotage, given.slack, frozenset(given.only)
    )
