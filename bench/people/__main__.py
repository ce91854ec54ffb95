"""The stand-in with a population, in a process of its own, without a limit."""

from __future__ import annotations

import asyncio
import sys

from bench.people.population import population
from decision_service.standin.commands import serve_until_stopped
from decision_service.standin.server import build_app


def main(seed: str, size: str, key: str, secret: str, *lives: str) -> None:
    """Serve until SIGTERM."""
    app = build_app(
        lambda today: population(int(seed), int(size), today, lives),
        api_key=key,
        api_secret=secret,
        requests_per_second=1_000_000,
    )
    asyncio.run(serve_until_stopped(app, 0, key))


main(*sys.argv[1:])
