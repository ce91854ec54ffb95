"""Compressing snapshots once for many decisions."""

import asyncio
import random

import pytest

from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.ports import SnapshotBody
from decision_service.store.snapshots import Packing, unpack

NOISE = random.Random(5).randbytes(1000)


def snapshot(number: int, user: str = "user-1") -> SnapshotBody:
    """A snapshot that hardly compresses."""
    return SnapshotBody(str(number), user, NOISE + bytes([number]))


async def test_a_snapshot_that_comes_again_is_not_compressed_again() -> None:
    """The second decision on a snapshot is given the very bytes of the first."""
    packing = Packing()
    first = await packing.pack(snapshot(1), stored=1)
    again = await packing.pack(snapshot(1), stored=2)
    other = await packing.pack(snapshot(1, user="user-2"), stored=2)
    assert again.body is first.body
    assert again.stored == 2
    assert other.body is not first.body


async def test_what_is_remembered_is_bounded() -> None:
    """Beyond the bound the oldest bodies are forgotten, the newest kept."""
    packing = Packing(most=3500)
    bodies = [(await packing.pack(snapshot(n), stored=0)).body for n in range(10)]
    assert (await packing.pack(snapshot(9), stored=0)).body is bodies[9]
    assert (await packing.pack(snapshot(7), stored=0)).body is bodies[7]
    assert (await packing.pack(snapshot(0), stored=0)).body is not bodies[0]


async def test_a_body_that_is_packed_while_its_user_is_erased_is_not_kept() -> None:
    """Nothing of an erased user stays in memory, what is under way when it happens included."""
    packing = Packing()
    first = await packing.pack(snapshot(1), stored=1)
    under_way = asyncio.create_task(packing.pack(snapshot(2), stored=1))
    await asyncio.sleep(0)
    packing.forget("user-1")
    second = await under_way
    assert (await packing.pack(snapshot(1), stored=2)).body is not first.body
    assert (await packing.pack(snapshot(2), stored=2)).body is not second.body


async def test_damaged_bytes_are_unavailable() -> None:
    """Bytes that are not zlib's are an error of the store."""
    with pytest.raises(StoreUnavailable, match="damaged"):
        await unpack(b"\x00")
