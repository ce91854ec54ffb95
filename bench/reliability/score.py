"""The block of figures that a run ends with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Mark(Enum):
    """What a line says about the promise."""

    KEPT = "kept"
    BROKEN = "RED"
    TOLD = "-"
    """A figure without a bound of its own."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: what was measured, what came out, what was promised."""

    part: str
    name: str
    found: str
    promise: str
    mark: Mark
    safety: bool = False
    """Whether it counts wrongs, of which there may be none however slow the machine is."""


@dataclass(slots=True)
class Score:
    """Lines by part in the order of their coming, and the outcome of every fault row."""

    lines: list[Line] = field(default_factory=list)
    rows: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """Sentences below the block: what exactly went wrong."""

    def told(self, part: str, name: str, found: object) -> None:
        """A figure that nothing is promised of."""
        self.lines.append(Line(part, name, str(found), "", Mark.TOLD))

    def judged(self, part: str, name: str, found: object, promise: str, *, kept: bool) -> None:
        """A figure and whether it keeps its promise."""
        mark = Mark.KEPT if kept else Mark.BROKEN
        self.lines.append(Line(part, name, str(found), promise, mark))

    def none(self, part: str, name: str, found: int) -> None:
        """A count that must be 0."""
        mark = Mark.BROKEN if found else Mark.KEPT
        self.lines.append(Line(part, name, str(found), "0", mark, safety=True))

    def row(self, row: str, wrong: str) -> None:
        """A fault that was made to happen: `wrong` is empty where the service did as it must."""
        self.rows[row] = wrong

    def count_rows(self) -> None:
        """One line for each group of fault rows, and one for each that went wrong."""
        groups = Counter(row[0] for row in self.rows)
        survived = Counter(row[0] for row, wrong in self.rows.items() if not wrong)
        for group, count in sorted(groups.items()):
            found = f"{survived[group]}/{count}"
            self.judged(
                "faults", f"group {group}", found, "all survived", kept=survived[group] == count
            )
        for row, wrong in sorted(self.rows.items()):
            if wrong:
                line = Line("faults", row, wrong, "see the catalogue", Mark.BROKEN, safety=True)
                self.lines.append(line)

    @property
    def red(self) -> bool:
        """Whether any promise was broken."""
        return bool(self.broken())

    def broken(self) -> list[Line]:
        """The lines whose promise was broken."""
        return [line for line in self.lines if line.mark is Mark.BROKEN]


def render(title: Sequence[str], score: Score) -> str:
    """The block as text."""
    widths = [max([len(getattr(line, name)) for line in score.lines] or [0]) for name in _COLUMNS]
    rows = [
        "  ".join(
            getattr(line, name).ljust(width) for name, width in zip(_COLUMNS, widths, strict=True)
        )
        + f"  {line.mark.value}"
        for line in score.lines
    ]
    verdict = "RED: a promise was broken" if score.red else "every promise was kept"
    rule = "-" * max(map(len, (*rows, verdict)))
    return "\n".join([rule, *title, rule, *rows, rule, verdict, *score.notes])


_COLUMNS = ("part", "name", "found", "promise")
