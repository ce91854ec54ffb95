"""A second vendor: the service decides, hears and forgets by another adapter, without Smile's."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from decision_service.api.v1.applicant_service_pb2 import EraseApplicantRequest
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.domain.accounts import Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.runtime.clock import SystemClock
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import ROOT, create, outcome, running
from tests.kits.cases import until
from tests.kits.folder_vendor import SIGNATURE, FolderVendor, signed

SECRET = "sixteen bytes and more"
WITHOUT_SMILE = """
import sys
# As the import system documents it: what is None here cannot be imported
sys.modules["decision_service.smile"] = None
from tests.e2e.test_another_vendor import walked
walked(sys.argv[1])
"""


async def copied(folder: Path) -> dict[str, str]:
    """The sandbox people as files of a folder; what the service decides of each by Smile."""
    vendor = FolderVendor(folder, SystemClock())
    clock = SystemClock()
    plan = FetchPlan(frozenset(Kind) - {Kind.ACCOUNTS}, WhenTransactions.ALWAYS, people=True)
    decided: dict[str, str] = {}
    async with running(folder) as live:
        source = live.service.core.source
        await until(source.providers)
        vendor.write_providers(source.providers())
        for person in sandbox_people():
            reply = await live.stub.CreateDecision(create(person.user_id))
            decided[person.user_id] = outcome(reply.decision)
            end = clock.monotonic() + 60
            read = await source.gather(
                person.user_id, plan, as_of=clock.now(), stop_at=end, wait_until=end, known=(),
                fallback={},
            )  # fmt: skip
            vendor.write(read.snapshot)
    return decided


def walked(folder: str) -> None:
    """Decide for the people of a folder, let one withdraw and one be erased; print what came."""
    assert "decision_service.smile.source" not in sys.modules
    print(json.dumps(asyncio.run(walk(Path(folder)))))  # noqa: T201 - read by the test


async def walk(folder: Path) -> dict[str, object]:
    vendor = FolderVendor(folder, SystemClock())
    people = [person.user_id for person in sandbox_people()]
    settings = {"webhook_secrets": SECRET, "http_address": "127.0.0.1:0"}
    (folder / "service").mkdir()
    async with running(folder / "service", vendor=vendor, **settings) as live:
        store = live.service.core.store
        decided = {
            one: outcome((await live.stub.CreateDecision(create(one))).decision) for one in people
        }
        # Who withdraws says so to the vendor, which sends an event
        await vendor.revoke(people[0], 0.0)
        body = json.dumps({"number": 1, "what": "withdrawn", "person": people[0]}).encode()
        async with httpx2.AsyncClient(base_url=live.service.http_url) as client:
            path = vendor.events.path
            strange = await client.post(path, content=body, headers={SIGNATURE: "0" * 64})
            headers = {SIGNATURE: signed(body, SECRET.encode())}
            taken = await client.post(path, content=body, headers=headers)

        async def forgotten() -> bool:
            return (await store.user_state(people[0])).last is None

        await until(forgotten)
        after = outcome((await live.stub.CreateDecision(create(people[0]))).decision)
        erased = await ApplicantServiceStub(live.channel).EraseApplicant(
            EraseApplicantRequest(user_id=people[1])
        )
    return {
        "decided": decided,
        "answers": [strange.status_code, taken.status_code],
        "after": after,
        "revoked": erased.revoked_accounts,
        "left": vendor.connected(people[1]),
    }


@pytest.mark.long
async def test_a_folder_of_files_is_a_vendor_with_the_adapter_of_smile_deleted(
    tmp_path: Path,
) -> None:
    """The four are decided as by Smile; a withdrawal by event and an erasure reach the folder."""
    decided = await copied(tmp_path)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", WITHOUT_SMILE, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["decided"] == decided
    assert len(set(decided.values())) > 1
    assert found["answers"] == [401, 200]
    assert found["after"] == "REFER"
    assert found["revoked"] >= 1
    assert found["left"] == 0
