"""Every fault that can be scripted, and for whom, where and how often it happens."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from decision_service.standin.faults import EFFECTS, MODELS, Fault, FaultRefused
from tests.unit.simulator.stand import ANISHA, CHRISTINA, GEORGE, RYAN, Stand, open_stand

UNAVAILABLE = {"status": 503}


def script(stand: Stand, effect: str, path: str = "*", **settings: Any) -> None:
    """Put a fault in force for Ryan."""
    stand.app.faults.add(Fault(effect, path, RYAN.user_id, settings=settings))


async def ryans(stand: Stand, path: str = "/eincomes", **query: Any) -> Any:
    """What a list answers about Ryan."""
    return await stand.get(path, userId=RYAN.user_id, **query)


async def test_a_fault_is_for_its_user_and_path_only(stand: Stand) -> None:
    """Other users, other endpoints and requests that name no user are answered as ever."""
    script(stand, "status", "/eincomes", **UNAVAILABLE)
    assert (await ryans(stand)).status_code == 503
    assert (await ryans(stand, "/contributions")).status_code == 200
    assert (await stand.get("/eincomes", userId=GEORGE.user_id)).status_code == 200
    assert (await stand.get("/eincomes")).status_code == 200


async def test_a_request_names_its_user_in_many_ways(stand: Stand) -> None:
    """A user is recognised by path, by filter, by source and by cursor."""
    account = await stand.account(RYAN.user_id)
    first = await stand.data("/eincomes", userId=RYAN.user_id, size=1)
    script(stand, "status", **UNAVAILABLE)
    asked = [
        await stand.get(f"/users/{RYAN.user_id}"),
        await stand.get(f"/accounts/{account['id']}"),
        await stand.get("/eincomes", sourceId=account["id"]),
        await stand.get("/contributions", accountId=account["id"]),
        await stand.get("/eincomes", cursor=first["nextCursor"]),
        await stand.client.post(f"tokens?userId={RYAN.user_id}"),
    ]
    assert {answer.status_code for answer in asked} == {503}


async def test_a_fault_without_a_user_is_for_everybody(stand: Stand) -> None:
    """Without a user any request to the path is hit, whoever it names."""
    stand.app.faults.add(Fault("status", "/prov*", settings=UNAVAILABLE))
    assert (await stand.get("/providers")).status_code == 503
    assert (await stand.get("/providers/sss_ph")).status_code == 503


async def test_a_fault_can_skip_and_end(stand: Stand) -> None:
    """The first `skip` requests pass, the next `times` are hit, then all is well again."""
    stand.app.faults.add(Fault("status", "/eincomes", times=2, skip=1, settings=UNAVAILABLE))
    assert [(await ryans(stand)).status_code for _ in range(5)] == [200, 503, 503, 200, 200]


async def test_a_fault_can_be_for_one_method(stand: Stand) -> None:
    """With a method other methods pass; a request that is refused so has no effect."""
    account = await stand.account(RYAN.user_id)
    stand.app.faults.add(Fault("status", "/accounts/*", method="delete", settings=UNAVAILABLE))
    assert (await stand.client.delete(f"accounts/{account['id']}")).status_code == 503
    assert (await stand.get(f"/accounts/{account['id']}")).status_code == 200


async def test_added_faults_can_be_cleared(stand: Stand) -> None:
    """Clearing takes added faults away and leaves those of the people's own stories."""
    script(stand, "status", **UNAVAILABLE)
    stand.app.faults.clear()
    assert (await ryans(stand)).status_code == 200
    assert (await stand.get("/contributions", userId=CHRISTINA.user_id)).status_code == 503


async def test_christinas_contributions_cannot_be_read(stand: Stand) -> None:
    """Her contributions fail every time; all else can be read."""
    for _ in range(3):
        answer = await stand.get("/contributions", userId=CHRISTINA.user_id)
        assert (answer.status_code, answer.json()["code"]) == (503, "SERVER_UNAVAILABLE")
    assert await stand.items("/eincomes", userId=CHRISTINA.user_id)


