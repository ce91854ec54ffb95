"""`serve` with a lease of half a second: what another process takes over when this one hangs."""

from __future__ import annotations

import asyncio
import sys

from decision_service.app.wiring import start
from decision_service.cli.serve import banner
from decision_service.runtime.config import load

LEASE_SECONDS = 0.5


async def main() -> None:
    """Serve until the process is ended."""
    service = await start(load(), lease=LEASE_SECONDS)
    sys.stdout.write("\n".join(banner(service)) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
