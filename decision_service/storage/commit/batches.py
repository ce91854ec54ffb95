"""Answering many callers by one piece of work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from functools import partial
from time import perf_counter
from typing import Generic, TypeVar

from decision_service.domain.errors import StoreError
from decision_service.storage.errors import EntryRefused, HeldUp, unavailable

Q = TypeVar("Q")
A = TypeVar("A")

Told = Callable[[A | Exception], None]
"""Hears the answer to one question, or the error in its place; on the event loop, later."""

_Waiting = tuple[Q, Told[A]]


class Batches(Generic[Q, A]):
    """Collects questions while the batch before them runs, and has them answered together.

    `answer` gives one answer, or one error, per question, in order. A batch holds at most `most`
    questions. It waits until as many callers are there as were served last or came meanwhile, for
    at most `linger` seconds: so those who come in company stay together, and a lone caller is
    served at once. With more than one of `turns` company is split into as many, so that one is
    served while the next gathers. Batches run one after another on tasks of their own: a caller
    who goes away changes nothing for the others, nor for its own question. More than `waiting`
    questions at once are refused.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Q]], Awaitable[Sequence[A | StoreError]]],
        *,
        most: int,
        linger: float = 0.0,
        turns: int = 1,
        waiting: int = 10_000,
    ) -> None:
        self._answer = answer
        self._most = most
        self._linger = linger
        self._turns = turns
        self._waiting = waiting
        self._pending: list[_Waiting[Q, A]] = []
        self._batch: list[_Waiting[Q, A]] = []
        self._running: asyncio.Task[Sequence[A | StoreError]] | None = None
        self._since = self._ended = 0.0
        self._expected = 1
        self._enough = asyncio.Event()
        self._closed = False

    async def ask(self, question: Q) -> A:
        """The answer to one question; raises what `answer` gave or raised."""
        waiter: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self.put(question, partial(_settle, waiter))
        return await waiter

    def put(self, question: Q, told: Told[A]) -> None:
        """Have `told` hear the answer; raises StoreUnavailable where no question is taken."""
        if self._closed:
            raise unavailable("the store is closed: nothing was recorded")
        if len(self._pending) >= self._waiting:
            raise unavailable("too many callers wait for the store: nothing was recorded")
        if not self._pending:
            self._since = perf_counter()
        self._pending.append((question, told))
        if len(self._pending) >= self._expected:
            self._enough.set()
        if self._running is None:
            self._start()

    async def aclose(self) -> None:
        """Take no more questions and answer those that wait."""
        self._closed = True
        self._enough.set()
        while self._running is not None:
            await asyncio.wait([self._running])

    def _start(self) -> None:
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(self._finish)

    async def _run(self) -> Sequence[A | StoreError]:
        self._batch = []
        await self._gather()
        self._batch, self._pending = self._pending[: self._most], self._pending[self._most :]
        return await self._answers([question for question, _ in self._batch])

    def _finish(self, run: asyncio.Task[Sequence[A | StoreError]]) -> None:
        """Called when a batch ended, however it ended: release its callers, begin the next."""
        callers = len(self._batch) + len(self._pending)
        self._expected = min(self._most, -(-callers // self._turns))
        self._ended = perf_counter()
        _tell([told for _, told in self._batch], run)
        self._running = None
        if self._pending:
            self._start()

    async def _gather(self) -> None:
        """Wait for as many as there were lately, but no longer than the linger."""
        left = self._linger - (perf_counter() - max(self._since, self._ended))
        if left <= 0 or len(self._pending) >= self._expected or self._closed:
            return
        self._enough.clear()
        timer = asyncio.get_running_loop().call_later(left, self._enough.set)
        await self._enough.wait()
        timer.cancel()

    async def _answers(self, questions: Sequence[Q]) -> Sequence[A | StoreError]:
        """Answer together; where one question spoils that, each by itself."""
        try:
            return await self._answer(questions)
        except (EntryRefused, HeldUp):
            if len(questions) == 1:
                raise
        return [await self._alone(question) for question in questions]

    async def _alone(self, question: Q) -> A | StoreError:
        try:
            return (await self._answer([question]))[0]
        except StoreError as error:
            return error


def _tell(waiting: Sequence[Told[A]], work: asyncio.Future[Sequence[A | StoreError]]) -> None:
    failure = _failure(work)
    answers = work.result() if failure is None else [failure] * len(waiting)
    for told, answer in zip(waiting, answers, strict=True):
        told(_own(answer) if isinstance(answer, Exception) else answer)


def _settle(waiter: asyncio.Future[A], answer: A | Exception) -> None:
    if waiter.done():
        return
    if isinstance(answer, Exception):
        waiter.set_exception(answer)
    else:
        waiter.set_result(answer)


def _failure(work: asyncio.Future[Sequence[A | StoreError]]) -> Exception | None:
    if work.cancelled():
        return unavailable("the store was stopped: ask again with the same request_id")
    error = work.exception()
    assert error is None or isinstance(error, Exception)  # noqa: S101 - a task raises no other on
    return error


def _own(error: Exception) -> Exception:
    """An error of each waiter's own, since raising one object twice mixes up its tracebacks."""
    if not isinstance(error, StoreError):
        return error
    own = copy(error)
    own.__cause__ = error
    return own
