"""Cases of tests that are kept as data, in `tests/cases`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any, TypeVar

import yaml

Found = TypeVar("Found")
PATIENCE = 300.0


async def until(
    look: Callable[[], Found | Awaitable[Found]],
    enough: Callable[[Any], object] = bool,
    pause: float = 0.02,
) -> Found:
    """Look until what is found is enough, and return it; TimeoutError after five minutes."""
    async with asyncio.timeout(PATIENCE):
        while True:
            seen = look()
            found = await seen if isawaitable(seen) else seen
            if enough(found):
                return found
            await asyncio.sleep(pause)


CASES = Path(__file__).parents[1] / "cases"


def case_text(name: str) -> str:
    """The text of a file of cases, such as a ruleset."""
    return (CASES / f"{name}.yaml").read_text("utf-8")


def cases(name: str) -> Any:
    """What a file of cases says; a file of several tables has them by name."""
    return yaml.load(case_text(name), yaml.CSafeLoader)
