"""An event loop whose time passes only when everybody sleeps, so that no test waits."""

import asyncio
import selectors
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
_TICK = 1e-9


class _Timeless(selectors.SelectSelector):
    """Reports what is ready at once; otherwise moves the loop's time to the next timer."""

    passed = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("every task waits for something that will never happen")
        if not ready:
            self.passed += timeout + _TICK
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._timeless = _Timeless()
        super().__init__(self._timeless)

    def run_in_executor(self, executor, func, *args):
        """Work for another thread is done at once: that thread's time would pass outside."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            done.set_exception(error)
        return done

    def time(self):
        return 1000.0 + self._timeless.passed


class VirtualClock:
    """A Clock on the running loop's time; wall time is NOW when the loop begins."""

    def monotonic(self):
        return asyncio.get_running_loop().time()

    def now(self):
        return NOW + timedelta(seconds=self.monotonic() - 1000.0)


def run(coroutine):
    """Run a coroutine on a new loop in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
