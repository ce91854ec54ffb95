"""Threads of calls, where the machine starts no more of them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from decision_service.server.event_loop import CallThreads

PATIENCE = 30


def refuse(_: threading.Thread) -> None:
    """What a machine without room for another thread does."""
    raise RuntimeError("can't start new thread")


def test_work_for_which_no_thread_starts_is_done_by_the_next_that_has_time(monkeypatch):
    """The standard pool raises there, and a server that submits would serve nothing more."""
    busy = threading.Event()
    with CallThreads(3) as threads:
        first = threads.submit(busy.wait, PATIENCE)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            ThreadPoolExecutor(1).submit(print)
        later = [threads.submit(pow, 2, number) for number in range(3)]
        assert not any(work.done() for work in later)
        busy.set()
        assert [work.result(PATIENCE) for work in later] == [1, 2, 4]
        assert first.result(PATIENCE)


def test_what_work_comes_to_is_what_its_future_gives():
    """A result, or the error that it raised."""
    with CallThreads(2) as threads:
        assert threads.submit(divmod, 7, 2).result(PATIENCE) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            threads.submit(divmod, 7, 0).result(PATIENCE)


def test_work_that_is_cancelled_in_time_does_not_run():
    """One thread that is busy leaves the rest to wait, also to be cancelled."""
    done: list[int] = []
    with CallThreads(1) as threads:
        busy = threading.Event()
        first = threads.submit(busy.wait, PATIENCE)
        later = threads.submit(done.append, 1)
        assert later.cancel()
        busy.set()
        assert first.result(PATIENCE)
    assert done == []
    assert later.cancelled()


def test_work_after_the_end_is_cancelled_with_the_next_end():
    """No future of a pool that is shut down waits for ever."""
    threads = CallThreads(1)
    threads.shutdown()
    late = threads.submit(divmod, 7, 2)
    threads.shutdown()
    assert late.cancelled()
