"""From bytes to typed answers, and lists over several pages."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.values import Cause, DataReason
from decision_service.smile.answers import (
    EincomeAnswer,
    OneDecoder,
    PageAnswer,
    PageDecoder,
    read_list,
)
from decision_service.smile.client import Request
from decision_service.smile.errors import TransientFault, UpstreamFault
from decision_service.smile.limits import SmileLimits
from tests.fakes.examples import examples

PAGES = PageDecoder(EincomeAnswer, "eincomes")
GOOD = b'{"code":"OK","data":{"nextCursor":"12","items":[{"id":"einc-1","amount":1}]}}'


def fault_of(body, decode=PAGES):
    """The fault that a body gives."""
    with pytest.raises(UpstreamFault) as found:
        decode(body)
    return found.value


@pytest.mark.parametrize("body", [b'[{"id":"einc-1"}]', b' \r\n\t[{"id":"einc-1"}] '])
def test_a_bare_array_is_one_last_page(body):
    """The guide's form without an envelope is taken as the only page."""
    page = PAGES(body)
    assert [item.id for item in page.items] == ["einc-1"]
    assert not page.next_cursor


def test_unknown_fields_are_ignored():
    """New fields, however deep, do not disturb."""
    body = b'{"code":"OK","new":[1],"data":{"items":[{"id":"einc-1","more":{"x":[{}]}}],"page":3}}'
    assert PAGES(body).items[0].id == "einc-1"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"code":"ERROR","data":{"items":[]}}', "eincomes.code"),
        (b'{"data":{"items":[]}}', "eincomes.code"),
        (b'{"code":"OK","data":null}', "eincomes.data"),
        (b'{"code":"OK"}', "eincomes.data"),
        (b'{"code":"OK","data":{}}', "eincomes.items"),
        (b'{"code":"OK","data":{"items":null}}', "eincomes.items"),
        (b'{"code":"OK","data":{"items":{}}}', "eincomes"),
        (b'{"code":"OK","data":[]}', "eincomes"),
        (b'{"code":"OK","data":{"items":[{"id":7}]}}', "eincomes.id"),
        (b'{"code":"OK","data":{"items":[{"metadata":{"userId":7}}]}}', "eincomes.metadata.userId"),
        (b'{"code":"OK","data":{"items":[],"nextCursor":5}}', "eincomes.nextCursor"),
        (b'{"code":7,"data":{"items":[]}}', "eincomes.code"),
        (b"[7]", "eincomes"),
        (b"null", "eincomes"),
        (b'"OK"', "eincomes"),
        (b"7", "eincomes"),
    ],
)
def test_another_shape_is_a_change_of_schema(body, path):
    """A wrong shape is UPSTREAM_SCHEMA with the path of the field, and is not asked for again."""
    fault = fault_of(body)
    assert (fault.cause, fault.code) == (Cause.BAD_DATA, DataReason.UPSTREAM_SCHEMA)
    assert fault.detail == path
    assert not isinstance(fault, TransientFault)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b"\xef\xbb\xbf" + GOOD,
        GOOD.decode().encode("utf-16"),
        GOOD + b"}",
        GOOD + GOOD,
        GOOD.replace(b'"OK"', b"'OK'"),
        GOOD.replace(b"einc-1", b"einc-\xff"),
        GOOD.replace(b'"amount":1', b'"amount":NaN')[:-1],
        b'{"code":"OK","unknown":"\xff","data":{"items":[]}}',
    ],
)
def test_what_is_not_json_in_utf8_is_a_bad_body(body):
    """Pages in HTML, with a byte order mark, in UTF-16 or with broken UTF-8 are not parsed."""
    assert fault_of(body).code is DataReason.UPSTREAM_BAD_BODY


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("closing", [b"", b"]" * 1_000_000])
def test_too_deep_an_answer_is_too_large(opening, closing):
    """Nesting that would exhaust the stack is DATA_TOO_LARGE even in a field that is not read."""
    fault = fault_of(b'{"code":"OK","x":' + opening * 1_000_000 + closing)
    assert fault.code is DataReason.DATA_TOO_LARGE
    assert not isinstance(fault, TransientFault)


def test_paths_of_one_object_start_with_its_name():
    """The path of a single object's field is headed by the name it was given."""
    decode = OneDecoder(EincomeAnswer, "thing")
    assert fault_of(b'{"code":"OK","data":{"month":5}}', decode).detail == "thing.month"


