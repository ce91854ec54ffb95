"""A loan system asks for the accounts that a product needs before the first decision."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from playwright.async_api import expect

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.browser import RECORDER, browser, opened, told
from tests.e2e.service import ROOT, Running, refused, running
from tests.journeys.kit import people_of, syncing
from tests.kits.until import until
from tests.unit.cli.commands import command


async def test_the_page_shows_the_answer_as_it_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command of the documentation prints its JSON, of who has connected a payroll alone."""
    page = (ROOT / "docs" / "onboarding.md").read_text(encoding="utf-8")
    printed = re.search(r"^ *decision-service (applicants show .*--format json)$", page, re.M)
    shown = re.search(r"^ *```json\n(.*?)^ *```$", page, re.M | re.S)
    assert printed is not None
    assert shown is not None
    async with syncing(tmp_path, timedelta(seconds=1)) as desk:
        user_id = desk.connected(sandbox_people()[0], "sprout_ph", timedelta(days=1))
        await until(desk.live.service.core.source.providers)
        words = shlex.split(printed[1].replace("USER_ID", user_id))
        where = ("--address", desk.live.service.address)
        ran = await asyncio.to_thread(command, capsys, *words, *where)
    wanted = json.loads(shown[1].replace("USER_ID", user_id))
    start = ran.out.index('{\n  "user_id"')  # the service's log may stand before and after
    answer, _ = json.JSONDecoder().raw_decode(ran.out[start:])
    assert wanted in answer["product_needs"]


async def test_an_employer_of_an_unknown_kind_is_refused(shared: Running) -> None:
    """The field is named, with what it may be."""
    asked = pb.GetApplicantRequest(user_id="u-1", employer_kind="STATE")
    found = await refused(people_of(shared).GetApplicant(asked))
    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "PRIVATE, GOVERNMENT, UNIFORMED" in found.fields["employer_kind"]


@pytest.mark.long
@browser
async def test_a_link_puts_no_words_of_its_own_on_the_page(tmp_path: Path) -> None:
    """A provider that no one knows is not named; the lender's own first ones come after."""
    settings = {"http_address": "127.0.0.1:0", "connect_top_providers": "grab_ph, sss_ph"}
    async with running(tmp_path, **settings) as live:
        made = await people_of(live).CreateApplicant(pb.CreateApplicantRequest(applicant_ref="C-1"))
        address = f"{live.service.http_url}/connect?token={made.link_token.access_token}"
        async with opened(f"{address}&first=call_0917,gsis_ph,sss_ph", widget=RECORDER) as page:
            await told(page, "If you have an account at GSIS or SSS, connect it first.")
            await expect(page.get_by_text("0917")).to_have_count(0)
            await page.get_by_role("button", name="Connect an account").click()
            await page.locator("body[data-opened]").wait_for()
            top = await page.evaluate("window.handed.topProviders")
            assert top == ["call_0917", "gsis_ph", "sss_ph", "grab_ph"]
            await page.get_by_role("link", name="Filipino").click()
            await told(page, "Kung mayroon po kayong account sa GSIS o SSS")
        async with opened(f"{address}&first=call_0917", widget=RECORDER) as page:
            await told(page, "How it works")
            await expect(page.locator("#first")).to_be_hidden()
