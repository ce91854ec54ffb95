"""ON_REVOKE: what a withdrawn consent leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_service.storage.store import Store
from tests.kits.decision_entries import SNAPSHOT, numbered


@pytest.mark.parametrize("erase_decisions", [False, True])
async def test_decisions_stay_unless_they_are_to_go(
    tmp_path: Path, *, erase_decisions: bool
) -> None:
    """The data goes either way, the decisions only where the setting says so; others' stay."""
    url = f"sqlite:///{tmp_path}/decisions.db"
    store = await Store.open(url, erase_decisions=erase_decisions)
    try:
        await store.commit(numbered(1, snapshot=SNAPSHOT))
        await store.commit(numbered(2, user_id="user-2"))
        await store.erase(SNAPSHOT.user_id)
        assert await store.snapshot(SNAPSHOT.user_id, SNAPSHOT.id) is None
        kept = [await store.get(numbered(number).decision_id) is not None for number in (1, 2)]
        assert kept == [not erase_decisions, True]
    finally:
        await store.aclose()