LIMITS = SmileLimits()
ASK = Request("/eincomes", {"userId": "u"})


def items(*ids):
    """Items with these ids."""
    return [EincomeAnswer(id=str(one)) for one in ids]


class Pages:
    """Gives what `page` gives for a cursor and counts how often it is asked."""

    def __init__(self, page):
        self._page = page
        self.asked = []

    async def __call__(self, ask):
        cursor = ask.params.get("cursor")
        self.asked.append(cursor)
        return self._page(cursor)


def read(pages, limits=LIMITS, **more):
    """The whole list."""
    return asyncio.run(read_list(pages, ASK, limits, name="eincomes", **more))


def list_fault(pages, limits=LIMITS):
    """The fault that reading the list gives."""
    with pytest.raises(UpstreamFault) as found:
        read(pages, limits)
    return found.value


@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=8), last=st.sampled_from([None, ""]))
@settings(max_examples=examples(60), deadline=None)
def test_pages_in_a_row_are_one_list(sizes, last):
    """However a list is cut into pages, it is read whole and in order, once per page."""
    ids = iter(range(1000))
    cut = [items(*(next(ids) for _ in range(size))) for size in sizes]

    def page(cursor):
        at = int(cursor or 0)
        return PageAnswer(cut[at], str(at + 1) if at + 1 < len(cut) else last)

    pages = Pages(page)
    listed = read(pages)
    assert [item.id for item in listed.items] == [str(n) for n in range(sum(sizes))]
    assert len(pages.asked) == len(sizes)


def test_a_second_page_is_announced():
    """`on_more` is told about a list of several pages, and only about such a one."""
    told = []
    read(Pages(lambda _: PageAnswer(items(1))), on_more=lambda: told.append(1))
    assert told == []
    read(
        Pages(lambda c: PageAnswer(items(2 if c else 1), None if c else "x")),
        on_more=lambda: told.append(1),
    )
    assert told == [1]


@pytest.mark.parametrize(
    ("cursors", "asked"),
    [({None: "A", "A": "A"}, 2), ({None: "A", "A": "B", "B": "A"}, 3)],
)
def test_a_cursor_that_comes_again_is_a_loop(cursors, asked):
    """A cursor seen before is PAGINATION_LOOP at once, directly or in a circle."""
    pages = Pages(lambda cursor: PageAnswer(items(cursor), cursors[cursor]))
    assert list_fault(pages).code is DataReason.PAGINATION_LOOP
    assert len(pages.asked) == asked


@pytest.mark.parametrize("per_page", [0, 1, 149])
def test_pages_without_end_that_bring_little_are_a_loop(per_page):
    """Forty pages that are empty or not full are PAGINATION_LOOP, whatever their cursors."""

    def page(cursor):
        at = int(cursor or 0)
        return PageAnswer(items(*range(at * per_page, (at + 1) * per_page)), str(at + 1))

    pages = Pages(page)
    assert list_fault(pages).code is DataReason.PAGINATION_LOOP
    assert len(pages.asked) <= 41


def test_the_same_full_page_for_ever_is_a_loop():
    """Full pages count only with items that are new."""
    pages = Pages(lambda cursor: PageAnswer(items(*range(150)), str(int(cursor or 0) + 1)))
    assert list_fault(pages).code is DataReason.PAGINATION_LOOP
    assert len(pages.asked) <= 41


def full(count):
    """So many items in full pages."""

    def page(cursor):
        at = int(cursor or 0)
        rest = range(at * 150, min((at + 1) * 150, count))
        return PageAnswer(items(*rest), str(at + 1) if (at + 1) * 150 < count else None)

    return Pages(page)


def test_an_honest_list_of_ten_thousand_is_read():
    """A list of full pages may have more than forty of them."""
    assert len(read(full(10_000)).items) == 10_000


def test_twelve_thousand_items_are_the_end():
    """12,000 items are read, one more is DATA_TOO_LARGE."""
    assert len(read(full(12_000)).items) == 12_000
    pages = full(1_000_000)
    assert list_fault(pages).code is DataReason.DATA_TOO_LARGE
    assert len(pages.asked) == 81


def test_a_page_larger_than_asked_is_read():
    """A page with more items than were asked for is taken as it is."""
    assert len(read(Pages(lambda _: PageAnswer(items(*range(400))))).items) == 400
