"""Play scenarios in a process of their own and print the tally as JSON."""

from __future__ import annotations

import argparse
import sys
import time

import msgspec

from bench.reliability import sabotage
from bench.reliability.evidence.scenarios import Scenarios, Tally
from decision_service.runtime.logs import configure_logging
from tests.unit.smile.virtual import run


def main() -> None:
    """As many scenarios as asked for, unless the time is over before."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=3_600.0)
    parser.add_argument("--sabotage", choices=sabotage.SABOTAGES)
    given = parser.parse_args()
    configure_logging("critical", as_json=True)
    sabotage.apply(given.sabotage)
    tally = run(play(given.seed, given.first, given.count, given.seconds))
    sys.stdout.write(msgspec.json.encode(tally).decode() + "\n")


async def play(seed: int, first: int, count: int, seconds: float) -> Tally:
    """The scenarios from number `first` on."""
    scenarios, until = Scenarios(seed), time.monotonic() + seconds
    for number in range(first, first + count):
        if time.monotonic() > until:
            break
        await scenarios.play(number)
    return scenarios.tally


if __name__ == "__main__":
    main()
