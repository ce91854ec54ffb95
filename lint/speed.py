"""The recorded ratios of speed, and what a measured one means (`make gate`, bench/gate.py)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECORDED = Path(__file__).with_suffix(".toml")
NOTES = ROOT / "docs" / "decisions"
ALLOWED = 0.10
"""How far above the recorded ratio a measured one may be; so far below, the figure is old."""

_FIGURE = re.compile(r"^(\w+) = ([\d.]+) +# note (\d{4})$")


class Unrecorded(Exception):
    """A figure is not recorded as the file asks; the message is one sentence."""


@dataclass(frozen=True)
class Recorded:
    """The ratios by name, and where they were taken: a version such as `3.11`, and `x86_64`.

    `allowed` has by name how far above one may be whose noise is more than a tenth.
    """

    ratios: dict[str, float]
    python: str
    machine: str
    allowed: Mapping[str, float] = field(default_factory=dict)


def read(path: Path = RECORDED, notes: Path = NOTES) -> Recorded:
    """The figures of a file; raises Unrecorded where one names no note, or its note has another."""
    text = path.read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    ratios: dict[str, float] = tables["ratios"]
    named = {}
    for line in text.splitlines():
        if found := _FIGURE.match(line):
            named[found[1]] = (found[2], found[3])
    for name, ratio in ratios.items():
        if name not in named:
            raise Unrecorded(
                f"{path.name}: {name} = {ratio} names no note: end its line with `# note 0107`"
            )
        figure, note = named[name]
        if not _said(name, figure, note, notes):
            raise Unrecorded(
                f"{path.name}: {name} = {figure}, and no note {note} in {notes.name}/ has the row "
                f"`| {name} | {figure} |`: say there why the figure changed"
            )
    taken = tables["taken"]
    return Recorded(ratios, taken["python"], taken["machine"], tables.get("allowed", {}))


def _said(name: str, figure: str, note: str, notes: Path) -> bool:
    row = f"| {name} | {figure} |"
    return any(
        row in page.read_text(encoding="utf-8").splitlines() for page in notes.glob(f"{note}-*.md")
    )


@dataclass(frozen=True)
class Try:
    """The rounds of one try: instructions of ours, and of the yardstick."""

    rounds: Sequence[tuple[int, int]]

    @property
    def ratio(self) -> float:
        """Of the least of each side: what else a process does in a round only adds to its count."""
        ours = min(mine for mine, _ in self.rounds)
        return ours / min(bare for _, bare in self.rounds)

    def __str__(self) -> str:
        each = [mine / bare for mine, bare in self.rounds]
        return f"{self.ratio:.3f} (rounds {min(each):.3f} to {max(each):.3f})"


@dataclass(frozen=True)
class Verdict:
    """Whether the gate lets a change through, in one sentence."""

    passed: bool
    said: str


def wants_second(recorded: float | None, first: Try, allowed: float = ALLOWED) -> bool:
    """Whether the first try is too slow to let the change through."""
    return recorded is not None and first.ratio > recorded * (1 + allowed)


def judge(
    name: str, recorded: float | None, tries: Sequence[Try], allowed: float = ALLOWED
) -> Verdict:
    """What one try or two say; the better one counts."""
    best = min(tries, key=lambda one: one.ratio)
    if recorded is None:
        return Verdict(
            passed=False,
            said=f"{name}: {best}, and {RECORDED.name} has no figure for it: add it with its note",
        )
    moved = best.ratio / recorded - 1
    measured = ", then ".join(str(one) for one in tries)
    said = f"{name}: {measured}, recorded {recorded:g}, {moved:+.1%}"
    if moved > allowed:
        much = "a tenth" if allowed == ALLOWED else f"{allowed:.0%}"
        return Verdict(
            passed=False,
            said=f"{said}: more than {much} dearer; find the cause (`make .venv/.bench`, "
            f"`.venv/bin/py-spy record -o {name}.svg -- .venv/bin/python -m bench.gate repeat "
            f"{name}`) and mend it, or record the new figure with a note",
        )
    if moved < -ALLOWED:
        return Verdict(
            passed=True,
            said=f"{said}: more than a tenth cheaper; lower the figure in {RECORDED.name} and in "
            "its note, so that it stays so",
        )
    return Verdict(passed=True, said=said)
