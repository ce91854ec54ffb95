"""What became of all changes of a version's figures, and what is wrong with its marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from decision_service.language.diagnostics import Diagnostic, Place, Severity
from decision_service.ruleset.figures.model import Fate, FigureChange, Tried
from decision_service.ruleset.testing.marks import FigureMark

MOST_MARKED = 5
"""How many changes of a hundred may be marked; that two values are never equal may be for all."""

_STRICT = ("<", "<=", ">", ">=")


class FiguresReport(msgspec.Struct, frozen=True):
    """All changes in the order of the file; `problems` are errors in the marks."""

    tried: tuple[Tried, ...]
    problems: tuple[Diagnostic, ...] = ()

    @property
    def unnoticed(self) -> tuple[Tried, ...]:
        """The changes that no case notices and no mark excuses."""
        return tuple(t for t in self.tried if t.fate is Fate.UNNOTICED)

    @property
    def percent(self) -> int:
        """Whole percent of changes that do not go unnoticed, rounded down; 100 of none."""
        total = len(self.tried)
        return (total - len(self.unnoticed)) * 100 // total if total else 100

    def count(self, fate: Fate) -> int:
        """How many changes had this fate."""
        return sum(t.fate is fate for t in self.tried)


def report_on(tried: Iterable[Tried], marks: Sequence[FigureMark]) -> FiguresReport:
    """The changes, those that a mark excuses among them.

    A mark excuses a change that neither a case nor any made-up facts notice, and no other.
    """
    by_key = {(mark.at, mark.before, mark.after): mark for mark in marks}
    judged: list[Tried] = []
    problems: list[Diagnostic] = []
    used = Counter[FigureMark]()
    for one in tried:
        mark = by_key.get(_key(one.change))
        if mark is not None:
            used[mark] += 1
            problems.extend(_wrongly_marked(one, mark))
        excused = mark is not None and one.fate is Fate.UNNOTICED and one.witness is None
        judged.append(replace(one, fate=Fate.MARKED) if excused else one)
    problems.extend(_unknown(mark) for mark in marks if not used[mark])
    report = FiguresReport(tuple(judged))
    problems.extend(_too_many(report, marks))
    return replace(report, problems=tuple(sorted(problems, key=lambda p: p.order)))


def _key(change: FigureChange) -> tuple[str, str, str]:
    return change.at, change.before, change.after


def _wrongly_marked(one: Tried, mark: FigureMark) -> Iterator[Diagnostic]:
    what = f"{mark.at} from {mark.before} to {mark.after}"
    if one.fate is not Fate.UNNOTICED:
        why = {Fate.NOTICED: "a case notices it", Fate.REFUSED: "`rules check` refuses it"}
        reason = why.get(one.fate, "it is found to make no difference anyway")
        yield _error("T011", mark.place, f"{what} needs no mark: {reason}", "remove the mark")
    elif one.witness is not None:
        w = one.witness
        message = f"{what} is marked, and it matters: {w.before} becomes {w.after}"
        hint = "remove the mark, and write the case that is printed for the change"
        yield _error("T010", mark.place, message, hint)


def _unknown(mark: FigureMark) -> Diagnostic:
    what = f"{mark.at} from {mark.before} to {mark.after}"
    hint = "copy it from what `rules test --figures` prints"
    return _error("T011", mark.place, f"there is no change of {what}", hint)


def _too_many(report: FiguresReport, marks: Sequence[FigureMark]) -> Iterator[Diagnostic]:
    excused = [t for t in report.tried if t.fate is Fate.MARKED]
    marked = sum(t.change.before not in _STRICT for t in excused)
    total = len(report.tried)
    if marked * 100 > MOST_MARKED * total:
        message = f"{marked} of {total} changes are marked; {MOST_MARKED} % may be"
        yield _error("T012", marks[0].place, message, "write cases that notice some of them")


def _error(code: str, place: Place, message: str, hint: str) -> Diagnostic:
    return Diagnostic(
        code, Severity.ERROR, place.file, place.line, place.column, place.end, message, hint
    )
