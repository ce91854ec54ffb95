"""The event loop that commands run on: uvloop where there is one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

if sys.platform == "win32":

    def run_async(work: Coroutine[Any, Any, Result]) -> Result:
        """Run work to its end."""
        return asyncio.run(work)

else:
    import uvloop

    def run_async(work: Coroutine[Any, Any, Result]) -> Result:
        """Run work to its end on uvloop."""
        return uvloop.run(work)
