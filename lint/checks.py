"""The checks of `.ci/checks.toml`: `python -m lint.checks [PART...]`, for example `deploy drift`.

A check is skipped where the digest of its inputs is that of a green run in `.ci/green.toml`; what
is marked `always` runs, and so does a check without such a line. Checks run at once as far as the
cores go, one that measures alone. `--record` writes the digests of those that were green here and
left no test out for want of a tool; `--all` heeds no record, `--list` runs nothing and says what
would. Ends with 0 where every check was green, 1 where one was not, 2 for an unknown name.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TABLE = ".ci/checks.toml"
GREEN = ".ci/green.toml"
SHOWN = 10
"""How many of the slowest are named at the end."""

SPARE = 0.5
"""Of a core: checks wait for processes now and then, so a little more than fits begins."""

OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "GNUMAKEFLAGS")
"""What the make that called this would tell those that are called from here."""

_HEAD = (
    "# Inputs of green runs, by check: `make record-green` writes it, lint/checks.py reads it.\n"
    "# A line that is gone lets its check run; none is written by hand.\n"
)


@dataclass(frozen=True)
class Check:
    """A make target with the globs of the files that its answer follows from.

    `cores` is how many it keeps busy on average, `tools` the make targets that install for it.
    """

    name: str
    part: str
    inputs: tuple[str, ...]
    tools: tuple[str, ...] = ()
    cores: float = 1.0
    always: bool = False
    alone: bool = False


@dataclass
class Outcome:
    """How a check went: exit code, seconds, seconds of cores, and tests skipped by reason."""

    code: int = 0
    seconds: float = 0.0
    busy: float = 0.0
    skips: Counter[str] = field(default_factory=Counter)
    lacking: bool = False


def read_table(root: Path = ROOT) -> dict[str, Check]:
    """The checks by name, in the order of the table.

    Raises ValueError for a set that is named and not there.
    """
    data = tomllib.loads((root / TABLE).read_text(encoding="utf-8"))
    common, sets = data["common"], data.get("sets", {})
    checks: dict[str, Check] = {}
    for name, given in data["check"].items():
        inputs = [*common, *_spelled(name, given["inputs"], sets)]
        rest = {key: value for key, value in given.items() if key not in {"inputs", "tools"}}
        tools = tuple(given.get("tools", ()))
        checks[name] = Check(name=name, inputs=tuple(inputs), tools=tools, **rest)
    return checks


def _spelled(name: str, given: Iterable[str], sets: Mapping[str, Sequence[str]]) -> list[str]:
    """Globs with each `@set` replaced by what it stands for, sets in sets too."""
    found: list[str] = []
    for one in given:
        if not one.startswith("@"):
            found.append(one)
        elif one[1:] in sets:
            found += _spelled(name, sets[one[1:]], sets)
        else:
            raise ValueError(f"{TABLE}: {name} names the set {one}, and [sets] has none of it")
    return found


def files(root: Path = ROOT) -> tuple[str, ...]:
    """The files of a checkout, new ones too, without those that git ignores."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others"]
    command += ["--exclude-standard"]
    done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - git, by no shell
    names = {os.fsdecode(name) for name in done.stdout.split(b"\0") if name}
    return tuple(sorted(name for name in names if os.path.lexists(root / name)))


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """A glob of whole paths: `**` crosses folders, `*` and `?` do not."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    meanings = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meanings.get(part, re.escape(part)) for part in parts))


def matching(globs: Iterable[str], names: Iterable[str]) -> list[str]:
    """The names that a glob matches, less those of a glob that begins with `!`."""
    wanted, unwanted = [], []
    for glob in globs:
        if glob.startswith("!"):
            unwanted.append(_pattern(glob[1:]))
        else:
            wanted.append(_pattern(glob))
    return [
        name
        for name in names
        if any(one.fullmatch(name) for one in wanted)
        and not any(one.fullmatch(name) for one in unwanted)
    ]


def prints(root: Path = ROOT) -> dict[str, str]:
    """The files of a checkout by name, each with a digest of its kind and bytes."""
    found = {}
    for name in files(root):
        path = root / name
        if path.is_symlink():
            kind, content = "link", os.fsencode(path.readlink())
        else:
            kind = "program" if os.access(path, os.X_OK) else "file"
            content = path.read_bytes() if path.is_file() else b""
        found[name] = f"{kind} {hashlib.sha256(content).hexdigest()}"
    return found


def digest(check: Check, found: Mapping[str, str]) -> str:
    """Of the names, kinds and bytes of a check's inputs, of what `prints` found.

    Another Python or kind of machine gives another digest, since it may give another answer.
    """
    version = ".".join(map(str, sys.version_info[:2]))
    lines = [f"{check.name} {version} {platform.machine()}"]
    lines += [f"{name}\0{found[name]}" for name in matching(check.inputs, found)]
    text = "\0\n".join(lines)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def read_green(root: Path = ROOT) -> dict[str, str]:
    """The digests of green runs by check; none where nothing is recorded."""
    file = root / GREEN
    found = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {name: str(one) for name, one in found.items()}


def write_green(recorded: Mapping[str, str], root: Path = ROOT) -> None:
    """Write the digests, by name."""
    lines = [f'{name} = "{recorded[name]}"\n' for name in sorted(recorded)]
    (root / GREEN).write_text(_HEAD + "".join(lines), encoding="utf-8")


def due(checks: Iterable[Check], found: Mapping[str, str], green: Mapping[str, str]) -> list[Check]:
    """Those that run: `always`, without a record, or with other inputs than recorded."""
    return [one for one in checks if one.always or green.get(one.name) != digest(one, found)]


class Runner:
    """Runs checks side by side, and says of each how it went."""

    def __init__(self, root: Path = ROOT, cores: int | None = None) -> None:
        self._root = root
        self._cores = (cores or os.cpu_count() or 1) + SPARE
        self._environ = {name: one for name, one in os.environ.items() if name not in OF_MAKE}
        self._running: dict[int, tuple[Check, float]] = {}
        self._ended: queue.SimpleQueue[tuple[int, int, float]] = queue.SimpleQueue()
        self.outcomes: dict[str, Outcome] = {}

    def install(self, checks: Iterable[Check]) -> bool:
        """Call the targets that install what these need, before anything runs at once.

        Two installations into one environment would spoil each other.
        """
        tools = list(dict.fromkeys(tool for one in checks for tool in one.tools))
        command = ["make", "--no-print-directory", *tools]
        if not tools:
            return True
        began = time.monotonic()
        done = subprocess.run(command, cwd=self._root, env=self._environ, check=False)  # noqa: S603 - make
        _say(f"== installed in {time.monotonic() - began:.0f} s")
        return done.returncode == 0

    def run(self, checks: Iterable[Check]) -> None:
        """Run all to their ends, whether or not one fails."""
        waiting = sorted(checks, key=lambda one: not one.alone)
        with tempfile.TemporaryDirectory() as folder:
            while waiting or self._running:
                for one in [one for one in waiting if self._fits(one)]:
                    # What began a moment ago may have taken the place.
                    if self._fits(one):
                        waiting.remove(one)
                        self._start(one, Path(folder))
                self._end_one(Path(folder))

    def _fits(self, check: Check) -> bool:
        running = [one for one, _ in self._running.values()]
        if not running:
            return True
        if check.alone or any(one.alone for one in running):
            return False
        return sum(one.cores for one in running) + check.cores <= self._cores

    def _start(self, check: Check, folder: Path) -> None:
        out = str(folder / f"{check.name}.out")
        environ = self._environ | {"SKIPS_FILE": str(folder / f"{check.name}.skips")}
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, out, os.O_WRONLY | os.O_CREAT, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        command = ["make", "--no-print-directory", "-C", str(self._root), check.name]
        pid = os.posix_spawnp("make", command, environ, file_actions=actions)
        self._running[pid] = (check, time.monotonic())
        threading.Thread(target=self._wait, args=(pid,)).start()

    def _wait(self, pid: int) -> None:
        """Wait for a process; what its children used counts once they were waited for."""
        _, status, usage = os.wait4(pid, 0)
        self._ended.put((pid, os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime))

    def _end_one(self, folder: Path) -> None:
        """Wait for the next that ends, and print what it said."""
        pid, code, busy = self._ended.get()
        check, began = self._running.pop(pid)
        outcome = Outcome(code=code, seconds=time.monotonic() - began, busy=busy)
        skips = folder / f"{check.name}.skips"
        for line in skips.read_text(encoding="utf-8").splitlines() if skips.exists() else ():
            skip = json.loads(line)
            outcome.skips[skip["reason"]] += skip["count"]
            outcome.lacking |= skip["lacking"]
        self.outcomes[check.name] = outcome
        word = "FAILED" if outcome.code else "passed"
        _say(f"== {check.name} {word} in {outcome.seconds:.0f} s ({outcome.busy:.0f} s of cores)")
        _say((folder / f"{check.name}.out").read_text(encoding="utf-8", errors="replace").rstrip())


def summary(checks: Iterable[Check], outcomes: Mapping[str, Outcome]) -> str:
    """A line for each check, the slowest, skipped tests by reason, and what failed."""
    lines = ["", "check              what      seconds  of cores"]
    skips: Counter[str] = Counter()
    for one in checks:
        outcome = outcomes.get(one.name)
        if outcome is None:
            lines.append(f"{one.name:18} SKIPPED   its inputs are those of a green run")
            continue
        skips += outcome.skips
        word = "FAILED" if outcome.code else "RAN"
        lines.append(f"{one.name:18} {word:9} {outcome.seconds:7.0f} {outcome.busy:9.0f}")
    slowest = sorted(outcomes, key=lambda name: -outcomes[name].seconds)[:SHOWN]
    if slowest:
        shown = ", ".join(f"{name} {outcomes[name].seconds:.0f} s" for name in slowest)
        lines.append(f"The slowest: {shown}.")
    lines += [f"{count} skipped: {reason}" for reason, count in skips.most_common()]
    failed = [name for name, outcome in outcomes.items() if outcome.code]
    lines += [f"{name} failed: call make {name} to see it alone" for name in failed]
    return "\n".join(lines)


def record(outcomes: Mapping[str, Outcome], before: Mapping[str, str], root: Path) -> None:
    """Write the digests of what was green, whole, and on files that stayed as they were."""
    table, now = read_table(root), prints(root)
    green = {name: one for name, one in read_green(root).items() if name in table}
    for name, outcome in outcomes.items():
        if table[name].always:
            continue
        green.pop(name, None)
        same = digest(table[name], now) == digest(table[name], before)
        if outcome.code or outcome.lacking or not same:
            _say(f"{name} is not recorded: it failed, lacked a tool, or its inputs changed")
        else:
            green[name] = digest(table[name], now)
    write_green(green, root)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lint.checks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PART", help="parts or checks; all without one")
    parser.add_argument("--all", action="store_true", help="heed no record")
    parser.add_argument("--record", action="store_true", help=f"write {GREEN}")
    parser.add_argument("--list", action="store_true", help="say what would run, and run nothing")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Run what is asked for and due; the exit code."""
    asked, table = _asked(arguments), read_table(root)
    known: set[Any] = {*table, *(one.part for one in table.values())}
    if unknown := [name for name in asked.names if name not in known]:
        _say(f"{TABLE} has neither a check nor a part {unknown[0]}: name one of {', '.join(table)}")
        return 2
    chosen = [
        one for one in table.values() if not asked.names or {one.name, one.part} & {*asked.names}
    ]
    before = prints(root)
    running = chosen if asked.all else due(chosen, before, read_green(root))
    if asked.list:
        for one in chosen:
            _say(f"{one.name:18} {'runs' if one in running else 'is skipped'}")
        return 0
    runner = Runner(root)
    if not runner.install(running):
        _say("What the checks need could not be installed, so none was run: see above")
        return 1
    runner.run(running)
    _say(summary(chosen, runner.outcomes))
    if asked.record:
        record(runner.outcomes, before, root)
    return int(any(outcome.code for outcome in runner.outcomes.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
