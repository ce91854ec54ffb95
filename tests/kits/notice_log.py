"""What every `NoticeLog` must do: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from msgspec.structs import replace

from decision_service.casework.compose import Letter, LetterPart
from decision_service.casework.letters import NoticeFilter, Sending, StoredNotice
from decision_service.domain.ports import PagePosition
from decision_service.rules.letters import NoticeKind
from decision_service.store.store import Store
from tests.kits.decision_entries import ENTRY, NOON, numbered

LETTER = Letter(
    NoticeKind.ADVERSE_ACTION,
    "fil",
    "Pamagat",
    "Sample Lending Inc.",
    "Hindi namin maaprobahan.",
    (LetterPart("Bakit", ("linya",), ("dahilan",)),),
    "",
)
MADE = StoredNotice(ENTRY.decision_id, ENTRY.caller, LETTER, "a" * 64, NOON, "los")
ENGLISH = replace(MADE, letter=replace(LETTER, language="en"), made=NOON + timedelta(seconds=1))
SENDING = Sending(NOON + timedelta(hours=1), "email", "los")


class NoticeLogKit:
    """The suite; `log` is an empty store."""

    async def test_a_letter_is_made_once(self, log: Store) -> None:
        """The first letter of a kind and language stays, also among many at once."""
        await log.commit(ENTRY)
        others = [replace(MADE, made_by=f"caller-{number}") for number in range(5)]
        found = await asyncio.gather(*map(log.notices.record, others))
        assert len({one.made_by for one in found if one is not None}) == 1
        assert await log.notices.find(MADE.notice_id) == found[0]
        assert await log.notices.find(ENGLISH.notice_id) is None

    async def test_no_letter_is_made_of_a_decision_that_is_not_stored(self, log: Store) -> None:
        """Nothing is written of a person whose decisions are gone."""
        assert await log.notices.record(MADE) is None
        assert await log.notices.find(MADE.notice_id) is None

    async def test_the_first_sending_counts(self, log: Store) -> None:
        """A repeated report changes nothing; of no letter there is none."""
        await log.commit(ENTRY)
        await log.notices.record(MADE)
        sent = await log.notices.sent(MADE.notice_id, SENDING)
        assert sent == replace(MADE, sent=SENDING)
        again = await log.notices.sent(MADE.notice_id, replace(SENDING, channel="post"))
        assert again == sent
        assert await log.notices.sent(ENGLISH.notice_id, SENDING) is None

    async def test_letters_are_listed_newest_first_by_page_and_filter(self, log: Store) -> None:
        """Each filter alone, and a page that goes on where the one before ended."""
        other = numbered(2)
        for entry in (ENTRY, other):
            await log.commit(entry)
        elsewhere = replace(MADE, decision_id=other.decision_id, caller="other", made=NOON)
        for notice in (MADE, ENGLISH, elsewhere):
            await log.notices.record(notice)
        await log.notices.sent(MADE.notice_id, SENDING)
        sent = replace(MADE, sent=SENDING)
        everything = list(await log.notices.list(NoticeFilter(), None, 10))
        assert everything[0] == ENGLISH
        assert {one.notice_id for one in everything[1:]} == {sent.notice_id, elsewhere.notice_id}
        after = PagePosition(ENGLISH.made, ENGLISH.notice_id)
        assert list(await log.notices.list(NoticeFilter(), after, 10)) == everything[1:]
        for chosen, expected in (
            (NoticeFilter(decision_id=other.decision_id), [elsewhere]),
            (NoticeFilter(caller=ENTRY.caller), [ENGLISH, sent]),
            (NoticeFilter(kind=NoticeKind.APPROVAL), []),
            (NoticeFilter(sent=True), [sent]),
        ):
            assert list(await log.notices.list(chosen, None, 10)) == expected
