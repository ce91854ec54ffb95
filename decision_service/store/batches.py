"""Batches: one piece of work that answers many callers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from time import perf_counter
from typing import Generic, TypeVar

from decision_service.domain.errors import StoreError
from decision_service.store.errors import EntryRefused, HeldUp, unavailable

Q = TypeVar("Q")
A = TypeVar("A")

_Waiting = tuple[Q, asyncio.Future[A]]


class Batches(Generic[Q, A]):
    """Collects questions while the batch before runs, and answers them together.

    `answer` gives one answer, or one error, per question, in order. A batch holds at most `most`
    questions. A batch waits until there are as many callers as the last batch served or as came
    meanwhile, for at most `linger` seconds: callers that were served together stay together (batch
    affinity), and a lone caller is served at once. With `split` above one the expected callers are
    divided into as many batches, so that one is served while the next collects. Batches run one
    after another on tasks of their own: a caller that leaves changes nothing for the others, nor
    for its own question. More than `waiting` questions at once are refused.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Q]], Awaitable[Sequence[A | StoreError]]],
        *,
        most: int,
        linger: float = 0.0,
        split: int = 1,
        waiting: int = 10_000,
    ) -> None:
        self._answer = answer
        self._most = most
        self._linger = linger
        self._split = split
        self._waiting = waiting
        self._pending: list[_Waiting[Q, A]] = []
        self._batch: list[_Waiting[Q, A]] = []
        self._running: asyncio.Task[Sequence[A | StoreError]] | None = None
        self._since = self._ended = 0.0
        self._expected = 1
        self._enough = asyncio.Event()
        self._closed = False

    async def submit(self, question: Q) -> A:
        """Raises what `answer` gave or raised, and StoreUnavailable where no question is taken."""
        if self._closed:
            raise unavailable("the store is closed: nothing was recorded")
        if len(self._pending) >= self._waiting:
            raise unavailable("too many callers wait for the store: nothing was recorded")
        if not self._pending:
            self._since = perf_counter()
        waiter: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._pending.append((question, waiter))
        if len(self._pending) >= self._expected:
            self._enough.set()
        if self._running is None:
            self._start()
        return await waiter

    async def aclose(self) -> None:
        self._closed = True
        # A batch that gathers must not wait for callers who can no longer come.
        self._enough.set()
        while self._running is not None:
            await asyncio.wait([self._running])

    def _start(self) -> None:
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(self._finish)

    async def _run(self) -> Sequence[A | StoreError]:
        self._batch = []
        await self._gather()
        self._batch = self._pending[: self._most]
        self._pending = self._pending[self._most :]
        return await self._answers([question for question, _ in self._batch])

    def _finish(self, run: asyncio.Task[Sequence[A | StoreError]]) -> None:
        callers = len(self._batch) + len(self._pending)
        # Rounded up, so that the batches together have room for every caller.
        self._expected = min(self._most, -(-callers // self._split))
        self._ended = perf_counter()
        _release([waiter for _, waiter in self._batch], run)
        self._running = None
        if self._pending:
            self._start()

    async def _gather(self) -> None:
        """Wait for the expected number of questions, at most `linger` seconds."""
        left = self._linger - (perf_counter() - max(self._since, self._ended))
        if left <= 0 or len(self._pending) >= self._expected or self._closed:
            return
        self._enough.clear()
        timer = asyncio.get_running_loop().call_later(left, self._enough.set)
        await self._enough.wait()
        timer.cancel()

    async def _answers(self, questions: Sequence[Q]) -> Sequence[A | StoreError]:
        """Answer together; where one question fails the batch, each by itself."""
        try:
            return await self._answer(questions)
        # A refused value or a held row is one caller's: the others must not fail with it.
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
    # One failure is everybody's: nothing of the transaction was kept.
    answers = work.result() if failure is None else [failure] * len(waiters)
    for waiter, answer in zip(waiters, answers, strict=True):
        # The caller has left; its question was carried out all the same.
        if waiter.done():
            continue
        if isinstance(answer, Exception):
            waiter.set_exception(_own(answer))
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
