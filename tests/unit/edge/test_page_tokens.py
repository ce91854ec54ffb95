"""Page tokens: opaque, and bound to their filter."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.casework.disclosure import ExportPlace, Section
from decision_service.casework.outcomes import OutcomePosition
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import PageTokenInvalid
from decision_service.domain.ports import Filter, PagePosition
from decision_service.server.page_tokens import StepNumber, make_token, read_token

MINE = Filter(product="personal-loan-ph", outcome=Outcome.REFER)


@given(st.datetimes(timezones=st.just(UTC)), st.from_regex(r"dec_[0-9A-Z]{26}", fullmatch=True))
def test_a_token_gives_its_position_back(created: datetime, decision_id: str) -> None:
    """The position survives, to the microsecond."""
    position = PagePosition(created, decision_id)
    assert read_token(MINE, make_token(MINE, position), PagePosition) == position


def test_a_token_of_another_filter_is_refused() -> None:
    """A token continues only the listing it came from."""
    token = make_token(MINE, PagePosition(datetime(2026, 1, 1, tzinfo=UTC), "dec_X"))
    with pytest.raises(PageTokenInvalid, match="another filter"):
        read_token(Filter(product="gig-advance-ph"), token, PagePosition)


@given(st.dates(), st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=200))
def test_a_token_of_reports_gives_its_position_back(as_of: date, loan_id: str) -> None:
    """Day and loan survive, and only for the decision whose reports they are."""
    position = OutcomePosition(as_of, loan_id)
    token = make_token("dec_X", position)
    assert read_token("dec_X", token, OutcomePosition) == position
    with pytest.raises(PageTokenInvalid, match="another list"):
        read_token("dec_Y", token, OutcomePosition)


@given(st.integers(0, 2**31 - 1), st.integers(2**31, 2**64 - 1))
def test_a_token_of_steps_gives_its_position_back(position: int, beyond: int) -> None:
    """Only for the rollout or review whose steps they are, and no place that the store has not."""
    token = make_token("rev_X", position)
    assert read_token("rev_X", token, StepNumber) == position
    with pytest.raises(PageTokenInvalid, match="another list"):
        read_token("rev_Y", token, StepNumber)
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
