"""`--on` and `--jobs`: who judges, processes of this machine or a Ray cluster."""

from __future__ import annotations

from enum import StrEnum

from decision_service.cli.backtest.local.sources import SourceNames
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.extras import require_extra
from decision_service.config import load
from decision_service.pipeline.backtest.ports import Partitions
from decision_service.storage.address import SqliteFile, parse_store_url
from decision_service.wiring.backtest.processes import ProcessPartitions
from decision_service.wiring.backtest.worker import WorkerOrder

_PROCESSES = 2


class Workers(StrEnum):
    """Who judges the ranges of a backtest."""

    PROCESSES = "processes"
    RAY = "ray"


def require_reach(on: Workers, names: SourceNames) -> None:
    """Raise CommandError or StoreError where there is no Ray, or it cannot read what is named."""
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
    from decision_service.wiring.backtest.ray_tasks import RayPartitions

    return RayPartitions(order, jobs)
