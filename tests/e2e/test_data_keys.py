"""The service wraps users' keys without being asked beside made-up people, and asks elsewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from structlog.testing import capture_logs

from decision_service.standin.sandbox import sandbox_people
from decision_service.store.keys import DATA_KEYS
from tests.e2e.service import Running, at_vendor, create

GEORGE = sandbox_people()[0]
WARNING = "whoever has a copy of the database can read its snapshots"


def wrapped_by(live: Running) -> set[bytes | None]:
    """The data keys that wrap users' keys, None for those that are plain."""
    path = live.service.core.settings.store_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT wrapped_by FROM consents WHERE key IS NOT NULL")
        return {row[0] for row in found}


async def test_beside_a_vendor_a_key_file_is_asked_for(tmp_path: Path) -> None:
    """Without one the service warns and decides all the same; with one it wraps what was plain."""
    with capture_logs() as logs:
        async with at_vendor(tmp_path) as (live, _):
            await live.stub.CreateDecision(create(GEORGE.user_id), timeout=10)
            assert wrapped_by(live) == {None}
    assert [one for one in logs if WARNING in one["event"]]
    DATA_KEYS.add(tmp_path / "keys")
    with capture_logs() as logs:
        async with at_vendor(tmp_path, data_key_file=str(tmp_path / "keys")) as (live, _):
            assert None not in wrapped_by(live)
    assert not [one for one in logs if WARNING in one["event"]]
