"""What a list's items become."""

from __future__ import annotations

import asyncio
import json

from decision_service.domain.accounts import Kind
from decision_service.smile.applicant import from_items
from decision_service.smile.records import LISTINGS
from tests.unit.smile.items import contribution


async def test_a_long_list_lets_others_have_their_turn() -> None:
    """While a thousand items become records others run; nothing is lost or out of order."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    items = [contribution(n) for n in range(1_000)]
    body = json.dumps({"code": "OK", "data": {"items": items}}).encode()
    listed = LISTINGS[Kind.CONTRIBUTIONS].decode(body)
    beside = asyncio.create_task(other())
    part = await from_items(Kind.CONTRIBUTIONS, LISTINGS[Kind.CONTRIBUTIONS], tuple(listed.items))
    beside.cancel()
    assert [record.id for record in part.read.records] == [item["id"] for item in items]
    assert turns >= 4
