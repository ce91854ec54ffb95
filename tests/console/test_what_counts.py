"""What counts is what the pages show: results of persons, and letters made by who may make them."""

from __future__ import annotations

import csv
import re
from html import unescape
from pathlib import Path

import pytest

from tests.console.house import House, house

pytestmark = pytest.mark.long


async def approved_by_two(home: House) -> str:
    """A referral that Rosa proposed to approve and Tomas confirmed; the decision's id."""
    decision_id: str = (await home.decide("Anisha", 30_000)).decision_id
    review = {"review_id": f"rev_{decision_id.removeprefix('dec_')}-1"}
    await home.call("rosa", "ReviewService.ClaimReview", **review)
    await home.call(
        "rosa",
        "ReviewService.CompleteReview",
        **review,
        request_id="done",
        outcome="OUTCOME_APPROVE",
        approved_amount={"currency_code": "PHP", "units": 30_000},
        reason="INCOME_CONFIRMED",
        explanation="The employer confirms it by phone.",
    )
    await home.call("tomas", "ReviewService.ConfirmReview", **review, request_id="second")
    return decision_id


def words_of(page: str) -> str:
    """A page without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


async def test_a_persons_result_is_shown_next_to_the_rules_outcome(tmp_path: Path) -> None:
    """In list, filter, title and export; and a letter is made by who may, and read by others."""
    async with house(tmp_path) as home:
        declined = (await home.decide("Ryan", 20_000)).decision_id
        decision_id = await approved_by_two(home)
        async with home.client("noel") as noel, home.client("rosa") as rosa:
            for outcome in ("APPROVE", "REFER"):
                page = await noel.get("/decisions", params={"outcome": outcome})
                assert decision_id in page.text, outcome
                assert "approved by two persons: 30,000 PHP" in words_of(page.text)
                assert declined not in page.text
                rows = (await noel.get("/decisions.csv", params={"outcome": outcome})).text
                [row] = csv.DictReader(rows.splitlines())
                assert row["outcome"].startswith("REFER")
                shown = (row["result"], row["result_by"], row["result_amount"])
                assert shown == ("APPROVE", "two persons", "30,000 PHP")
            page = await noel.get("/decisions", params={"outcome": "DECLINE"})
            assert declined in page.text
            assert decision_id not in page.text

            heading = "Referred by the rules, approved by two persons: 30,000 PHP"
            one = f"/decisions/{decision_id}"
            seen = await noel.get(one)
            assert heading in words_of(seen.text.partition("<title>")[2].partition("</title>")[0])
            assert heading in words_of(seen.text.partition("<h1>")[2].partition("</h1>")[0])
            assert heading in words_of((await noel.get(f"{one}/chain")).text)

            assert "Make it in English" not in seen.text
            refused = await noel.post(f"{one}/letters", data={"language": "en"})
            assert refused.status_code == 409
            assert "a caller with the role decide or review has to make it" in words_of(
                refused.text.lower()
            )
            assert "Make it in English" in (await rosa.get(one)).text
            made = await rosa.post(f"{one}/letters", data={"language": "en"})
            assert made.headers["location"] == f"{one}#letters"
            again = await noel.post(f"{one}/letters", data={"language": "en"})
            assert again.status_code == 303
            assert "for rosa" in words_of((await noel.get(one)).text)