@pytest.mark.parametrize("wait", ["1", "86400", "-5", "soon", "Wed, 25 Nov 2026 00:00:00 GMT", 2])
async def test_statuses_may_come_with_any_retry_after(stand: Stand, wait: Any) -> None:
    """The header says what the script says; without one there is no header."""
    script(stand, "status", status=429, retry_after=wait)
    answer = await ryans(stand)
    assert answer.headers["retry-after"] == str(wait)
    assert answer.json()["code"] == "REQUEST_LIMIT_EXCEEDED"
    stand.app.faults.clear()
    script(stand, "status", status=429)
    assert "retry-after" not in (await ryans(stand)).headers


async def test_a_status_may_have_another_code(stand: Stand) -> None:
    """400 can be INVALID_CREDENTIALS."""
    script(stand, "status", status=400, code="INVALID_CREDENTIALS", message="no")
    assert (await ryans(stand)).json()["code"] == "INVALID_CREDENTIALS"


async def test_bodies_can_be_cut(stand: Stand) -> None:
    """A malformed body is a prefix of the right one, half by default."""
    whole = (await ryans(stand)).content
    script(stand, "malformed", bytes=17)
    assert (await ryans(stand)).content == whole[:17]
    stand.app.faults.clear()
    script(stand, "malformed")
    half = await ryans(stand)
    assert half.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(half.content)


async def test_bodies_can_be_of_another_kind(stand: Stand) -> None:
    """A page of HTML, a redirect, a wrong content type and other encodings can stand there."""
    script(stand, "html", "/eincomes")
    script(stand, "redirect", "/incomes", location="http://169.254.169.254/")
    script(stand, "content_type", "/tasks", value="text/plain")
    script(stand, "encoding", "/accounts", name="utf-16")
    page, moved = await ryans(stand), await ryans(stand, "/incomes")
    assert page.headers["content-type"].startswith("text/html")
    assert (moved.status_code, moved.headers["location"]) == (302, "http://169.254.169.254/")
    plain = await ryans(stand, "/tasks")
    assert (plain.headers["content-type"], plain.json()["code"]) == ("text/plain", "OK")
    assert "CONNECTED" in (await ryans(stand, "/accounts")).content.decode("utf-16")


async def test_bodies_can_be_too_large_or_too_deep(stand: Stand) -> None:
    """Size and depth are as scripted, and the JSON is otherwise right."""
    script(stand, "huge", "/eincomes", bytes=1_000)
    script(stand, "deep", "/incomes", depth=50)
    assert len((await ryans(stand)).json()["padding"]) == 1_000
    assert (await ryans(stand, "/incomes")).content.count(b"[") == 51


async def test_envelopes_can_be_wrong(stand: Stand) -> None:
    """A good status can carry another code, or no data."""
    script(stand, "envelope_code", "/eincomes", code="SERVER_ERROR")
    script(stand, "data_null", "/incomes")
    answer = await ryans(stand)
    assert (answer.status_code, answer.json()["code"]) == (200, "SERVER_ERROR")
    assert (await ryans(stand, "/incomes")).json()["data"] is None


async def test_an_answer_can_be_slow(stand: Stand) -> None:
    """A slow answer waits, is right when it comes, and comes at once when the server closes."""
    script(stand, "slow", seconds=600)
    asking = asyncio.create_task(ryans(stand))
    while not stand.app.faults.hits:
        await asyncio.sleep(0)
    assert not asking.done()
    stand.app.closing.set()
    assert (await asking).status_code == 200


async def test_cursors_can_loop(stand: Stand) -> None:
    """Every page points back to the beginning."""
    script(stand, "cursor_loop")
    first = (await ryans(stand, size=2)).json()["data"]
    again = (await ryans(stand, size=2, cursor=first["nextCursor"])).json()["data"]
    assert again == first


