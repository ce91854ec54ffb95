"""Where a backtest reads decisions and known loans, and who judges them: processes or a Ray
cluster.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from decision_service.cli.keys import keys_to_read_with
from decision_service.cli.output import CommandError, Exit, require_extra
from decision_service.cli.parquet import ParquetUnfit, is_parquet, write_lines
from decision_service.domain.errors import StoreError, visible
from decision_service.runtime.config import load
from decision_service.store.address import SqliteFile, parse_store_url
from decision_service.workbench.backtest.case_files import CaseFile, CaseOrder, CaseReader
from decision_service.workbench.backtest.replica import StoreReader
from decision_service.workbench.backtest.report import BrokenLines
from decision_service.workbench.backtest.run import DecidedWindow, KeyRange, Partitions
from decision_service.workbench.backtest.workers import ProcessPartitions, WorkerOrder

SHOWN = 10
"""Broken lines that are shown one by one."""

MOST_BROKEN = 5
"""Percent of a file's lines."""

_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class SourceNames:
    store: str = ""
    cases: Path | None = None


@dataclass(frozen=True, slots=True)
class DecisionSource:
    url: str = ""
    keys: str = ""
    cases: CaseOrder | None = None
    broken: tuple[BrokenLines, ...] = ()

    async def reader(self) -> CaseReader | StoreReader:
        """A reader of the decisions; raises StoreError."""
        if self.cases is not None:
            return CaseReader(self.cases)
        return await StoreReader.open(self.url, Path(self.keys) if self.keys else None)

    async def looked(self, product: str, window: KeyRange) -> DecidedWindow | None:
        reader = await self.reader()
        try:
            edges = await reader.edges(product, window)
            decided = (await reader.counts(product, window)).decided
        finally:
            await reader.aclose()
        return None if edges is None or not decided else DecidedWindow(*edges, decided)


@contextmanager
def opened(
    names: SourceNames, product: str, texts: Mapping[str, bytes]
) -> Iterator[DecisionSource]:
    """What was named, with lines of Parquet that are removed at the end; raises CommandError."""
    if names.store and names.cases is not None:
        raise CommandError("give --store or --cases, not both", Exit.USAGE)
    if names.cases is None:
        yield _store(names.store)
        return
    with TemporaryDirectory(prefix="decision-service-") as folder:
        yield _cases(names.cases, product, texts, Path(folder))


def _store(store: str) -> DecisionSource:
    settings = load()
    url = store or settings.store_url
    try:
        return DecisionSource(url, str(keys_to_read_with(settings, url) or ""))
    except StoreError as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _cases(file: Path, product: str, texts: Mapping[str, bytes], folder: Path) -> DecisionSource:
    lines = file
    try:
        if is_parquet(file):  # its rows as lines, so that a row is read by its place
            require_extra("pyarrow", f"{file} is Parquet, which needs pyarrow")
            write_lines(file, lines := folder / "cases.jsonl")
        cases = CaseFile(lines, product)
    except ParquetUnfit as error:
        raise CommandError(f"{file} cannot be read as Parquet ({error})", Exit.USAGE) from None
    except OSError as error:
        raise CommandError(f"{file} cannot be read ({error.strerror})", Exit.USAGE) from None
    broken = _few_broken(file, cases)
    if cases.others:
        sys.stderr.write(f"{file}: decisions of other products, not looked at: {cases.others:,}\n")
    if not cases.positions:
        raise CommandError(
            f"{file} has no decision of {product}: write one with "
            f"`decisions export --format jsonl --product {product}`",
            Exit.USAGE,
        )
    return DecisionSource(cases=CaseOrder(str(lines), product, texts), broken=broken)


def _few_broken(file: Path, cases: CaseFile) -> tuple[BrokenLines, ...]:
    broken = len(cases.broken)
    every = broken + len(cases.positions) + cases.others
    for one in cases.broken[:SHOWN]:
        sys.stderr.write(visible(f"{file}:{one.number}: not counted: {one.why}\n"))
    if broken * 100 > every * MOST_BROKEN:
        raise CommandError(
            f"{file}: {broken:,} of {every:,} lines are broken, more than {MOST_BROKEN} %, and a "
            "report on the rest would mislead: mend the file, or write it anew",
            Exit.FINDINGS,
        )
    numbers = tuple(one.number for one in cases.broken[:SHOWN])
    return (BrokenLines(file.name, broken, every, numbers),) if broken else ()


class Workers(StrEnum):
    PROCESSES = "processes"
    RAY = "ray"


def require_reach(on: Workers, names: SourceNames) -> None:
    if on is not Workers.RAY:
        return
    require_extra("ray", "--on ray needs Ray")
    if names.cases is not None:
        raise CommandError(
            "--on ray takes no --cases: other machines do not have this file", Exit.USAGE
        )
    address = parse_store_url(names.store or load().store_url)
    if isinstance(address, SqliteFile):
        raise CommandError(
            f"--on ray needs a store on PostgreSQL: other machines do not have {address.path}",
            Exit.USAGE,
        )


def partitions(on: Workers, jobs: int | None, order: WorkerOrder) -> Partitions:
    """The workers, `jobs` at a time, for None two processes or all of a cluster."""
    if on is Workers.PROCESSES:
        return ProcessPartitions(order, jobs or _PROCESSES)
    from decision_service.workbench.backtest.ray_tasks import RayPartitions

    return RayPartitions(order, jobs)
