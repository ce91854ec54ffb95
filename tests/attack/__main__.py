"""`python -m tests.attack`: attack a service with TLS and tokens on each store, area by area.

Exit code 1 where anything fell short. `areas` has a function for each area, `target` the service
that is attacked and what is counted. Nothing here reaches into the service's process.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from decision_service.runtime.logs import configure_logging
from tests.attack.areas import AREAS
from tests.attack.target import Found, attacked
from tests.kits.postgres import running_postgres

STORES = ("sqlite", "postgres")


def main(arguments: Sequence[str]) -> int:
    """Attack a service on each store, area by area; exit code 1 where anything fell short."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=main.__doc__)
    parser.add_argument("--store", choices=(*STORES, "both"), default="both")
    parser.add_argument("--only", nargs="*", choices=tuple(AREAS), default=tuple(AREAS))
    parser.add_argument("--slack", type=float, default=1.0, help="factor on bounds that are times")
    given = parser.parse_args(arguments)
    configure_logging("critical", as_json=True)
    short = [
        found.short
        for store in STORES
        if given.store in (store, "both")
        for found in _run(store, given.only, given.slack)
    ]
    sys.stdout.write(f"{'SOMETHING FELL SHORT' if any(short) else 'everything held'}\n")
    return int(any(short))


def _run(store: str, areas: Sequence[str], slack: float) -> list[Found]:
    began = time.monotonic()
    sys.stdout.write(f"attack on {store} with TLS and tokens\n")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        database = running_postgres() if store == "postgres" else nullcontext()
        with database as postgres:
            url = postgres.migrated() if postgres else f"sqlite:///{folder}/decisions.db"
            found = asyncio.run(_areas(Path(folder), url, areas, slack))
    sys.stdout.write(f"{time.monotonic() - began:.0f} s\n")
    return found


async def _areas(folder: Path, store_url: str, areas: Sequence[str], slack: float) -> list[Found]:
    seen = []
    async with attacked(folder, store_url) as target:
        for name, area in AREAS.items():
            if name in areas:
                found = Found(name, slack)
                await area(target, found)
                sys.stdout.write("\n".join(found.lines()) + "\n")
                sys.stdout.flush()
                seen.append(found)
    return seen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
