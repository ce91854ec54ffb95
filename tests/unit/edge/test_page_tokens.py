"""Page tokens: opaque, and bound to their filter."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.casework.disclosure import Chapter, ExportPlace
from decision_service.casework.outcomes import OutcomePosition
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import PageTokenInvalid
from decision_service.domain.ports import Filter, PagePosition
from decision_service.server.page_tokens import (
    make_export_token,
    make_outcome_token,
    make_step_token,
    make_token,
    read_export_token,
    read_outcome_token,
    read_step_token,
    read_token,
)

MINE = Filter(product="personal-loan-ph", outcome=Outcome.REFER)


@given(st.datetimes(timezones=st.just(UTC)), st.from_regex(r"dec_[0-9A-Z]{26}", fullmatch=True))
def test_a_token_gives_its_position_back(created: datetime, decision_id: str) -> None:
    """The position survives, to the microsecond."""
    position = PagePosition(created, decision_id)
    assert read_token(MINE, make_token(MINE, position)) == position


def test_a_token_of_another_filter_is_refused() -> None:
    """A token continues only the listing it came from."""
    token = make_token(MINE, PagePosition(datetime(2026, 1, 1, tzinfo=UTC), "dec_X"))
    with pytest.raises(PageTokenInvalid, match="another filter"):
        read_token(Filter(product="gig-advance-ph"), token)


@given(st.dates(), st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=200))
def test_a_token_of_reports_gives_its_position_back(as_of: date, loan_id: str) -> None:
    """Day and loan survive, and only for the decision whose reports they are."""
    position = OutcomePosition(as_of, loan_id)
    token = make_outcome_token("dec_X", position)
    assert read_outcome_token("dec_X", token) == position
    with pytest.raises(PageTokenInvalid, match="another decision"):
        read_outcome_token("dec_Y", token)


@given(st.integers(0, 2**31 - 1), st.integers(2**31, 2**64 - 1))
def test_a_token_of_steps_gives_its_position_back(position: int, beyond: int) -> None:
    """Only for the rollout or review whose steps they are, and no place that the store has not."""
    token = make_step_token("rev_X", position)
    assert read_step_token("rev_X", token) == position
    with pytest.raises(PageTokenInvalid, match="the steps of another"):
        read_step_token("rev_Y", token)
    with pytest.raises(PageTokenInvalid):
        read_step_token("rev_X", make_step_token("rev_X", beyond))


@given(st.text(min_size=1, max_size=60))
def test_garbage_is_refused_and_never_crashes(token: str) -> None:
    """Whatever a client sends as a token, the answer is PAGE_TOKEN_INVALID."""
    with pytest.raises(PageTokenInvalid):
        read_token(MINE, token)
    with pytest.raises(PageTokenInvalid):
        read_outcome_token("dec_X", token)


def test_a_made_up_token_brings_no_nul_to_the_store() -> None:
    """Of whatever list: PostgreSQL would refuse it as a value that cannot be stored."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    reports = make_outcome_token("dec_X", OutcomePosition(noon.date(), "LN-\0"))
    export = make_export_token("user", ExportPlace(Chapter.DECISIONS, noon, "dec_\0"))
    for read in (
        lambda: read_token(MINE, make_token(MINE, PagePosition(noon, "dec_\0"))),
        lambda: read_outcome_token("dec_X", reports),
        lambda: read_export_token("user", export),
    ):
        with pytest.raises(PageTokenInvalid, match="not a token of this service"):
            read()


def test_no_token_is_the_first_page() -> None:
    """The empty token asks for the beginning."""
    assert read_token(MINE, "") is None
    assert read_outcome_token("dec_X", "") is None
