"""Sessions that no one uses any more."""

import gc

from decision_service.console.session import IDLE, Session, Sessions


def test_an_idle_session_leaves_memory_when_another_begins() -> None:
    """One that was seen meanwhile stays."""
    now = 0.0
    sessions = Sessions(lambda: now)

    def begun(name: str) -> str:
        return sessions.begin(Session(name, frozenset(), "of this test", now, now))

    begun("idle")
    seen = begun("seen")
    now = IDLE
    sessions.of(seen)
    now += 1.0
    begun("new")
    gc.collect()
    found = [one for one in gc.get_objects() if isinstance(one, Session)]
    assert {one.name for one in found if one.token == "of this test"} == {"seen", "new"}
