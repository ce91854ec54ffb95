"""Threads for calls that go on serving where the machine cannot start another thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

import msgspec

P = ParamSpec("P")
T = TypeVar("T")


class CallThreads(ThreadPoolExecutor):
    """`most` threads at most, started as calls need them.

    `grpc.server` serves nothing more once `submit` has raised in its own thread, as the standard
    pool's does on a machine out of memory. Here such work waits for the next thread that has time.
    """

    def __init__(self, most: int) -> None:
        super().__init__(most, "grpc")
        self._waiting: SimpleQueue[_Work] = SimpleQueue()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it on a thread, now or later; it is cancelled where the pool is shut down first."""
        work = _Work(Future(), partial(fn, *args, **kwargs))
        self._waiting.put(work)
        with suppress(RuntimeError, MemoryError):
            super().submit(self._work)
        return work.future

    def shutdown(self, *args: Any, **kwargs: Any) -> None:
        """End as the standard pool does; work that waits without a thread is cancelled."""
        super().shutdown(*args, **kwargs)
        with suppress(Empty):
            while True:
                self._waiting.get_nowait().future.cancel()

    def _work(self) -> None:
        """Run all that waits, so that what found no thread is not left behind."""
        with suppress(Empty):
            while True:
                _run(self._waiting.get_nowait())


class _Work(msgspec.Struct, frozen=True):
    future: Future[Any]
    call: Callable[[], Any]


def _run(work: _Work) -> None:
    if not work.future.set_running_or_notify_cancel():
        return
    try:
        result = work.call()
    except BaseException as error:  # noqa: BLE001 - it is the caller's, as in the standard pool
        work.future.set_exception(error)
    else:
        work.future.set_result(result)
