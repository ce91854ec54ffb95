"""Answering many callers by one piece of work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from typing import Generic, TypeVar

from decision_service.domain.errors import StoreError
from decision_service.storage.errors import EntryRefused, HeldUp, unavailable

Q = TypeVar("Q")
A = TypeVar("A")

_Waiting = tuple[Q, asyncio.Future[A]]


class Batches(Generic[Q, A]):
    """Collects questions while the batch before them runs, and has them answered together.

    `answer` gives one answer, or one error, per question, in order. A batch holds at most `most`
    questions; where callers come in company it waits `linger` seconds for more of them, and a lone
    caller is served at once. Batches run one after another on tasks of their own: a caller who goes
    away changes nothing for the others, nor for its own question. More than `waiting` questions at
    once are refused.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Q]], Awaitable[Sequence[A | StoreError]]],
        *,
        most: int,
        linger: float = 0.0,
        waiting: int = 10_000,
    ) -> None:
        self._answer = answer
        self._most = most
        self._linger = linger
        self._waiting = waiting
        self._pending: list[_Waiting[Q, A]] = []
        self._batch: list[_Waiting[Q, A]] = []
        self._running: asyncio.Task[Sequence[A | StoreError]] | None = None
        self._enough = asyncio.Event()
        self._closed = False

    async def ask(self, question: Q) -> A:
        """The answer to one question; raises what `answer` gave or raised."""
        if self._closed:
            raise unavailable("the store is closed: nothing was recorded")
        if len(self._pending) >= self._waiting:
            raise unavailable("too many callers wait for the store: nothing was recorded")
        waiter: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._pending.append((question, waiter))
        if len(self._pending) >= self._most:
            self._enough.set()
        if self._running is None:
            self._start()
        return await waiter

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
        alone = len(self._batch) <= 1
        self._batch = []
        await self._gather(alone=alone)
        self._batch, self._pending = self._pending[: self._most], self._pending[self._most :]
        return await self._answers([question for question, _ in self._batch])

    def _finish(self, run: asyncio.Task[Sequence[A | StoreError]]) -> None:
        """Called when a batch ended, however it ended: release its callers, begin the next."""
        _release([waiter for _, waiter in self._batch], run)
        self._running = None
        if self._pending:
            self._start()

    async def _gather(self, *, alone: bool) -> None:
        """Wait for company, unless the last batch had none and this has none, or it is full."""
        alone = alone and len(self._pending) == 1
        if alone or not self._linger or len(self._pending) >= self._most or self._closed:
            return
        self._enough.clear()
        timer = asyncio.get_running_loop().call_later(self._linger, self._enough.set)
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


def _release(
    waiters: Sequence[asyncio.Future[A]], work: asyncio.Future[Sequence[A | StoreError]]
) -> None:
    failure = _failure(work)
    answers = work.result() if failure is None else [failure] * len(waiters)
    for waiter, answer in zip(waiters, answers, strict=True):
        if waiter.done():
            continue
        if isinstance(answer, BaseException):
            waiter.set_exception(_own(answer))
        else:
            waiter.set_result(answer)


def _failure(work: asyncio.Future[Sequence[A | StoreError]]) -> BaseException | None:
    if work.cancelled():
        return unavailable("the store was stopped: ask again with the same request_id")
    return work.exception()


def _own(error: BaseException) -> BaseException:
    """An error of each waiter's own, since raising one object twice mixes up its tracebacks."""
    if not isinstance(error, StoreError):
        return error
    own = copy(error)
    own.__cause__ = error
    return own
