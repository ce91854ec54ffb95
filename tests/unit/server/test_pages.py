"""Pages of lists: one rule for their sizes; tokens opaque and bound to their filter."""

from __future__ import annotations

from datetime import UTC, datetime
from inspect import signature
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from decision_service.casework.disclosure import ExportPlace, Section
from decision_service.casework.outcomes import OutcomePosition
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import FieldInvalid, PageTokenInvalid
from decision_service.domain.ports import Filter, PagePosition
from decision_service.runtime.clock import SystemClock
from decision_service.server.services import (
    applicants,
    decisions,
    events,
    notices,
    outcomes,
    reviews,
    rollouts,
    rulesets,
    status,
)
from decision_service.server.transport import grpc
from decision_service.server.transport.context import CallInfo
from decision_service.server.transport.page_tokens import (
    StepNumber,
    make_token,
    page_size,
    read_token,
)
from decision_service.server.transport.wire import Problems, methods

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = (
    applicants, decisions, events, notices, outcomes, reviews, rollouts, rulesets, status
)  # fmt: skip


def lists() -> Iterator[Any]:
    for module in MODULES:
        for rpc in module.SERVICE.methods:
            if "page_size" in rpc.input_type.fields_by_name:
                yield pytest.param(module, rpc.name, id=rpc.name)


@pytest.mark.parametrize(("module", "name"), [*lists()])
async def test_only_a_negative_page_size_is_refused(module: ModuleType, name: str) -> None:
    """Before anything is read; 0 means the default, and a large size the largest."""
    made = next(one for title, one in vars(module).items() if title.endswith("Servicer"))
    servicer = made(*[SystemClock() for _ in signature(made).parameters])
    call = methods(module.SERVICE, servicer)[name].unary_unary
    asked = GetMessageClass(module.SERVICE.methods_by_name[name].input_type)
    for size in (-1, -(2**31)):
        with pytest.raises(FieldInvalid, match=rf"\bpage_size is {size}: it must not be negative"):
            await call(asked(page_size=size), SimpleNamespace(info=CallInfo()))
    for size in (0, 1, 2**31 - 1):
        Problems(asked(page_size=size)).raise_if_any()
        assert 1 <= page_size(size) <= 500


def test_every_service_is_looked_at() -> None:
    """A new list by page_size cannot forget the rule."""
    assert {module.SERVICE.full_name for module in MODULES} == {*grpc.SERVICES}


MINE = Filter(product="personal-loan-ph", outcome=Outcome.REFER)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200)

POSITIONS = (
    st.builds(PagePosition, st.datetimes(timezones=st.just(UTC)), TEXT)
    | st.builds(OutcomePosition, st.dates(), TEXT)
    | st.integers(0, 2**31 - 1)
)


@given(POSITIONS)
def test_a_token_gives_its_position_back(position: PagePosition | OutcomePosition | int) -> None:
    """To the microsecond, and only for the list whose place it is."""
    kind = StepNumber if isinstance(position, int) else type(position)
    token = make_token("dec_X", position)
    assert read_token("dec_X", token, kind) == position
    with pytest.raises(PageTokenInvalid, match="another list"):
        read_token("dec_Y", token, kind)


def test_a_token_of_another_filter_is_refused() -> None:
    """A token continues only the listing it came from."""
    token = make_token(MINE, PagePosition(datetime(2026, 1, 1, tzinfo=UTC), "dec_X"))
    with pytest.raises(PageTokenInvalid, match="another list, filter or store"):
        read_token(Filter(product="gig-advance-ph"), token, PagePosition)


@given(st.integers(2**31, 2**64 - 1))
def test_a_step_beyond_what_the_store_has_is_refused(beyond: int) -> None:
    """Its numbers end at 2^31."""
    with pytest.raises(PageTokenInvalid):
        read_token("rev_X", make_token("rev_X", beyond), StepNumber)


@given(st.text(min_size=1, max_size=60))
def test_garbage_is_refused_and_never_crashes(token: str) -> None:
    """Whatever a client sends as a token, the answer is PAGE_TOKEN_INVALID."""
    with pytest.raises(PageTokenInvalid):
        read_token(MINE, token, PagePosition)
    with pytest.raises(PageTokenInvalid):
        read_token("dec_X", token, OutcomePosition)


def test_a_made_up_token_brings_no_nul_to_the_store() -> None:
    """Of whatever list: PostgreSQL would refuse it as a value that cannot be stored."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    reports = make_token("dec_X", OutcomePosition(noon.date(), "LN-\0"))
    export = make_token("user", ExportPlace(Section.DECISIONS, noon, "dec_\0"))
    for read in (
        lambda: read_token(MINE, make_token(MINE, PagePosition(noon, "dec_\0")), PagePosition),
        lambda: read_token("dec_X", reports, OutcomePosition),
        lambda: read_token("user", export, ExportPlace),
    ):
        with pytest.raises(PageTokenInvalid, match="not a token of this service"):
            read()


def test_no_token_is_the_first_page() -> None:
    """The empty token asks for the beginning."""
    assert read_token(MINE, "", PagePosition) is None
    assert make_token(MINE, None) == ""
