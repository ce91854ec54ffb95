"""Nothing private, undocumented or process-wide: the rules of `public_ground.toml` on the code.

Known places are listed there with their number and a reason. A new place is an error, and so is a
listed one that is gone.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lint.marks import marks_of

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class Rule:
    """Marks that are forbidden in some folders, and what to use instead.

    `match` is a regular expression for a whole mark. Files in `allowed` may have it for good.
    """

    name: str
    match: str
    use: str
    folders: Sequence[str] = ("decision_service",)
    allowed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A file that still breaks a rule so many times, and why."""

    rule: str
    file: str
    times: int
    reason: str


class Breach(NamedTuple):
    """One place where a rule is broken."""

    file: str
    line: int
    mark: str
    rule: Rule

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.mark} ({self.rule.name}): {self.rule.use}"


@dataclass(frozen=True, slots=True)
class GroundRules:
    """The data file: rules in their order, and the known places."""

    rules: tuple[Rule, ...]
    known: tuple[Known, ...]

    @classmethod
    def read(cls, text: str) -> GroundRules:
        """The rules of a TOML text; raises ValueError or TypeError for one that is not whole."""
        data = tomllib.loads(text)
        rules = tuple(Rule(**one) for one in data["rule"])
        found = cls(rules, tuple(Known(**one) for one in data.get("known", ())))
        if missing := {one.rule for one in found.known} - {rule.name for rule in rules}:
            raise ValueError(f"no rule is called {', '.join(sorted(missing))}: name one that is")
        return found

    def breaches(self, file: str, source: str) -> Iterator[Breach]:
        """The places of one file; of several rules that a mark breaks the first counts."""
        rules = [rule for rule in self.rules if _concerns(rule, file)]
        for line, mark in marks_of(source) if rules else ():
            broken = next((rule for rule in rules if re.fullmatch(rule.match, mark)), None)
            if broken is not None:
                yield Breach(file, line, mark, broken)

    def errors(self, files: Iterable[tuple[str, str]]) -> Iterator[str]:
        """One sentence for each new place, and for each known one that is gone."""
        found: defaultdict[tuple[str, str], list[Breach]] = defaultdict(list)
        for file, source in files:
            for breach in self.breaches(file, source):
                found[breach.rule.name, file].append(breach)
        known = {(one.rule, one.file): one.times for one in self.known}
        for place, breaches in sorted(found.items()):
            if len(breaches) > known.get(place, 0):
                yield from map(str, breaches)
        yield from self._gone({place: len(breaches) for place, breaches in found.items()})

    def _gone(self, found: Mapping[tuple[str, str], int]) -> Iterator[str]:
        for one in self.known:
            if (times := found.get((one.rule, one.file), 0)) < one.times:
                yield (
                    f"{DATA.name}: {one.file} breaks {one.rule} {times} times and not "
                    f"{one.times}: lower `times`, or take the entry out"
                )


def _concerns(rule: Rule, file: str) -> bool:
    inside = any(file.startswith(f"{folder}/") for folder in rule.folders)
    return inside and file not in rule.allowed


def sources(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """The project's modules with their texts; generated ones are left out."""
    for folder in ("bench", "decision_service", "lint", "protos", "tests"):
        for path in sorted((root / folder).rglob("*.py")):
            file = path.relative_to(root).as_posix()
            if not file.startswith("decision_service/api/v1/"):
                yield file, path.read_text(encoding="utf-8")


def main() -> int:
    """Print what is wrong; the exit code."""
    errors = [*GroundRules.read(DATA.read_text(encoding="utf-8")).errors(sources())]
    sys.stdout.writelines(f"{error}\n" for error in errors)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
