"""Where a backtest reads decisions: a store or a case file, with a file of outcomes beside it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from decision_service.cli.backtest.local.outcomes import written_loans
from decision_service.cli.decisions.export.masking import tag_of
from decision_service.cli.decisions.export.rows import NESTED
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.extras import require_extra
from decision_service.config import load
from decision_service.domain.errors import StoreError, visible
from decision_service.impact.figures import BrokenLines
from decision_service.pipeline.backtest.ports import KeyRange
from decision_service.pipeline.backtest.question import DecidedWindow
from decision_service.storage.cases.index import IndexedCases, build_index
from decision_service.storage.cases.loans import KnownLoans
from decision_service.storage.cases.parquet import ParquetUnfit, is_parquet, write_lines
from decision_service.storage.cases.reader import CaseOrder, CaseReader
from decision_service.storage.reader import StoreReader
from decision_service.wiring.keys import keys_to_read_with

TOLD = 10
"""Broken lines that are told one by one."""

MOST_BROKEN = 5
"""Percent of a file's lines."""


@dataclass(frozen=True, slots=True)
class SourceNames:
    """What was typed: a store or a case file, and a file of outcomes."""

    store: str = ""
    cases: Path | None = None
    outcomes: Path | None = None


@dataclass(frozen=True, slots=True)
class DecisionSource:
    """A store with its file of data keys, or a case file; `loans` is empty where there are none.

    `broken` lines and `strange_loans` of unknown decisions are not counted.
    """

    url: str = ""
    keys: str = ""
    cases: CaseOrder | None = None
    loans: str = ""
    broken: tuple[BrokenLines, ...] = ()
    strange_loans: int = 0

    async def reader(self) -> CaseReader | StoreReader:
        """A reader of the decisions; raises StoreError."""
        if self.cases is not None:
            return CaseReader(self.cases)
        return await StoreReader.open(self.url, Path(self.keys) if self.keys else None)

    async def looked(self, product: str, window: KeyRange) -> DecidedWindow | None:
        """The first and the last decision of a window and how many there are; None without any."""
        reader = await self.reader()
        try:
            edges = await reader.edges(product, window)
            counts = await reader.counts(product, window)
        finally:
            await reader.aclose()
        decided = counts.decided
        return None if edges is None or not decided else DecidedWindow(*edges, decided)


@contextmanager
def opened(
    names: SourceNames, product: str, texts: Mapping[str, bytes]
) -> Iterator[DecisionSource]:
    """What was named, with indexes that are removed at the end; raises CommandError."""
    if names.store and names.cases is not None:
        raise CommandError("give --store or --cases, not both", Exit.USAGE)
    with TemporaryDirectory(prefix="decision-service-") as folder:
        source = _store(names.store) if names.cases is None else None
        if source is None:
            assert names.cases is not None  # noqa: S101 - else there is a store
            source = _cases(names.cases, product, texts, Path(folder))
        if names.outcomes is not None:
            source = asyncio.run(_with_loans(source, names.outcomes, Path(folder)))
        yield source


def _store(store: str) -> DecisionSource:
    settings = load()
    url = store or settings.store_url
    try:
        return DecisionSource(url, str(keys_to_read_with(settings, url) or ""))
    except StoreError as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _cases(file: Path, product: str, texts: Mapping[str, bytes], folder: Path) -> DecisionSource:
    index = folder / "cases.db"
    try:
        lines = _lines(file, folder)
        told = build_index(lines, product, index)
    except ParquetUnfit as error:
        raise CommandError(f"{file} cannot be read as Parquet ({error})", Exit.USAGE) from None
    except OSError as error:
        raise CommandError(f"{file} cannot be read ({error.strerror})", Exit.USAGE) from None
    broken = _few_broken(file, told)
    if told.others:
        sys.stderr.write(f"{file}: decisions of other products, not looked at: {told.others:,}\n")
    if not told.lines:
        raise CommandError(
            f"{file} has no decision of {product}: write one with "
            f"`decisions export --format jsonl --product {product}`",
            Exit.USAGE,
        )
    order = CaseOrder(str(lines), str(index), texts)
    return DecisionSource(cases=order, broken=broken)


def _lines(file: Path, folder: Path) -> Path:
    """The file, or the rows of a Parquet file as lines, so that a row is read by its place."""
    if not is_parquet(file):
        return file
    require_extra("parquet", f"{file} is Parquet, which needs pyarrow")
    write_lines(file, lines := folder / "cases.jsonl", NESTED)
    return lines


def _few_broken(file: Path, counts: IndexedCases) -> tuple[BrokenLines, ...]:
    """The lines that are not counted; raises CommandError above 5 percent."""
    broken, every = len(counts.broken), len(counts.broken) + counts.lines + counts.others
    for one in counts.broken[:TOLD]:
        sys.stderr.write(visible(f"{file}:{one.number}: not counted: {one.why}\n"))
    if broken * 100 > every * MOST_BROKEN:
        raise CommandError(
            f"{file}: {broken:,} of {every:,} lines are broken, more than {MOST_BROKEN} %, and a "
            "report on the rest would mislead: mend the file, or write it anew",
            Exit.FINDINGS,
        )
    numbers = tuple(one.number for one in counts.broken[:TOLD])
    return (BrokenLines(file.name, broken, every, numbers),) if broken else ()


async def _with_loans(source: DecisionSource, file: Path, folder: Path) -> DecisionSource:
    """The source with the loans of a file, and how many of its decisions are not there."""
    target = folder / "loans.db"
    counts = written_loans(file, target, _decision_tag if source.cases else _decision_id)
    broken = (*source.broken, *_few_broken(file, counts))
    strange = await _strange(source, KnownLoans(str(target)))
    if strange:
        sys.stderr.write(
            f"{file}: decisions that are not recorded, whose loans are not counted: "
            f"{len(strange):,}, such as {strange[0]}\n"
        )
    return replace(source, loans=str(target), broken=broken, strange_loans=len(strange))


async def _strange(source: DecisionSource, loans: KnownLoans) -> Sequence[str]:
    strange: list[str] = []
    try:
        reader = await source.reader()
    except StoreError as error:
        raise CommandError(str(error), Exit.USAGE) from None
    try:
        for batch in loans.decisions():
            known = await reader.known(batch)
            strange += [one for one in batch if one not in known]
    finally:
        await reader.aclose()
        loans.close()
    return strange


def _decision_id(decision_id: str) -> str:
    return decision_id


def _decision_tag(decision_id: str) -> str:
    """The tag of an id; what is a tag stays one."""
    return tag_of(decision_id) if decision_id.startswith("dec_") else decision_id
