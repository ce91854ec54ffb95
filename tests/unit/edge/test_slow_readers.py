"""Replies that nobody reads end their calls."""

from dataclasses import dataclass

from decision_service.edge.rpc.interceptors import slow_readers
from decision_service.edge.rpc.interceptors.slow_readers import SlowReaders
from decision_service.edge.rpc.streams import READ_SECONDS


@dataclass
class Reply:
    """A call whose reply is on its way until it is read."""

    done: bool = False
    cancelled: bool = False

    def cancel(self) -> None:
        """Break it off."""
        self.cancelled = self.done = True


def test_a_reply_that_does_not_arrive_in_ten_seconds_ends_its_call() -> None:
    """One that has arrived, and one that is young, are left alone."""
    now = 0.0
    watch = SlowReaders(lambda: now)
    replies = [Reply() for _ in range(3)]
    for reply in replies:
        watch.track(reply)
        now += 1.0
    replies[0].done = True
    now = READ_SECONDS + 1.0
    watch.look()
    assert [reply.cancelled for reply in replies] == [False, True, False]
    assert (watch.ended, watch.pending) == (1, 1)


def test_a_slow_reader_does_not_keep_those_behind_it() -> None:
    """Replies that arrive after it are forgotten all the same, and it is ended in its time."""
    now = 0.0
    watch = SlowReaders(lambda: now)
    slow = Reply()
    watch.track(slow)
    for _ in range(4 * slow_readers.FEW):
        watch.track(Reply(done=True))
        assert watch.tracked <= slow_readers.FEW + 1
    now = READ_SECONDS
    watch.look()
    assert slow.cancelled


def test_replies_that_have_arrived_are_not_kept() -> None:
    """However many leave between two looks, only those pending and a few more are remembered."""
    watch = SlowReaders(lambda: 0.0)
    for _ in range(4 * slow_readers.FEW):
        watch.track(Reply(done=True))
        assert watch.tracked <= slow_readers.FEW + 1
    assert watch.pending == 0
