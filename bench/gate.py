"""The gate of speed: rules, factors and a warm decision beside a yardstick in the same process.

`python -m bench.gate` counts instructions in turns and fails where a ratio is a tenth above the one
recorded in lint/speed.toml. `python -m bench.gate repeat rules` does ours for 20 seconds, for a profiler.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path

from bench.instructions import Counter, Work, command, missing
from lint.speed import ALLOWED, RECORDED, Recorded, Try, Unrecorded, judge, read, wants_second

ROUNDS = {"rules": 3, "factors": 3, "warm": 7}
"""A decision shares its process with the service's other tasks, so that few of its rounds have nothing else."""
Measure = Callable[[Work, Work], None]
APPLICANTS = 24
REFERENCE = 12
"""Applicants of the yardstick, which take about as long as ours do."""

TRANSACTIONS = 1_000
USERS = 3
CALLS = 12
ECHOES = 48
REPEAT_SECONDS = 20.0


# Each imports what it measures, and no more: under valgrind an import takes ten times as long.
def rules(measure: Measure) -> None:
    """The shipped champion with its trace, beside rule-engine with the reference set."""
    from bench.reference import applicants
    from bench.rule_engine_peer import RuleEnginePeer
    from bench.shipped import ShippedLoan
    from decision_service.rules.evaluate import evaluate

    loan, peer = ShippedLoan(), RuleEnginePeer()
    step = len(loan.complete) // APPLICANTS
    facts = loan.complete[::step][:APPLICANTS]
    prepared = [peer.prepare(values) for values in applicants(REFERENCE)]
    measure(
        lambda: [evaluate(loan.ruleset, one) for one in facts],
        lambda: [peer.evaluate(one) for one in prepared],
    )


def factors(measure: Measure) -> None:
    """What the champion needs of a history, beside decoding the vendor's pages of it."""
    from bench.factors import AS_OF, decode, pages, snapshot
    from bench.shipped import ShippedLoan
    from decision_service.factors.compute import compute

    one = snapshot(TRANSACTIONS)
    bodies = pages(one)
    needs = ShippedLoan().ruleset.needs
    measure(partial(compute, one, needs, AS_OF), partial(decode, bodies))


def warm(measure: Measure) -> None:
    """Durable decisions over gRPC on SQLite, beside an echo of messages of the same size."""
    from bench.echo import threaded
    from bench.service import in_process, people, raw_calls, request, vendor_calls

    def beside_echo(address: str) -> None:
        requests = cycle([request(user) for user in people(USERS)])
        with raw_calls(address) as call:
            for _ in range(2 * USERS):
                reply = call(next(requests))
            if vendor_calls(reply):
                raise SystemExit("the second decision on an applicant asked the vendor: not warm")
            with threaded(reply) as echo:
                measure(
                    lambda: [call(next(requests)) for _ in range(CALLS)],
                    lambda: [echo(next(requests)) for _ in range(ECHOES)],
                )

    in_process(USERS, beside_echo)


SUBJECTS: dict[str, Callable[[Measure], None]] = {"rules": rules, "factors": factors, "warm": warm}
TOGETHER = (("rules", "factors"), ("warm",))
"""What one process measures: two of them side by side, since both first import for long."""


def main(arguments: list[str]) -> int:
    """Measure all, or do what `count` or `repeat` names; the exit code."""
    match arguments:
        case []:
            return gate()
        case ["count", folder, *names]:
            return count(Path(folder), names)
        case ["repeat", name] if name in SUBJECTS:
            SUBJECTS[name](repeat)
            return 0
    print(f"python -m bench.gate [repeat {'|'.join(SUBJECTS)}]")
    return 2


def gate() -> int:
    """Count in processes under valgrind, and print what each says."""
    try:
        unlike = missing() or elsewhere(read())
    except Unrecorded as error:
        print(error)
        return 1
    if unlike:
        left_out(unlike)
        return 0
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    with ExitStack() as stack:
        started = []
        for names in TOGETHER:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            asked = command(Path(folder), "bench.gate", "count", folder, *names)
            started.append(stack.enter_context(subprocess.Popen(asked, env=fixed)))
        codes = [process.wait() for process in started]
    return 1 if any(codes) else 0


def left_out(why: str) -> None:
    """Say that nothing was measured, so that this run is no record of the gate."""
    said = f"The gate of speed is left out: {why}"
    print(said)
    if file := os.environ.get("SKIPS_FILE"):
        from tests.kits.skips import write_skip  # of pytest, which would be slow under valgrind

        write_skip(Path(file), said, 1, lacking=True)


def elsewhere(recorded: Recorded) -> str:
    """Why the recorded figures say nothing here; empty where they do."""
    here = (".".join(platform.python_version_tuple()[:2]), platform.machine())
    there = (recorded.python, recorded.machine)
    if here == there:
        return ""
    return (
        f"{RECORDED.name} was taken with Python {there[0]} on {there[1]}, and this is Python "
        f"{here[0]} on {here[1]}: use that one, or record all figures anew with a note"
    )


def count(folder: Path, names: list[str]) -> int:
    """Count in this process, which runs under callgrind; the exit code."""
    counter = Counter(folder)
    read_now = read()
    recorded = read_now.ratios
    failed = []

    def measure(name: str, ours: Work, yardstick: Work) -> None:
        allowed = read_now.allowed.get(name, ALLOWED)
        tries = [Try(counter.rounds(ours, yardstick, ROUNDS[name]))]
        if wants_second(recorded.get(name), tries[0], allowed):
            tries.append(Try(counter.rounds(ours, yardstick, ROUNDS[name])))
        verdict = judge(name, recorded.get(name), tries, allowed=allowed)
        print(verdict.said, flush=True)
        if not verdict.passed:
            failed.append(name)

    for name in names:
        SUBJECTS[name](partial(measure, name))
    return 1 if failed else 0


def repeat(ours: Work, _: Work) -> None:
    """Do what is measured again and again for some seconds, for a profiler to look at."""
    end = time.perf_counter() + REPEAT_SECONDS
    while time.perf_counter() < end:
        ours()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