async def test_pages_can_be_empty_for_ever(stand: Stand) -> None:
    """Empty pages come with a cursor that differs each time."""
    script(stand, "empty_pages")
    first = (await ryans(stand)).json()["data"]
    second = (await ryans(stand, cursor=first["nextCursor"])).json()["data"]
    assert first["items"] == second["items"] == []
    assert first["nextCursor"] != second["nextCursor"]


async def test_cursors_can_be_lost_or_null(stand: Stand) -> None:
    """A page that has more can end without a cursor; a last page can have null."""
    script(stand, "lost_cursor", "/eincomes")
    script(stand, "null_cursor", "/contributions")
    assert "nextCursor" not in (await ryans(stand, size=1)).json()["data"]
    assert (await ryans(stand, "/contributions")).json()["data"]["nextCursor"] is None
    longer = (await ryans(stand, "/contributions", size=1)).json()["data"]
    assert longer["nextCursor"]


async def test_items_can_repeat(stand: Stand) -> None:
    """The first item comes twice: equal, or under its id with other content."""
    script(stand, "duplicate", "/eincomes")
    script(stand, "conflict", "/contributions", field="amount", value=1)
    twice = (await ryans(stand)).json()["data"]["items"]
    assert (len(twice), twice[0]) == (3, twice[-1])
    other = (await ryans(stand, "/contributions")).json()["data"]["items"]
    assert other[0]["id"] == other[-1]["id"]
    assert (other[0]["amount"], other[-1]["amount"]) == (1950, 1)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e400", "-0", "9" * 400, "12.345678"])
async def test_numbers_can_be_hostile(stand: Stand, text: str) -> None:
    """The number stands in the body exactly as scripted."""
    script(stand, "number", field="amount", value=text)
    assert f'"amount":{text},' in (await ryans(stand)).text


async def test_fields_can_be_set_and_dropped(stand: Stand) -> None:
    """Of the first item, or of all, a field can have any value or be gone."""
    script(stand, "set", "/eincomes", field="currency", value=None, all=True)
    script(stand, "set", "/contributions", field="metadata.mood", value={"new": 1})
    script(stand, "drop", "/liabilities", field="type")
    assert {i["currency"] for i in (await ryans(stand)).json()["data"]["items"]} == {None}
    first, second = (await ryans(stand, "/contributions")).json()["data"]["items"]
    assert (first["metadata"]["mood"], "mood" in second["metadata"]) == ({"new": 1}, False)
    assert "type" not in (await ryans(stand, "/liabilities")).json()["data"]["items"][0]


async def test_estimates_can_have_the_old_name_only(stand: Stand) -> None:
    """`amount` is gone and `baseAmount` stays."""
    script(stand, "base_amount")
    items = (await ryans(stand)).json()["data"]["items"]
    assert [("amount" in item, item["baseAmount"]) for item in items] == [(False, 13000)] * 2


async def test_lists_can_be_bare_arrays() -> None:
    """The guide's form is one array with everything, whatever the page size."""
    async with open_stand() as stand:
        whole = await stand.items("/eincomes", userId=ANISHA.user_id)
        stand.app.faults.add(Fault("bare_array"))
        answer = await stand.get("/eincomes", userId=ANISHA.user_id, size=5)
        providers = await stand.get("/providers")
    assert answer.json() == whole
    assert len(providers.json()) > 10


async def test_an_item_can_be_somebody_elses(stand: Stand) -> None:
    """The first item names another user."""
    script(stand, "other_user")
    first, second = (await ryans(stand)).json()["data"]["items"]
    assert first["metadata"]["userId"] != RYAN.user_id == second["metadata"]["userId"]


async def test_accounts_can_be_in_any_state(stand: Stand) -> None:
    """Accounts at a provider show the scripted state and age, in the list and alone."""
    changed = {"provider": "sss_ph", "status": "ERROR", "error_code": "INVALID_AUTH",
               "monitor_status": "USER_ACTION_REQUIRED", "age_minutes": 5}  # fmt: skip
    stand.app.faults.add(Fault("account_state", "/accounts*", settings=changed))
    listed = await stand.items("/accounts", userId=GEORGE.user_id)
    by_provider = {account["providerId"]: account for account in listed}
    sss = by_provider["sss_ph"]
    assert (sss["connectionStatus"], sss["connection"]["status"]) == ("ERROR", "ERROR")
    assert sss["connection"]["errorCode"] == "INVALID_AUTH"
    assert sss["monitorStatus"] == sss["monitor"]["status"] == "USER_ACTION_REQUIRED"
    assert sss["createdAt"] == sss["connection"]["updatedAt"] == "2026-11-24T06:25:00Z"
    assert by_provider["pagibig_ph"]["connectionStatus"] == "CONNECTED"
    assert await stand.data(f"/accounts/{sss['id']}") == sss


async def test_a_sync_can_be_old(stand: Stand) -> None:
    """An account's sync can lie back while the account itself is as old as it was."""
    before = await stand.account(RYAN.user_id)
    script(stand, "account_state", "/accounts", synced_minutes_ago=40 * 24 * 60)
    account = await stand.account(RYAN.user_id)
    assert account["monitor"]["updatedAt"] == "2026-10-15T06:30:00Z"
    assert account["createdAt"] == before["createdAt"]


async def test_a_task_can_still_run(stand: Stand) -> None:
    """Tasks show as started, without an end and without data kinds."""
    script(stand, "task_running")
    for task in await stand.items("/tasks", userId=RYAN.user_id):
        assert (task["status"], task["datapoints"], "finishedAt" in task) == ("Started", [], False)


async def test_faults_never_reach_the_data_itself(stand: Stand) -> None:
    """When a fault that changed items is over, the data is as it was."""
    before = await stand.items("/eincomes", userId=RYAN.user_id)
    script(stand, "set", field="amount", value=-1, all=True)
    script(stand, "duplicate")
    await ryans(stand)
    stand.app.faults.clear()
    assert await stand.items("/eincomes", userId=RYAN.user_id) == before


@pytest.mark.parametrize(
    ("effect", "settings", "said"),
    [
        ("explode", {}, "there is no fault 'explode'"),
        ("status", {}, "missing required field `status`"),
        ("status", {"status": 99}, "Expected `int` >= 200 - at `$.status`"),
        ("status", {"status": True}, "Expected `int`, got `bool` - at `$.status`"),
        ("status", {"status": 400, "code": "OOPS"}, "'OOPS' - at `$.code`"),
        ("slow", {"seconds": "long"}, "Expected `float`, got `str` - at `$.seconds`"),
        ("set", {"field": "a"}, "missing required field `value`"),
        ("cursor_loop", {"size": 1}, "unknown field `size`"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(
    effect: str, settings: dict[str, Any], said: str
) -> None:
    """The refusal is one sentence that names the setting."""
    with pytest.raises(FaultRefused) as refused:
        Fault(effect, settings=settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("effect", EFFECTS)
async def test_every_effect_leaves_other_answers_possible(effect: str) -> None:
    """Each effect can happen to errors, objects and lists without breaking the stand-in."""
    needed = {"status": 500, "seconds": 0, "location": "/x", "value": "v", "name": "utf-8",
              "code": "OK", "field": "id"}  # fmt: skip
    fields = {one.name: one for one in msgspec.structs.fields(MODELS[effect])}
    settings = {name: needed[name] for name, one in fields.items() if one.required}
    if effect == "deep":
        settings["depth"] = 3
    async with open_stand(faults=[Fault(effect, settings=settings)]) as stand:
        for path in ("/users/nobody", "/providers/sss_ph", f"/users/{RYAN.user_id}", "/eincomes"):
            answer = await stand.get(path)
            assert effect == "status" or "The stand-in failed" not in answer.text
